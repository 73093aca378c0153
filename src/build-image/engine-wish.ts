/** Which engine and builder the inputs ask for. */
import { nameOf } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { resolveRef } from './bases.ts';
import type { EngineHome } from './engine-home.ts';
import type { EngineWish } from './engines/detect.ts';
import type { BuildInputs } from './inputs.ts';
import type { Ports } from './ports.ts';

/** @throws ActionError E_DOWNLOAD */
export async function wishOf(inputs: BuildInputs, { workdir, id }: EngineHome, ports: Ports): Promise<EngineWish> {
  const needs: EngineWish['needs'][number][] = [];
  if (inputs.platforms.length > 1) needs.push('platforms');
  if (inputs.provenance !== 'none' || inputs.sbom) needs.push('attestations');
  if (inputs.reproducible) needs.push('reproducible');
  if (inputs.cache === 'gha' || inputs.cache === 'registry' || inputs.cacheTo.length > 0) needs.push('cache');
  const pin = inputs.installBuildx;
  return {
    engine: inputs.engine,
    builder: inputs.builder,
    needs,
    id,
    installed:
      pin === undefined ? undefined : await ports.installBuildx(pin, ports.env.RUNNER_TOOL_CACHE || workdir.path),
    async builderImage() {
      const base = await resolveRef(inputs.builderImage, ports.registryFor);
      if (base.digest !== undefined) return `${nameOf(inputs.builderImage)}@${base.digest}`;
      throw new ActionError('E_ENGINE_FEATURE', {
        what: `builder image ${base.name}`,
        why: base.problem ?? 'it has no digest',
        fix: 'Set builder-image to a mirror that can be reached',
      });
    },
  };
}
