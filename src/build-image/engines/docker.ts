/** docker: build and push by name; the digest stands in the last line of the push. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../oci/index.ts';
import { isOlder } from './buildx.ts';
import { daemonImage } from './daemon.ts';
import { withLabels } from './legacy-labels.ts';
import { type BuildRequest, commonFlags, type Engine, EngineOutputMissing, mustSucceed } from './port.ts';

export interface DockerFacts {
  client: string;
  /** With BuildKit (the buildx plugin is there, or client < 23 with server >= 18.09), else the legacy builder. */
  buildKit: boolean;
  /** The buildx plugin is there. */
  plugin: boolean;
}

/** Pure. */
function dockerArgs(facts: DockerFacts, r: BuildRequest): string[] {
  const names = r.stage === undefined ? r.load : [r.stage];
  return [
    'build',
    '--file',
    r.dockerfile,
    '--platform',
    r.platforms.join(','),
    ...(facts.buildKit ? ['--progress', 'plain'] : []),
    ...(r.noCache ? ['--no-cache'] : []),
    ...commonFlags(r),
    ...names.flatMap((name) => ['--tag', name]),
    r.context,
  ];
}

/** The digest of the line `<tag>: digest: sha256:… size: <n>` that ends a push. */
export function pushedDigest(log: string, stage: string): Digest | undefined {
  const tag = stage.slice(stage.lastIndexOf(':') + 1);
  for (const line of log.split(/\r?\n/).reverse()) {
    const match = /^(\S+): digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(line.trim());
    if (match !== null && match[1] === tag) return parseDigest(match[2] ?? '');
  }
  return undefined;
}

export function docker(facts: DockerFacts): Engine {
  const { buildKit, plugin } = facts;
  // A store of containerd would get an attestation beside the image, and so an index, which nobody asked for.
  const env = { DOCKER_BUILDKIT: buildKit ? '1' : '0', BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
  const old = !buildKit && isOlder(facts.client, [23, 0, 0]);
  return {
    name: `docker ${facts.client}${buildKit ? '' : ' (legacy builder)'}`,
    caps: {
      platforms: false,
      secrets: buildKit,
      ssh: buildKit,
      contexts: plugin,
      heredocs: buildKit,
      link: buildKit,
      mounts: buildKit,
      privateIgnoreFile: buildKit,
      cache: [],
      attestations: false,
      reproducible: false,
      options: ['network', 'add-host', 'shm-size', 'ulimit', 'cgroup-parent'],
    },
    old: old
      ? `docker ${facts.client} with the legacy builder is older than 23.0, which has known holes closed`
      : undefined,
    localImage: daemonImage,
    async build(request, run) {
      const asked = buildKit ? request : await labelled(request);
      mustSucceed('build', await run('docker', dockerArgs(facts, asked), { env }));
      if (request.stage === undefined) return { digest: undefined, tagged: false, notes: [] };
      const pushed = mustSucceed('push', await run('docker', ['push', request.stage], { env }));
      const digest = pushedDigest(pushed.stdoutTail, request.stage);
      if (digest === undefined) throw new EngineOutputMissing('docker push named no digest');
      await run('docker', ['rmi', request.stage], { env });
      return { digest, tagged: true, notes: [] };
    },
  };
}

/** One step for all labels instead of one each. A target may lie anywhere in the file, so there the flags stay. */
async function labelled(request: BuildRequest): Promise<BuildRequest> {
  if (request.target !== '' || request.labels.length === 0) return request;
  const text = withLabels(await readFile(request.dockerfile, 'utf8'), request.labels);
  if (text === undefined) return request;
  const dockerfile = join(request.out, 'Dockerfile');
  await writeFile(dockerfile, text, { mode: 0o600 });
  return { ...request, dockerfile, labels: [] };
}
