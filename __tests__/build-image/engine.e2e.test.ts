import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sha256 } from '../../src/oci/index.ts';
import { systemExec } from '../../src/runner/index.ts';
import { runAction } from '../support/bundle.ts';
import { type Distribution, startDistribution } from '../support/distribution.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { type Bench, bench } from './kit.ts';

let registry: Distribution;
let docker: Dockerd;

beforeAll(async () => {
  [registry, docker] = await Promise.all([startDistribution(), startDockerd()]);
});

afterAll(async () => {
  await docker[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const env = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
// What docker pushes, and what buildah does.
const accept = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

/** @param path where the real engine is, without the stand-in */
async function buildTwice(b: Bench, image: string, engine = 'buildah', path = process.env.PATH ?? ''): Promise<void> {
  const run = (PATH: string) =>
    runAction('build-image', { image, engine }, { cwd: b.workspace, env: { ...env, PATH, RUNNER_TEMP: b.temp } });
  const first = await run(path);
  expect(first.log).not.toContain('::error');
  expect(first).toMatchObject({ code: 0, outputs: { reused: 'false' } });
  const { digest = '', tag = '', 'source-key': key = '' } = first.outputs;
  const get = async (reference: string) => {
    const response = await fetch(`http://${image.replace('/', '/v2/')}/manifests/${reference}`, {
      headers: { accept },
    });
    return sha256(new Uint8Array(await response.arrayBuffer()));
  };
  expect(await Promise.all([get(digest), get(tag), get(`src-${key}`)])).toEqual([digest, digest, digest]);
  const second = await run('/nonexistent');
  expect(second).toMatchObject({ code: 0, outputs: { reused: 'true', digest } });
  expect(await b.leftovers()).toEqual([]);
}

test('buildah and the registry of the lab', async () => {
  await using b = await bench();
  await buildTwice(b, b.image);
});

test('buildah and docker-registry', async () => {
  await using b = await bench();
  await buildTwice(b, `${registry.host}/o/app`);
});

test.each([
  ["Debian's client", 'o/debian', '/usr/bin:/bin:/usr/sbin:/sbin'],
  ['the client on PATH', 'o/path', process.env.PATH ?? ''],
])('docker (%s) and docker-registry', async (_, repository, path) => {
  await using b = await bench();
  Object.assign(env, { DOCKER_HOST: docker.host });
  await buildTwice(b, `${registry.host}/${repository}`, 'docker', path);
});

test('a failing instruction is E_BUILD at its line', async () => {
  await using b = await bench();
  await b.write({ Dockerfile: 'FROM scratch\nCOPY nothing-here /x\n' });
  const result = await runAction(
    'build-image',
    { image: b.image, engine: 'buildah' },
    { cwd: b.workspace, env: { ...env, RUNNER_TEMP: b.temp } },
  );
  expect(result.code).toBe(1);
  expect(result.log).toContain('E_BUILD');
  expect(b.lab.tags('o/app')).toEqual([]);
});

const TWO = 'linux/amd64\nlinux/arm64';
const act = (b: Bench, inputs: Record<string, string>, more: Record<string, string> = {}) =>
  runAction('build-image', inputs, { cwd: b.workspace, env: { ...env, ...more, RUNNER_TEMP: b.temp } });

test('buildah and docker-registry, several platforms, in one build and by merge; then promote', async () => {
  await using b = await bench();
  const image = `${registry.host}/o/many`;
  const whole = await act(b, { image, engine: 'buildah', platforms: TWO });
  expect(whole.log).not.toContain('::error');
  expect(whole.outputs).toMatchObject({ platforms: TWO, reused: 'false' });
  expect((await act(b, { image, engine: 'buildah', platforms: TWO })).outputs).toMatchObject({ reused: 'true' });
  const legs: Record<string, string> = { none: '' };
  for (const arch of ['amd64', 'arm64']) {
    const leg = await act(b, { image, engine: 'buildah', platforms: `linux/${arch}`, push: 'stage' });
    legs[arch] = leg.outputs[`digest-linux-${arch}`] ?? '';
  }
  const merge = { image, mode: 'merge', digests: JSON.stringify(legs), platforms: TWO, tags: 'raw:merged' };
  const [first, again] = [await act(b, merge), await act(b, merge)];
  expect(first.log).not.toContain('::error');
  expect(again.outputs.digest).toBe(first.outputs.digest);
  const source = `${image}@${first.outputs.digest}`;
  const promoted = await act(b, { image: `${registry.host}/o/released`, mode: 'promote', source, tags: 'raw:1.0.0' });
  expect(promoted.outputs).toMatchObject({ digest: first.outputs.digest, pushed: 'true' });
});

test('buildah, reproducible: 20 of 20 builds without a cache give one digest, also when all times change', async () => {
  await using b = await bench();
  const digests = new Set<string>();
  const inputs = { image: b.image, engine: 'buildah', reproducible: 'on', reuse: 'off', cache: 'off', tags: 'raw:x' };
  for (let i = 0; i < 20; i += 1) {
    await b.write({ 'app/main.txt': 'one\n' });
    const result = await act(b, inputs);
    expect(result.log).not.toContain('::error');
    digests.add(result.outputs.digest ?? '');
  }
  expect([...digests]).toEqual([expect.stringMatching(/^sha256:/)]);
});

// A BuildKit is no package of Debian 12: who has one, and buildx on PATH, names it.
const buildKit = process.env.BUILDKIT_HOST ?? '';
// Further tests where somebody runs a BuildKit: it is in no package of Debian, so nothing that was asked for is skipped.
const withBuildKit: (name: string, body: () => Promise<void>, timeout?: number) => void =
  buildKit === '' ? () => {} : test;
withBuildKit(
  'buildx with a remote BuildKit (needs BUILDKIT_HOST): platforms, provenance, cache, secrets, findings',
  async () => {
    await using b = await bench();
    const remote = { BUILDKIT_HOST: buildKit };
    await b.write({ Dockerfile: 'FROM scratch as x\nCOPY app /app\n' });
    const image = `${registry.host}/o/kit`;
    const inputs = { image, engine: 'buildx', tags: 'sha\nraw:dev', cache: 'registry', secrets: 'k=secret-value' };
    const plain = await act(b, inputs, remote);
    expect(plain.log).not.toContain('::error');
    expect(plain.log).toContain('title=W_BUILD_CHECK,file=Dockerfile,line=1');
    expect(plain.outputs.engine).toMatch(/^buildx\/remote /);
    expect((await act(b, inputs, { PATH: '/nonexistent' })).outputs).toMatchObject({ reused: 'true' });
    const rich = { ...inputs, platforms: TWO, provenance: 'max', reproducible: 'on', tags: 'raw:rich' };
    const many = await act(b, rich, remote);
    expect(many.log).not.toContain('::error');
    expect(many.outputs.platforms).toBe(TWO);
    const off = await act(b, { ...rich, provenance: 'none', tags: 'raw:y', push: 'false' }, remote);
    expect(off).toMatchObject({ code: 0, outputs: { pushed: 'false' } });
    const list = await systemExec('buildx', ['ls'], { env: { ...process.env, BUILDX_CONFIG: `${b.temp}/x` } });
    expect(list.stdoutTail).not.toContain('build-image-');
  },
);

withBuildKit('a failing instruction under BuildKit (needs BUILDKIT_HOST) is E_BUILD at its line', async () => {
  await using b = await bench();
  await b.write({ Dockerfile: 'FROM scratch\n\nCOPY nothing-here /x\n' });
  const result = await act(b, { image: b.image, engine: 'buildx' }, { BUILDKIT_HOST: buildKit });
  expect(result.log).toMatch(/::error title=E_BUILD,file=Dockerfile,line=3::/);
  expect(b.lab.tags('o/app')).toEqual([]);
});
