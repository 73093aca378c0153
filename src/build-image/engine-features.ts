/** What a build asks for against what the engine can do, before it is started. */
import { ActionError } from '../runner/index.ts';
import type { CachePlan } from './cache.ts';
import type { Engine } from './engines/port.ts';
import type { BuildInputs } from './inputs.ts';
import type { Plan } from './plan.ts';

const BUILDX = 'Install the buildx plugin, or use buildah';
const CONTAINER = 'Use buildx with a container builder (builder: new) or BUILDKIT_HOST';

/** @throws ActionError E_ENGINE_FEATURE which names the feature, the engine, and what to change */
export function checkFeatures(engine: Engine, plan: Plan, inputs: BuildInputs, cache: CachePlan): void {
  const { caps } = engine;
  const need = (wanted: boolean, has: boolean, feature: string, fix: string, line?: number): void => {
    if (!wanted || has) return;
    throw new ActionError('E_ENGINE_FEATURE', {
      what: `engine ${engine.name}`,
      why: `it has no ${feature}`,
      fix,
      ...(line === undefined ? {} : { at: { file: plan.files.dockerfile, line } }),
    });
  };
  const many = 'Use buildx with a container builder (builder: new), buildah, or one job a platform and mode merge';
  need(inputs.platforms.length > 1, caps.platforms, 'builds for several platforms', many);
  need(inputs.secrets.length > 0, caps.secrets, 'build secrets', BUILDX);
  need(inputs.ssh.length > 0, caps.ssh, 'SSH forwarding', BUILDX);
  need(inputs.buildContexts.length > 0, caps.contexts, 'named build contexts', BUILDX);
  need(inputs.provenance !== 'none', caps.attestations, 'provenance', CONTAINER);
  need(inputs.sbom, caps.attestations, 'SBOM', CONTAINER);
  need(inputs.reproducible, caps.reproducible, 'way to rewrite times', `${CONTAINER} with BuildKit 0.13, or buildah`);
  need(cache.to.length > 0, caps.cache.length > 0, 'export of its cache', 'Set cache to local, or use another engine');
  for (const [name] of inputs.engineOptions) {
    need(true, caps.options.includes(name), `option ${name}`, 'Drop it from engine-options, or use another engine');
  }
  const ignoreFix = 'Move its content to .dockerignore, or install the buildx plugin';
  need(plan.files.ownIgnoreFile, caps.privateIgnoreFile, `way to read ${plan.files.ignoreName}`, ignoreFix);
  for (const { name, line } of plan.dockerfile.features) {
    const newer = 'or use a newer engine';
    if (name === 'heredoc')
      need(true, caps.heredocs, 'heredocs', `Write the command on lines that end in \\, ${newer}`, line);
    if (name === 'link') need(true, caps.link, 'COPY --link', `Drop --link, ${newer}`, line);
    if (name === 'mount') need(true, caps.mounts, 'RUN --mount', BUILDX, line);
  }
}
