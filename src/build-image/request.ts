/** What the engine is asked to do, with its files in the private directory. */
import { mkdir } from 'node:fs/promises';
import { isLoopbackHost } from '../http/index.ts';
import { nameOf, parseRef } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import type { CachePlan } from './cache.ts';
import type { BuildRequest } from './engines/port.ts';
import type { BuildInputs } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { Secret } from './secrets.ts';
import type { Workdir } from './workdir.ts';

/** Hosts of our images and of every base: those whose faults are not the Dockerfile's. */
export function engineHosts(inputs: BuildInputs, plan: Plan): string[] {
  return [...inputs.images.map((i) => i.host), ...sourceHosts(inputs, plan)];
}

/** Hosts of every base and named context. */
function sourceHosts(inputs: BuildInputs, plan: Plan): string[] {
  const bases = plan.dockerfile.bases.flatMap((b) => [b.ref, ...(b.variants ?? []).map((v) => v.ref)]);
  const named = inputs.buildContexts.flatMap(({ source }) => ('ref' in source ? source.ref.host : []));
  return [...bases.flatMap((ref) => ref?.host ?? []), ...named];
}

export async function prepare(
  inputs: BuildInputs,
  plan: Plan,
  secrets: readonly Secret[],
  stageTag: string | undefined,
  cache: CachePlan,
  authFile: string,
  workdir: Workdir,
): Promise<BuildRequest> {
  const [primary] = inputs.images;
  // In a folder of its own, because a builder may read the whole folder.
  const dockerfile = await workdir.write('df/Dockerfile', plan.pinned);
  await workdir.write('df/Dockerfile.dockerignore', plan.files.ignoreText);
  const files: { id: string; file: string }[] = [];
  for (const [i, { id, bytes }] of secrets.entries()) files.push({ id, file: await workdir.write(`s${i}`, bytes) });
  const out = workdir.file('out');
  await mkdir(out, { mode: 0o700 });
  const plain = (host: string): boolean =>
    isLoopbackHost(new URL(`http://${host}`).hostname) || inputs.insecure.includes(host);
  // buildah reads and writes its cache in the same command; BuildKit's words for it are no reference.
  const caches = [...cache.from, ...cache.to].flatMap((at) => parseRef(at)?.host ?? []);
  return {
    dockerfile,
    ignoreFile: await workdir.write('ignore', plan.files.ignoreText),
    context: plan.files.context,
    contexts: plan.contexts.engine,
    platforms: inputs.platforms,
    target: inputs.target,
    args: inputs.args,
    labels: plan.labels,
    annotations: baseAnnotations(plan),
    secrets: files,
    ssh: inputs.ssh,
    options: inputs.engineOptions,
    noCache: cache.noCache,
    cacheFrom: cache.from,
    cacheTo: cache.to,
    provenance: inputs.provenance,
    sbom: inputs.sbom,
    epoch: inputs.reproducible ? epochOf(plan) : undefined,
    image: nameOf(primary),
    stage: stageTag === undefined ? undefined : `${nameOf(primary)}:${stageTag}`,
    load: inputs.images.flatMap((image) => plan.tags.map(({ tag }) => `${nameOf(image)}:${tag}`)),
    // Each by the hosts it contacts: a mirror or a base without TLS must not open the push to the real registry.
    insecure: { push: plain(primary.host), build: [...sourceHosts(inputs, plan), ...caches].some(plain) },
    authFile,
    out,
  };
}

function epochOf({ epoch }: Plan): number {
  if (epoch !== undefined) return epoch;
  throw new ActionError('E_INPUT', {
    what: 'input reproducible',
    why: 'it needs a time for the files, and neither SOURCE_DATE_EPOCH nor the time of the commit is known',
    fix: 'Check the repository out with git, or set SOURCE_DATE_EPOCH',
  });
}

// buildah writes these by itself from the private copy; on scratch it is left alone.
function baseAnnotations({ finalBase }: Plan): [string, string][] {
  if (finalBase?.digest === undefined) return [];
  return [
    ['org.opencontainers.image.base.name', finalBase.name],
    ['org.opencontainers.image.base.digest', finalBase.digest],
  ];
}
