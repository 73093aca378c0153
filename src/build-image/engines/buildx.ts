/** buildx >= 0.10 with whatever builder there is: of the docker daemon, in a container, in Kubernetes, remote. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../oci/index.ts';
import { parseJson } from '../../text/index.ts';
import { buildKitNotes } from './buildkit-notes.ts';
import { daemonImage } from './daemon.ts';
import {
  type BuildRequest,
  type Capabilities,
  commonFlags,
  type Engine,
  EngineOutputMissing,
  mustSucceed,
  type RunEngine,
} from './port.ts';

export interface BuildxFacts {
  /** Program and its first arguments: `docker buildx`, or buildx alone. */
  command: readonly [file: string, ...args: string[]];
  version: string;
  /** undefined: the current one. */
  builder: string | undefined;
  driver: string;
  /** Version of BuildKit; undefined when the builder does not say. */
  buildKit: string | undefined;
  /** The docker daemon keeps images in the store of containerd. */
  containerdStore: boolean;
  /** There is a docker daemon to load images into. */
  canLoad: boolean;
  close?: () => Promise<void>;
}

/** The arguments of the build, after `buildx`. Pure. */
export function buildxArgs(facts: BuildxFacts, r: BuildRequest): string[] {
  return [
    'build',
    ...(facts.builder === undefined ? [] : ['--builder', facts.builder]),
    '--file',
    r.dockerfile,
    '--metadata-file',
    join(r.out, 'metadata.json'),
    '--progress',
    'plain',
    '--platform',
    r.platforms.join(','),
    ...(r.noCache ? ['--no-cache'] : []),
    ...commonFlags(r),
    // Always said: the default differs from version to version, and a plain manifest must stay one.
    `--provenance=${r.provenance === 'none' ? 'false' : `mode=${r.provenance}`}`,
    `--sbom=${r.sbom}`,
    ...outputFlags(facts, r),
    r.context,
  ];
}

function outputFlags(facts: BuildxFacts, r: BuildRequest): string[] {
  if (r.stage === undefined) {
    // Several platforms fit into no local store but containerd's; without a daemon there is none at all.
    const loads = facts.canLoad && (r.platforms.length === 1 || facts.containerdStore);
    return loads ? [...r.load.flatMap((name) => ['--tag', name]), '--load'] : ['--output', 'type=cacheonly'];
  }
  const daemon = facts.driver === 'docker';
  const parts = daemon
    ? [`"name=${r.stage}"`, 'push=true']
    : [`"name=${r.image}"`, 'push=true', 'push-by-digest=true', 'name-canonical=true', 'oci-mediatypes=true'];
  if (r.insecure.push) parts.push('registry.insecure=true');
  if (r.epoch !== undefined) parts.push('rewrite-timestamp=true');
  return ['--output', ['type=image', ...parts].join(',')];
}

/**
 * The digest in a metadata file.
 * @returns undefined when the file is no JSON, has none, or gives the digest of the config for it
 */
export function metadataDigest(text: string): Digest | undefined {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null) return undefined;
  const fields = json as Record<string, unknown>;
  const said = fields['containerimage.digest'];
  if (typeof said !== 'string' || said === fields['containerimage.config.digest']) return undefined;
  return parseDigest(said);
}

export function buildxCaps(facts: BuildxFacts): Capabilities {
  const own = facts.driver !== 'docker';
  const full = own || facts.containerdStore;
  return {
    platforms: full,
    secrets: true,
    ssh: true,
    contexts: true,
    heredocs: true,
    link: true,
    mounts: true,
    privateIgnoreFile: true,
    cache: full ? ['gha', 'registry'] : [],
    attestations: full,
    reproducible: own && facts.buildKit !== undefined && !isOlder(facts.buildKit, [0, 13, 0]),
    options: ['network', 'add-host', 'shm-size', 'ulimit', 'cgroup-parent', 'allow'],
  };
}

export function buildx(facts: BuildxFacts): Engine {
  const [file, ...first] = facts.command;
  const old = facts.buildKit !== undefined && isOlder(facts.buildKit, [0, 28, 1]);
  return {
    name: `buildx/${facts.driver} ${facts.version}`,
    caps: buildxCaps(facts),
    old: old ? `BuildKit ${facts.buildKit} is older than 0.28.1, which has known holes closed` : undefined,
    async build(request, run) {
      const env = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
      const built = mustSucceed('build', await run(file, [...first, ...buildxArgs(facts, request)], { env }));
      const notes = buildKitNotes(`${built.stdoutTail}\n${built.stderrTail}`);
      if (request.stage === undefined) return { digest: undefined, tagged: false, notes };
      const text = await readFile(join(request.out, 'metadata.json'), 'utf8').catch(() => '');
      const digest = metadataDigest(text);
      if (digest === undefined) throw new EngineOutputMissing('buildx wrote no digest of what it pushed');
      const daemon = facts.driver === 'docker';
      if (daemon) await dropLocal(request.stage, run);
      return { digest, tagged: daemon, notes };
    },
    ...(facts.driver === 'docker' ? { localImage: daemonImage } : {}),
    ...(facts.close === undefined ? {} : { close: facts.close }),
  };
}

// Only the daemon's builder keeps what it pushes. By our own name: what the user named stays.
async function dropLocal(stage: string, run: RunEngine): Promise<void> {
  await run('docker', ['rmi', stage]).catch(() => undefined);
}

/** Compares `v1.2.3-rc.1` with a version; what cannot be read is not older. */
export function isOlder(version: string, than: readonly [number, number, number]): boolean {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  if (match === null) return false;
  const parts = match.slice(1).map((part) => Number(part ?? 0));
  for (const [i, wanted] of than.entries()) {
    const part = parts[i] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
