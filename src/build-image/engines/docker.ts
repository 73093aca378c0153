/** docker: build and push by name; the digest stands in the last line of the push. */
import { type Digest, parseDigest } from '../../oci/index.ts';
import { type BuildRequest, type Engine, EngineOutputMissing, flags, mustSucceed } from './port.ts';

export interface DockerFacts {
  client: string;
  /** With BuildKit (the buildx plugin is there, or client < 23 with server >= 18.09), else the legacy builder. */
  buildKit: boolean;
}

function buildArgs(facts: DockerFacts, r: BuildRequest): string[] {
  const names = r.stage === undefined ? r.load : [r.stage];
  return [
    'build',
    '--file',
    r.dockerfile,
    '--platform',
    r.platform,
    ...(facts.buildKit ? ['--progress', 'plain'] : []),
    ...(r.noCache ? ['--no-cache'] : []),
    ...(r.target === '' ? [] : ['--target', r.target]),
    ...flags('--build-arg', r.args),
    ...flags('--label', r.labels),
    ...r.secrets.flatMap(({ id, file }) => ['--secret', `id=${id},src=${file}`]),
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
  const { buildKit } = facts;
  const env = { DOCKER_BUILDKIT: buildKit ? '1' : '0' };
  return {
    name: `docker ${facts.client}${buildKit ? '' : ' (legacy builder)'}`,
    caps: { secrets: buildKit, heredocs: buildKit, link: buildKit, mounts: buildKit, privateIgnoreFile: buildKit },
    async build(request, run) {
      mustSucceed('build', await run('docker', buildArgs(facts, request), { env }));
      if (request.stage === undefined) return { digest: undefined };
      const pushed = mustSucceed('push', await run('docker', ['push', request.stage], { env }));
      const digest = pushedDigest(pushed.stdoutTail, request.stage);
      if (digest === undefined) throw new EngineOutputMissing('docker push named no digest');
      await run('docker', ['rmi', request.stage], { env });
      return { digest };
    },
  };
}
