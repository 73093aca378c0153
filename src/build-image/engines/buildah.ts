/** buildah >= 1.28: build, push with a digest file, take our image out of the store again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '../../oci/index.ts';
import { isOlder } from './buildx.ts';
import {
  type BuildRequest,
  commonFlags,
  type Engine,
  EngineOutputMissing,
  type EngineResult,
  flags,
  mustSucceed,
  type RunEngine,
} from './port.ts';

export interface BuildahFacts {
  version: string;
  /** Before the subcommand: `--storage-driver vfs` where the default does not work. */
  globals: readonly string[];
  isolation: string;
}

/** Pure. @param list name of the list that gathers several platforms; undefined: one platform */
function buildahArgs(facts: BuildahFacts, r: BuildRequest, list?: string): string[] {
  const names = r.stage === undefined ? r.load : [r.stage];
  return [
    ...facts.globals,
    'build',
    '--isolation',
    facts.isolation,
    // Its cache of layers mixes up platforms: an image on scratch of one is taken for another's (seen with 1.28).
    ...(r.noCache ? ['--no-cache'] : [list === undefined ? '--layers' : '--layers=false']),
    // The container of a failed instruction would stay, and with it the secrets that were mounted into it.
    '--force-rm',
    '--format',
    'oci',
    '--identity-label=false',
    '--ignorefile',
    r.ignoreFile,
    '--authfile',
    r.authFile,
    ...(list === undefined ? ['--iidfile', join(r.out, 'iid')] : ['--manifest', list]),
    ...(r.insecure.build ? ['--tls-verify=false'] : []),
    '--platform',
    r.platforms.join(','),
    ...commonFlags(r),
    ...flags('--annotation', r.annotations),
    ...(r.epoch === undefined ? [] : ['--timestamp', String(r.epoch)]),
    ...(list === undefined ? names.flatMap((name) => ['--tag', name]) : []),
    '--file',
    r.dockerfile,
    r.context,
  ];
}

function pushArgs(facts: BuildahFacts, r: BuildRequest, what: readonly string[], from: string): string[] {
  return [
    ...facts.globals,
    ...what,
    '--authfile',
    r.authFile,
    '--format',
    'oci',
    '--digestfile',
    join(r.out, 'digest'),
    ...(r.insecure.push ? ['--tls-verify=false'] : []),
    from,
    `docker://${r.stage}`,
  ];
}

export function buildah(facts: BuildahFacts): Engine {
  const modern = !isOlder(facts.version, [1, 33, 0]);
  return {
    name: `buildah ${facts.version}`,
    caps: {
      platforms: true,
      secrets: true,
      ssh: true,
      contexts: true,
      heredocs: modern,
      link: modern,
      mounts: true,
      privateIgnoreFile: true,
      cache: ['registry'],
      attestations: false,
      reproducible: true,
      options: ['network', 'add-host', 'shm-size', 'ulimit', 'cgroup-parent'],
    },
    async localImage(name, ask) {
      const args = ['inspect', '--type', 'image', '--format', '{{.FromImageID}}', name];
      const answer = await ask('buildah', [...facts.globals, ...args]);
      return typeof answer === 'string' ? undefined : parseDigest(`sha256:${answer.stdout.toString('utf8').trim()}`);
    },
    build: (request, run) =>
      request.platforms.length > 1 ? buildList(facts, request, run) : buildOne(facts, request, run),
  };
}

async function buildOne(facts: BuildahFacts, request: BuildRequest, run: RunEngine): Promise<EngineResult> {
  mustSucceed('build', await run('buildah', buildahArgs(facts, request)));
  const imageId = (await read(request, 'iid')).replace(/^sha256:/, '');
  if (!/^[0-9a-f]{64}$/.test(imageId)) throw new EngineOutputMissing('buildah wrote no image ID');
  if (request.stage === undefined) return { digest: undefined, tagged: false, notes: [] };
  mustSucceed('push', await run('buildah', pushArgs(facts, request, ['push'], imageId)));
  const digest = parseDigest(await read(request, 'digest'));
  // The ID is the digest of the config: taken for the image's it would name a blob.
  if (digest === undefined || digest === `sha256:${imageId}`) {
    throw new EngineOutputMissing('buildah wrote no digest of what it pushed');
  }
  // By our own name: an image that carries the user's name too keeps it, and stays.
  await run('buildah', [...facts.globals, 'rmi', request.stage]);
  return { digest, tagged: true, notes: [] };
}

async function buildList(facts: BuildahFacts, request: BuildRequest, run: RunEngine): Promise<EngineResult> {
  const list = request.stage ?? request.load[0] ?? '';
  // `--manifest` adds to a list that is there, as it is after a push that failed or a run that was killed.
  if ((await run('buildah', [...facts.globals, 'manifest', 'exists', list])).code === 0) {
    await run('buildah', [...facts.globals, 'manifest', 'rm', list]);
  }
  mustSucceed('build', await run('buildah', buildahArgs(facts, request, list)));
  if (request.stage === undefined) return { digest: undefined, tagged: false, notes: [] };
  mustSucceed('push', await run('buildah', pushArgs(facts, request, ['manifest', 'push', '--all'], list)));
  const digest = parseDigest(await read(request, 'digest'));
  if (digest === undefined) throw new EngineOutputMissing('buildah wrote no digest of the list it pushed');
  await run('buildah', [...facts.globals, 'manifest', 'rm', list]);
  return { digest, tagged: true, notes: [] };
}

async function read(request: BuildRequest, name: string): Promise<string> {
  return (await readFile(join(request.out, name), 'utf8').catch(() => '')).trim();
}
