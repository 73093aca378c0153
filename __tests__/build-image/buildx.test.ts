import { describe, expect, test } from '@jest/globals';
import { planCache } from '../../src/build-image/cache.ts';
import { buildKitNotes } from '../../src/build-image/engines/buildkit-notes.ts';
import { type BuildxFacts, buildx, buildxArgs, isOlder, metadataDigest } from '../../src/build-image/engines/buildx.ts';
import type { BuildRequest } from '../../src/build-image/engines/port.ts';
import { sha256 } from '../../src/oci/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { installBuildx } from './buildx-standin.ts';
import { inside } from './inprocess.ts';

const facts: BuildxFacts = {
  command: ['docker', 'buildx'],
  version: '0.19.3',
  builder: 'b',
  driver: 'docker-container',
  buildKit: 'v0.28.1',
  containerdStore: false,
  canLoad: true,
};
const request: BuildRequest = {
  dockerfile: '/w/df/Dockerfile',
  ignoreFile: '/w/ignore',
  context: '/ws',
  contexts: [['lib', '/ws/lib']],
  platforms: ['linux/amd64', 'linux/arm64'],
  target: 'run',
  args: [['V', '1 2']],
  labels: [['a', 'b,c']],
  annotations: [],
  secrets: [{ id: 'k', file: '/w/s0' }],
  ssh: [{ id: 'default', socket: undefined }],
  options: [['network', 'none']],
  noCache: false,
  cacheFrom: ['type=gha,scope=s'],
  cacheTo: [],
  provenance: 'min',
  sbom: true,
  epoch: 5,
  image: 'r.example/o/app',
  stage: 'r.example/o/app:src-1',
  load: ['r.example/o/app:v1'],
  insecure: { push: false, build: false },
  authFile: '/w/auth.json',
  out: '/w/out',
};

describe('arguments', () => {
  test('all of them, pushed by digest', () => {
    expect(buildxArgs(facts, request)).toEqual([
      ...['build', '--builder', 'b', '--file', '/w/df/Dockerfile', '--metadata-file', '/w/out/metadata.json'],
      ...['--progress', 'plain', '--platform', 'linux/amd64,linux/arm64', '--target', 'run', '--build-arg', 'V=1 2'],
      ...['--label', 'a=b,c', '--build-context', 'lib=/ws/lib', '--secret', 'id=k,src=/w/s0', '--ssh', 'default'],
      ...['--network', 'none', '--cache-from', 'type=gha,scope=s', '--provenance=mode=min', '--sbom=true', '--output'],
      'type=image,"name=r.example/o/app",push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,rewrite-timestamp=true',
      '/ws',
    ]);
  });

  const output = (f: Partial<BuildxFacts>, r: Partial<BuildRequest>): string[] => {
    const args = buildxArgs({ ...facts, ...f }, { ...request, epoch: undefined, ...r });
    return args.slice(
      args.findIndex((a) => ['--output', '--tag', '--load'].includes(a)),
      -1,
    );
  };
  test('the daemon pushes by tag, for it refuses digests; without a push it loads, or keeps nothing', () => {
    expect(output({ driver: 'docker' }, { insecure: { push: true, build: false } })).toEqual([
      '--output',
      'type=image,"name=r.example/o/app:src-1",push=true,registry.insecure=true',
    ]);
    const local = { stage: undefined };
    expect(output({}, { ...local, platforms: ['linux/amd64'] })).toEqual(['--tag', 'r.example/o/app:v1', '--load']);
    expect(output({}, local)).toEqual(['--output', 'type=cacheonly']);
    expect(output({ canLoad: false }, { ...local, platforms: ['linux/amd64'] })).toEqual([
      '--output',
      'type=cacheonly',
    ]);
  });

  test('attestations are always said, so that a plain manifest stays one', () => {
    const plain = buildxArgs(facts, { ...request, provenance: 'none', sbom: false });
    expect(plain).toEqual(expect.arrayContaining(['--provenance=false', '--sbom=false']));
  });
});

test('T3 metadata: truncated, without a digest, or with that of the config, is no proof', () => {
  const digest = sha256('x');
  expect(metadataDigest(JSON.stringify({ 'containerimage.digest': digest }))).toBe(digest);
  for (const bad of [
    '',
    '{"containerimage.dig',
    '{}',
    '[]',
    'null',
    JSON.stringify({ 'containerimage.digest': digest, 'containerimage.config.digest': digest }),
    JSON.stringify({ 'containerimage.config.digest': digest }),
    JSON.stringify({ 'containerimage.digest': 'sha256:1' }),
  ]) {
    expect(metadataDigest(bad)).toBeUndefined();
  }
});

test('findings of the checks come with their line, coloured or not; a failed export of the cache is told', () => {
  const log = [
    '#6 exporting cache to registry',
    '#6 ERROR: 400 Bad Request',
    '#7 ERROR: of something else',
    '\u001b[33m 2 warnings found (use docker --debug to expand):',
    "\u001b[0m - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 2)",
    ' - JSONArgsRecommended: JSON arguments recommended (line 7)',
    '',
  ];
  expect(buildKitNotes(log.join('\n'))).toEqual([
    { code: 'W_BUILD_CHECK', text: "FromAsCasing: 'as' and 'FROM' keywords' casing do not match", line: 2 },
    { code: 'W_BUILD_CHECK', text: 'JSONArgsRecommended: JSON arguments recommended', line: 7 },
    { code: 'W_CACHE_EXPORT', text: 'the cache was not exported: 400 Bad Request' },
  ]);
});

test.each([
  ['v0.28.0', true],
  ['0.28.1', false],
  ['v0.28.1-rc1', false],
  ['v0.9', true],
  ['v1.0.0', false],
  ['unknown', false],
])('BuildKit %s is older than 0.28.1: %s', (version, older) => {
  expect(isOlder(version, [0, 28, 1])).toBe(older);
});

describe('detection', () => {
  const engineOf = async (
    options: Parameters<typeof installBuildx>[1],
    inputs: Record<string, string> = {},
    env: Record<string, string> = {},
  ) => {
    await using i = await inside();
    await using c = client(i.lab.host);
    await pushImage(c.registry, 'buildkit', '1', makeImage('buildkit'));
    const environments = installBuildx(i, options);
    const all = { 'builder-image': `${i.lab.host}/buildkit:1`, ...inputs };
    const r = await i.run(all, env);
    const said = i.ran.filter(([file]) => file === 'docker').map(([, ...args]) => args.join(' '));
    return { ...r, said, environments, tags: i.lab.tags('o/app'), digest: makeImage('buildkit').digest };
  };

  test('the plugin with a builder that runs is the first choice', async () => {
    const r = await engineOf({});
    expect(r.message).toBe('');
    expect(r.outputs.engine).toBe('buildx/docker-container 0.19.3');
    // Pushed by digest: the staging tag is written by the action itself.
    expect(r.progress.states[0]).toMatchObject({ tag: `src-${r.outputs['source-key']}`, state: 'created' });
  });

  test.each([
    ['too old', { version: 'v0.9.1' }],
    ['not running', { running: false }],
  ])('%s -> the next engine', async (_name, options) => {
    expect((await engineOf(options)).outputs.engine).toBe('buildah 1.33.0');
  });

  test('a builder by name, or engine buildx, is no other engine', async () => {
    const named = await engineOf({ running: false }, { builder: 'mine' });
    expect(named).toMatchObject({ code: 'E_ENGINE_NONE', message: expect.stringContaining('not running') });
    expect((await engineOf({ running: false }, { engine: 'buildx' })).code).toBe('E_ENGINE_NONE');
    const used = await engineOf({}, {}, { BUILDX_BUILDER: 'theirs' });
    expect(used.said.some((s) => s.startsWith('buildx build --builder theirs'))).toBe(true);
  });

  test('BUILDKIT_HOST -> a remote builder of this run, in a config of its own, gone afterwards', async () => {
    const r = await engineOf({ driver: 'docker' }, {}, { BUILDKIT_HOST: 'tcp://buildkit:1234' });
    expect(r.outputs.engine).toBe('buildx/remote 0.19.3');
    const name = /create --name (\S+) --driver remote tcp:\/\/buildkit:1234/.exec(r.said.join('\n'))?.[1];
    expect(r.said.at(-1)).toBe(`buildx rm --force ${name}`);
    expect(r.environments[0]?.BUILDX_CONFIG).toContain('/build-image-');
  });

  test('the builder of the daemon lacks several platforms -> a container builder, its image by digest', async () => {
    const r = await engineOf({ driver: 'docker', daemon: true }, { platforms: 'linux/amd64\nlinux/arm64' });
    expect(r.message).toBe('');
    expect(r.outputs.engine).toBe('buildx/docker-container 0.19.3');
    expect(r.said.join('\n')).toContain(`/buildkit@${r.digest}`);
    const store = await engineOf(
      { driver: 'docker', daemon: true, containerdStore: true },
      { platforms: 'linux/amd64\nlinux/arm64' },
    );
    expect(store.outputs.engine).toBe('buildx/docker 0.19.3');
    const plain = await engineOf({ driver: 'docker', daemon: true });
    expect(plain.outputs.engine).toBe('buildx/docker 0.19.3');
    expect(plain.said.at(-1)).toMatch(/^rmi .*:src-[0-9a-f]{64}$/);
  });

  test('no container builder can be made -> E_ENGINE_FEATURE names the way out, before any build', async () => {
    const r = await engineOf({ driver: 'docker', daemon: true, create: 1 }, { sbom: 'true' });
    expect(r).toMatchObject({ code: 'E_ENGINE_FEATURE', message: expect.stringContaining('builder-image') });
    expect(r.environments).toEqual([]);
    const none = await engineOf(
      { driver: 'docker', daemon: true },
      { sbom: 'true', 'builder-image': 'localhost:1/x:1' },
    );
    expect(none.code).toBe('E_ENGINE_FEATURE');
  });

  test('an old BuildKit is a warning; what the engine is given holds no secret of the runner', async () => {
    const env = { ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'http://x/', GITHUB_TOKEN: 'g', INPUT_X: 'y' };
    const r = await engineOf({ buildKit: 'v0.12.0' }, { cache: 'local' }, env);
    expect(r.warnings).toEqual(['W_ENGINE_OLD']);
    const given = Object.keys(r.environments[0] ?? {});
    expect(given.filter((name) => /^(ACTIONS_|INPUT_|STATE_|GITHUB_TOKEN)/.test(name))).toEqual([]);
    const cached = await engineOf({}, { cache: 'gha' }, env);
    expect(cached.environments[0]).toMatchObject({ ACTIONS_RUNTIME_TOKEN: 't' });
    expect(cached.environments[0]).not.toHaveProperty('GITHUB_TOKEN');
  });

  test('T3 metadata that is no proof -> E_ENGINE_OUTPUT, no tag', async () => {
    const r = await engineOf({ metadata: '{"containerimage.digest": "sha2' });
    expect(r).toMatchObject({ code: 'E_ENGINE_OUTPUT', tags: ['buildx-standin'] });
  });

  test('T4 metadata names a digest that the registry does not have -> E_DIGEST, no tag', async () => {
    const metadata = JSON.stringify({ 'containerimage.digest': sha256('elsewhere') });
    expect(await engineOf({ metadata })).toMatchObject({ code: 'E_DIGEST', tags: ['buildx-standin'] });
  });
});

describe('cache', () => {
  const service = { ACTIONS_RESULTS_URL: 'https://x/', ACTIONS_RUNTIME_TOKEN: 't' };
  const plan = (cache: 'auto' | 'gha' | 'registry' | 'local' | 'off', env = {}, tier: 'pr' | 'trusted' = 'trusted') =>
    planCache(
      { cache, cacheFrom: [], cacheTo: [], target: '', platforms: ['linux/amd64'] },
      'r/i',
      tier,
      buildx(facts),
      env,
    );

  test('auto is the runner service where there is one, else what the engine keeps by itself', () => {
    expect(plan('auto')).toEqual({ from: [], to: [], noCache: false, runtime: false });
    const gha = plan('auto', service);
    expect(gha).toMatchObject({
      runtime: true,
      from: [expect.stringMatching(/^type=gha,scope=[0-9a-f]{16},timeout=3m$/)],
    });
    expect(gha.to).toEqual([`${gha.from[0]},mode=max,ignore-error=true`]);
    expect(plan('off')).toMatchObject({ noCache: true });
    expect(() => plan('gha')).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });

  test('a pull request reads, and never exports', () => {
    expect(plan('registry', {}, 'pr')).toMatchObject({ from: [expect.stringContaining('cache-')], to: [] });
    expect(plan('auto', service, 'pr').to).toEqual([]);
  });

  test('words of the engine replace it', () => {
    const raw = {
      cache: 'auto' as const,
      cacheFrom: ['type=local,src=x'],
      cacheTo: ['type=gha'],
      target: '',
      platforms: [],
    };
    expect(planCache(raw, 'r/i', 'trusted', buildx(facts), {})).toEqual({
      from: ['type=local,src=x'],
      to: ['type=gha'],
      noCache: false,
      runtime: true,
    });
  });
});
