/** buildah >= 1.28: build, push with a digest file, take our image out of the store again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../oci/index.ts';
import { type BuildRequest, type Capabilities, type Engine, EngineOutputMissing, flags, mustSucceed } from './port.ts';

export interface BuildahFacts {
  version: string;
  /** Before the subcommand: `--storage-driver vfs` where the default does not work. */
  globals: readonly string[];
  isolation: string;
}

function buildArgs(facts: BuildahFacts, r: BuildRequest): string[] {
  return [
    ...facts.globals,
    'build',
    '--isolation',
    facts.isolation,
    ...(r.noCache ? ['--no-cache'] : ['--layers']),
    '--format',
    'oci',
    '--identity-label=false',
    '--ignorefile',
    r.ignoreFile,
    '--authfile',
    r.authFile,
    '--iidfile',
    join(r.out, 'iid'),
    ...(r.insecure ? ['--tls-verify=false'] : []),
    '--platform',
    r.platform,
    ...(r.target === '' ? [] : ['--target', r.target]),
    ...flags('--build-arg', r.args),
    ...flags('--label', r.labels),
    ...flags('--annotation', r.annotations),
    ...r.secrets.flatMap(({ id, file }) => ['--secret', `id=${id},src=${file}`]),
    ...(r.stage === undefined ? r.load : [r.stage]).flatMap((name) => ['--tag', name]),
    '--file',
    r.dockerfile,
    r.context,
  ];
}

function pushArgs(facts: BuildahFacts, r: BuildRequest, imageId: string): string[] {
  return [
    ...facts.globals,
    'push',
    '--authfile',
    r.authFile,
    '--format',
    'oci',
    '--digestfile',
    join(r.out, 'digest'),
    ...(r.insecure ? ['--tls-verify=false'] : []),
    imageId,
    `docker://${r.stage}`,
  ];
}

export function buildah(facts: BuildahFacts): Engine {
  const [major = 0, minor = 0] = facts.version.split('.').map(Number);
  const modern = major > 1 || minor >= 33;
  const caps: Capabilities = { secrets: true, heredocs: modern, link: modern, mounts: true, privateIgnoreFile: true };
  return {
    name: `buildah ${facts.version}`,
    caps,
    async build(request, run) {
      mustSucceed('build', await run('buildah', buildArgs(facts, request)));
      const imageId = (await read(request, 'iid')).replace(/^sha256:/, '');
      if (!/^[0-9a-f]{64}$/.test(imageId)) throw new EngineOutputMissing('buildah wrote no image ID');
      if (request.stage === undefined) return { digest: undefined };
      mustSucceed('push', await run('buildah', pushArgs(facts, request, imageId)));
      const digest: Digest | undefined = parseDigest(await read(request, 'digest'));
      // The ID is the digest of the config: taken for the image's it would name a blob.
      if (digest === undefined || digest === `sha256:${imageId}`) {
        throw new EngineOutputMissing('buildah wrote no digest of what it pushed');
      }
      // By our own name: an image that carries the user's name too keeps it, and stays.
      await run('buildah', [...facts.globals, 'rmi', request.stage]);
      return { digest };
    },
  };
}

async function read(request: BuildRequest, name: string): Promise<string> {
  return (await readFile(join(request.out, name), 'utf8').catch(() => '')).trim();
}
