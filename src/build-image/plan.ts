/** Everything that is known before the registry of the image is asked: key, tags, labels, pinned Dockerfile. */
import { readFile } from 'node:fs/promises';
import { type Digest, nameOf } from '../oci/index.ts';
import { ActionError, type WarningCode } from '../runner/index.ts';
import { formatBytes } from '../text/index.ts';
import { type ResolvedBase, requirePinned, resolveBases } from './bases.ts';
import { hashContext } from './context.ts';
import { type Dockerfile, pinBases, readDockerfile } from './dockerfile.ts';
import { type EventFacts, readEvent, type Tier } from './event.ts';
import { type BuildFiles, openFiles } from './files.ts';
import { compileIgnore } from './ignore.ts';
import type { BuildInputs } from './inputs.ts';
import type { OwnKeys } from './inspect.ts';
import { planLabels } from './labels.ts';
import type { Ports } from './ports.ts';
import { commitTime, headRevision } from './revision.ts';
import { ageBucket, type SourceKey, sourceKey } from './source-key.ts';
import { type PlannedTag, planTags } from './tags.ts';

export interface Plan {
  event: EventFacts;
  revision: string | undefined;
  files: BuildFiles;
  dockerfile: Dockerfile;
  pinned: Buffer;
  bases: ResolvedBase[];
  tags: PlannedTag[];
  labels: [string, string][];
  key: SourceKey;
  own: OwnKeys;
  /** Where an image of this source may be waiting; first the one that this run writes. Empty with an unresolved base. */
  staging: readonly string[];
  /** Tag that the engine pushes to when no staging tag may be used. */
  runTag: string;
  finalBase: ResolvedBase | undefined;
  push: boolean;
}

export async function makePlan(inputs: BuildInputs, ports: Ports): Promise<Plan> {
  const { log, env } = ports;
  const event = readEvent(env, await eventPayload(env.GITHUB_EVENT_PATH));
  const push = inputs.push === 'true' || (inputs.push === 'auto' && event.tier === 'trusted');
  if (event.name === 'pull_request_target' && inputs.push === 'true') {
    throw new ActionError('E_PUSH_EVENT', {
      what: 'input push',
      why: 'pull_request_target runs with secrets on code of strangers, which must not become an image',
      fix: 'Use the event pull_request, or push after the merge',
    });
  }
  const files = await openFiles(inputs);
  const { platform, target, args } = inputs;
  const dockerfile = readDockerfile(files.dockerfileBytes, { file: files.dockerfile, args, platform, target });
  const ignore = compileIgnore(files.ignoreText, files.ignoreName);
  const [context, bases, revision] = await Promise.all([
    hashContext(files.context, ignore),
    resolveBases(dockerfile, ports.registryFor),
    findRevision(files.context, ports),
  ]);
  if (inputs.requirePinnedBase) requirePinned(bases, files.dockerfile);
  const unresolved = bases.filter((b) => b.digest === undefined);
  if (unresolved[0] !== undefined && inputs.reuse === 'only') {
    throw new ActionError('E_BASE', {
      what: `base ${unresolved[0].name}`,
      why: unresolved[0].problem ?? 'it has no digest',
      fix: 'Make it reachable or pin it by digest; reuse: only needs to know it',
    });
  }
  for (const base of unresolved) {
    warn(ports, 'W_BASE_UNRESOLVED', `base ${base.name}: ${base.problem}; this build cannot be used again`);
  }
  if (context.hasGit)
    warn(ports, 'W_CONTEXT_GIT', '.git is in the context, so every commit makes a new image: ignore it');
  for (const [name, value] of args) {
    if (revision !== undefined && value === revision) {
      warn(ports, 'W_VOLATILE_ARG', `build argument ${name} is the commit, so every commit makes a new image`);
    }
  }
  const at = await timeOfCommit(event, revision, files.context, ports);
  const bucket = ageBucket(ports.clock.now(), inputs.reuseMaxAge, nameOf(inputs.images[0]));
  const pairs = bases.flatMap((b): [string, string][] => (b.digest === undefined ? [] : [[b.name, b.digest]]));
  const random: [string, string][] = unresolved.length === 0 ? [] : [['', ports.randomHex(16)]];
  const unique = [...new Map([...pairs, ...random])];
  const keyFor = (tier: Tier): SourceKey =>
    sourceKey({
      tier,
      engine: inputs.engine,
      file: dockerfile.digest,
      context: context.digest,
      target,
      args,
      platforms: [platform],
      labels: inputs.labels,
      secrets: inputs.secrets.map((s) => s.id),
      bases: unique,
      bucket,
    });
  const key = keyFor(event.tier);
  const trusted = keyFor('trusted');
  const facts = { event, revision, commitTime: at, key: unresolved.length === 0 ? key.key : undefined };
  const tags = planTags(inputs.tags, facts, inputs.immutableTags);
  const finalBase = dockerfile.finalBase === undefined ? undefined : bases[dockerfile.finalBase];
  const own = event.tier === 'pr' ? `srcpr-${key.key}` : `src-${key.key}`;
  const pins = new Map(bases.flatMap((b, i): [number, Digest][] => (b.digest === undefined ? [] : [[i, b.digest]])));
  const pinnedCount = bases.filter((b) => b.pinned).length;
  log.info(
    `key ${key.key.slice(0, 12)}… ${context.files} files ${formatBytes(context.bytes)}, ` +
      `${bases.length} base references, ${pinnedCount} pinned, platform ${platform}`,
  );
  return {
    event,
    revision,
    files,
    dockerfile,
    pinned: pinBases(dockerfile, pins),
    bases,
    tags,
    labels: planLabels({ event, revision, commitTime: at, key, tags, base: finalBase }, inputs.labels),
    key,
    own: { keys: [...new Set([key.key, trusted.key])], sources: [...new Set([key.source, trusted.source])] },
    // A trusted run never reads what a pull request has left.
    staging: unresolved.length > 0 ? [] : event.tier === 'pr' ? [own, `src-${trusted.key}`] : [own],
    runTag: `run-${ports.randomHex(8)}`,
    finalBase,
    push,
  };
}

async function eventPayload(path: string | undefined): Promise<unknown> {
  if (path === undefined || path === '') return undefined;
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

async function findRevision(context: string, ports: Ports): Promise<string | undefined> {
  const head = await headRevision(context);
  const said = ports.env.GITHUB_SHA || undefined;
  if (head !== undefined && said !== undefined && head !== said) {
    warn(ports, 'W_REVISION_MISMATCH', `the checkout is at ${head}, the event says ${said}; the checkout counts`);
  }
  return head ?? said;
}

async function timeOfCommit(
  event: EventFacts,
  revision: string | undefined,
  folder: string,
  { exec }: Ports,
): Promise<number | undefined> {
  if (revision === undefined) return undefined;
  return event.commit?.id === revision ? event.commit.time : commitTime(exec, folder, revision);
}

function warn(ports: Ports, code: WarningCode, text: string): void {
  ports.log.warning(code, text);
}
