/** Everything that is known before the registry of the image is asked: key, tags, labels, pinned Dockerfile. */
import { type Digest, nameOf } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { formatBytes } from '../text/index.ts';
import { type ResolvedBase, requirePinned, resolveBases } from './bases.ts';
import { type HashedContexts, hashContexts } from './contexts.ts';
import { type Dockerfile, pinBases, readDockerfile } from './dockerfile.ts';
import type { Tier } from './event.ts';
import { findRevision, type Planned, runFacts, stagingTag, timeOfCommit } from './facts.ts';
import { type BuildFiles, openFiles } from './files.ts';
import { type BuildInputs, nativePlatform } from './inputs.ts';
import { relationOf } from './inspect.ts';
import { planLabels } from './labels.ts';
import { addLocal } from './local-bases.ts';
import type { Ports } from './ports.ts';
import { ageBucket, type SourceKey, sourceKey } from './source-key.ts';
import { type PlannedTag, planTags } from './tags.ts';

export interface Plan extends Planned {
  files: BuildFiles;
  dockerfile: Dockerfile;
  pinned: Buffer;
  contexts: HashedContexts;
  labels: [string, string][];
  /** Unix seconds that stand for now: SOURCE_DATE_EPOCH, else the time of the commit. */
  epoch: number | undefined;
  /** Where an image of this source may be waiting; first the one that this run writes. Empty with an unresolved base. */
  staging: readonly string[];
  /** Tag that the engine pushes to when no staging tag may be used. */
  runTag: string;
  finalBase: ResolvedBase | undefined;
}

/** @throws ActionError; see the table of codes in the README */
export async function makePlan(inputs: BuildInputs, ports: Ports): Promise<Plan> {
  const { log } = ports;
  const facts = await runFacts(inputs, ports);
  const { event, push } = facts;
  const files = await openFiles(inputs);
  const { platforms, target, args } = inputs;
  const dockerfile = readDockerfile(files.dockerfileBytes, {
    file: files.dockerfile,
    args,
    platforms,
    native: nativePlatform(),
    target,
    contexts: inputs.buildContexts.map((c) => c.name),
  });
  const [contexts, resolved, revision] = await Promise.all([
    hashContexts(inputs, files, ports.registryFor),
    resolveBases(dockerfile, ports.registryFor),
    findRevision(files.context, ports),
  ]);
  if (inputs.requirePinnedBase) requirePinned(resolved, files.dockerfile);
  const bases = await addLocal(resolved, dockerfile, inputs, ports);
  checkBases(inputs, [...bases, ...contexts.bases], ports);
  if (contexts.main.hasGit)
    log.warning('W_CONTEXT_GIT', '.git is in the context, so every commit makes a new image: ignore it');
  for (const [name, value] of args) {
    if (revision !== undefined && value === revision) {
      log.warning('W_VOLATILE_ARG', `build argument ${name} is the commit, so every commit makes a new image`);
    }
  }
  const at = await timeOfCommit(event, revision, files.context, ports);
  const all = [...bases, ...contexts.bases];
  const complete = all.every((b) => countsAs(b) !== undefined);
  const keyFor = keysOf(inputs, dockerfile, contexts, all, ports);
  const key = keyFor(event.tier);
  const trusted = keyFor('trusted');
  const own = {
    keys: [...new Set([key.key, trusted.key])],
    sources: [...new Set([key.source, trusted.source])],
  };
  const runTag = `run-${ports.randomHex(8)}`;
  const stage = complete ? stagingTag(event, key.key) : runTag;
  const tagFacts = { event, revision, commitTime: at, key: complete ? key.key : undefined };
  const tags: PlannedTag[] =
    push === 'stage'
      ? [{ tag: stage, rule: 'stage', immutable: false }]
      : planTags(inputs.tags, tagFacts, inputs.immutableTags);
  const finalBase = finalOf(dockerfile, bases);
  const pinnedCount = all.filter((b) => b.pinned).length;
  log.info(
    `key ${key.key.slice(0, 12)}… ${contexts.main.files} files ${formatBytes(contexts.main.bytes)}, ` +
      `${all.length} base references, ${pinnedCount} pinned, platforms ${platforms.join(', ')}`,
  );
  return {
    ...facts,
    revision,
    epoch: epochOf(ports.env.SOURCE_DATE_EPOCH) ?? at,
    files,
    dockerfile,
    contexts,
    pinned: pinBases(dockerfile, pinsOf(bases)),
    bases: all,
    tags,
    labels: planLabels({ event, revision, commitTime: at, key, tags, base: finalBase }, inputs.labels),
    key,
    relate: (image) => relationOf(image, own, platforms),
    // A trusted run never reads what a pull request has left.
    staging: !complete ? [] : event.tier === 'pr' ? [stage, `src-${trusted.key}`] : [stage],
    runTag,
    finalBase,
  };
}

/** What of S and K differs between the tiers alone. With an unresolved base K is of this run only. */
function keysOf(
  inputs: BuildInputs,
  dockerfile: Dockerfile,
  contexts: HashedContexts,
  bases: readonly ResolvedBase[],
  ports: Ports,
): (tier: Tier) => SourceKey {
  const pairs = bases.flatMap((b): [string, string][] => {
    const digest = countsAs(b);
    return digest === undefined ? [] : [[b.name, digest]];
  });
  const random: [string, string][] = pairs.length === bases.length ? [] : [['', ports.randomHex(16)]];
  const bucket = ageBucket(ports.clock.now(), inputs.reuseMaxAge, nameOf(inputs.images[0]));
  return (tier) =>
    sourceKey({
      tier,
      engine: inputs.engine,
      file: dockerfile.digest,
      context: contexts.main.digest,
      contexts: contexts.keyed,
      target: inputs.target,
      args: inputs.args,
      platforms: inputs.platforms,
      labels: inputs.labels,
      secrets: inputs.secrets.map((s) => s.id),
      options: [
        ...inputs.engineOptions.map(([name, value]) => `${name}=${value}`),
        ...inputs.ssh.map(({ id }) => `ssh=${id}`),
        ...(inputs.reproducible ? ['reproducible=on'] : []),
      ],
      attest: [inputs.provenance, inputs.sbom],
      bases: [...new Map([...pairs, ...random])],
      bucket,
    });
}

/** What of a base goes into K. */
function countsAs({ digest, local }: ResolvedBase): Digest | undefined {
  return digest ?? local;
}

function checkBases(inputs: BuildInputs, bases: readonly ResolvedBase[], { log }: Ports): void {
  for (const base of bases.filter((b) => b.digest === undefined)) {
    if (base.local !== undefined) {
      log.warning('W_BASE_LOCAL', `base ${base.name}: ${base.problem}; the engine has it, so its image ID counts`);
      continue;
    }
    if (inputs.reuse === 'only') {
      throw new ActionError('E_BASE', {
        what: `base ${base.name}`,
        why: base.problem ?? 'it has no digest',
        fix: 'Make it reachable or pin it by digest; reuse: only needs to know it',
      });
    }
    log.warning('W_BASE_UNRESOLVED', `base ${base.name}: ${base.problem}; this build cannot be used again`);
  }
}

// A reference that differs from platform to platform stays as it is written: each engine expands it by itself.
function pinsOf(bases: readonly ResolvedBase[]): Map<number, Digest> {
  return new Map(
    bases.flatMap((b): [number, Digest][] =>
      b.digest === undefined || b.platform !== undefined ? [] : [[b.reference, b.digest]],
    ),
  );
}

function finalOf({ finalBase }: Dockerfile, bases: readonly ResolvedBase[]): ResolvedBase | undefined {
  return bases.find((b) => b.reference === finalBase && b.platform === undefined);
}

function epochOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
