/** What the promises come to on a real registry, with a real engine: its store, pull requests, plans, mirrors, promotion. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Operation } from '../../lab/registry/faults.ts';
import { type RegistryHandle, startRegistry } from '../../lab/registry/server.ts';
import { sha256 } from '../../src/oci/index.ts';
import { systemExec } from '../../src/runner/index.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';
import { type Distribution, startDistribution } from '../support/distribution.ts';
import { until } from '../support/program.ts';
import { installShims } from '../support/watch.ts';
import { type Bench, bench } from './kit.ts';

const path = process.env.PATH ?? '';
let registry: Distribution;
beforeAll(async () => {
  registry = await startDistribution();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

let image = '';
let count = 0;
beforeEach(async () => {
  count += 1;
  // What one test has stored is not there for the next.
  image = `${registry.host}/t${count}/app`;
  await registry.requests();
});

const ACCEPT = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

/** Bytes that a registry serves, and what they are called by. */
async function served(reference: string, of = image): Promise<{ bytes: Buffer; digest: string }> {
  const [host, ...repository] = of.split('/');
  const answer = await fetch(`http://${host}/v2/${repository.join('/')}/${reference}`, { headers: { accept: ACCEPT } });
  if (!answer.ok) return { bytes: Buffer.alloc(0), digest: String(answer.status) };
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { bytes, digest: sha256(bytes) };
}

const digestOf = async (reference: string, of = image): Promise<string> =>
  (await served(`manifests/${reference}`, of)).digest;

async function tagsOf(of = image): Promise<string[]> {
  const { bytes } = await served('tags/list', of);
  return bytes.length === 0 ? [] : ((JSON.parse(bytes.toString()) as { tags: string[] | null }).tags ?? []).sort();
}

interface Store {
  /** Makes the engine use it. */
  env: Record<string, string>;
  /** `name id` of every image with a name, sorted. */
  images(): Promise<string[]>;
  /** Makes an image with a name, and no other. */
  add(name: string): Promise<void>;
}

type Act = (inputs?: Record<string, string>, env?: Record<string, string>) => Promise<ActionResult>;

const acting =
  (b: Bench, engine: string, env: Record<string, string>): Act =>
  (inputs = {}, more = {}) =>
    runAction(
      'build-image',
      { image, engine, ...inputs },
      { cwd: b.workspace, env: { PATH: path, ...env, RUNNER_TEMP: b.temp, ...more }, timeout: 200 },
    );

const BUILDAH = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };

async function buildahStore(root: string): Promise<Store> {
  // Settings of its own, so that the store of this machine is none of it.
  const file = join(root, 'storage.conf');
  const quoted = (name: string): string => JSON.stringify(join(root, name));
  await writeFile(file, `[storage]\ndriver = "vfs"\ngraphroot = ${quoted('graph')}\nrunroot = ${quoted('run')}\n`);
  const env = { ...BUILDAH, CONTAINERS_STORAGE_CONF: file };
  const buildah = async (...args: string[]): Promise<string> => {
    const result = await systemExec('buildah', args, { env: { ...process.env, ...env } });
    if (result.code !== 0) throw new Error(result.stderrTail);
    return result.stdout.toString('utf8');
  };
  return {
    env,
    async images() {
      const all = JSON.parse(await buildah('images', '--json')) as { id: string; names?: string[] | null }[];
      return all.flatMap(({ id, names }) => (names ?? []).map((name) => `${name} ${id}`)).sort();
    },
    async add(name) {
      const context = join(root, 'made-before');
      await mkdir(context, { recursive: true });
      await writeFile(join(context, 'Dockerfile'), `FROM scratch\nLABEL name=${name}\n`);
      await buildah('build', '-t', name, context);
    },
  };
}

async function dockerStore(root: string): Promise<Store> {
  const env = { DOCKER_HOST: process.env.DOCKER_HOST ?? '' };
  const docker = async (...args: string[]): Promise<string> => {
    const result = await systemExec('docker', args, { env: { ...process.env, ...env } });
    if (result.code !== 0) throw new Error(result.stderrTail);
    return result.stdout.toString('utf8');
  };
  return {
    env,
    async images() {
      const all = await docker('image', 'ls', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}');
      return all.split('\n').filter(Boolean).sort();
    },
    async add(name) {
      await writeFile(join(root, 'empty.txt'), name);
      const made = await systemExec('tar', ['-C', root, '-cf', join(root, 'x.tar'), 'empty.txt']);
      expect(made.code).toBe(0);
      await docker('import', join(root, 'x.tar'), name);
    },
  };
}

/** Acceptance 2: what the registry serves is what the output says, and the store of the engine is as it was. */
async function buildsAndLeavesTheStore(engine: string, open: (root: string) => Promise<Store>): Promise<void> {
  await using b = await bench();
  const root = await mkdtemp(join(tmpdir(), 'engine-store-'));
  try {
    const store = await open(root);
    const act = acting(b, engine, store.env);
    await store.add('localhost/made-before:1');
    // Also one of the very image that is built and pushed below, which the user keeps.
    const loaded = await act({ push: 'false', tags: 'raw:kept' });
    expect(loaded).toMatchObject({ code: 0, outputs: { pushed: 'false' } });
    const before = await store.images();
    const names = before.map((line) => line.split(' ')[0]);
    expect(names).toEqual(expect.arrayContaining(['localhost/made-before:1', `${image}:kept`]));

    const runs: Record<string, string>[] = [{}, { reuse: 'off', 'immutable-tags': 'none' }];
    for (const inputs of runs) {
      const run = await act(inputs);
      expect(run.log).not.toContain('::error');
      expect(run).toMatchObject({ code: 0, outputs: { reused: 'false', pushed: 'true' } });
      const { digest = '', tag = '', 'source-key': key = '' } = run.outputs;
      expect(tag).toMatch(/^sha-[0-9a-f]{12}$/);
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      expect(await Promise.all([digest, tag].map((r) => digestOf(r)))).toEqual([digest, digest]);
      if (!('reuse' in inputs)) expect(await digestOf(`src-${key}`)).toBe(digest);
      const manifest = JSON.parse((await served(`manifests/${digest}`)).bytes.toString()) as {
        config: { digest: string };
      };
      const config = await served(`blobs/${manifest.config.digest}`);
      expect(config.digest).toBe(manifest.config.digest);
      const { Labels } = (JSON.parse(config.bytes.toString()) as { config: { Labels: Record<string, string> } }).config;
      expect(Labels['build-image.source-key']).toBe(key);
      expect(Labels['build-image.source']).toMatch(/^[0-9a-f]{64}$/);
      const after = await store.images();
      expect(after).toEqual(before);
    }
    expect(await b.leftovers()).toEqual([]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

test('buildah: the digest is that of the bytes, both labels are in, and its store has the images it had', () =>
  buildsAndLeavesTheStore('buildah', buildahStore));

// A further test where somebody runs a docker daemon; the end-to-end tests of the engines start one of their own.
const withDocker: (name: string, body: () => Promise<void>) => void = process.env.DOCKER_HOST ? test : () => {};
withDocker('docker (needs DOCKER_HOST): the same, with the store of its daemon', () =>
  buildsAndLeavesTheStore('docker', dockerStore),
);

describe('two registries', () => {
  let dir: string;
  let lab: RegistryHandle;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mirror-'));
    lab = await startRegistry({ dir });
  });
  afterEach(async () => {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  });

  const released = async (of?: string): Promise<string[]> => (await tagsOf(of)).filter((t) => !t.startsWith('src-'));

  /** Holds the first such request up, takes the registry away under it, and @returns what the action made of that. */
  async function downAt(operation: Operation, at: RegExp, run: () => Promise<ActionResult>): Promise<ActionResult> {
    // Held longer than it takes to notice; what comes of it then is nothing.
    lab.faults.add({ operation, path: at, times: 1000, delayMs: 15_000, reset: 'before' });
    const running = run();
    await Promise.race([
      running,
      until('the action', async () => lab.requests().some((r) => r.operation === operation && at.test(r.path))),
    ]);
    const port = Number(lab.host.split(':')[1]);
    await lab.close();
    const result = await running;
    lab = await startRegistry({ dir, port });
    return result;
  }

  test.each<[string, Operation, RegExp, string]>([
    ['looking for the blobs', 'head-blob', /mirror/, 'E_REGISTRY'],
    ['sending a layer', 'patch-upload', /mirror/, 'E_REGISTRY'],
    ['putting the manifest', 'put-manifest', /mirror.*sha256:/, 'E_REGISTRY'],
  ])(
    'T34 the mirror goes down while %s: no final tag anywhere; run again: the same digest on both',
    async (_name, operation, at, code) => {
      await using b = await bench();
      const mirror = `${lab.host}/mirror/app`;
      const act = acting(b, 'buildah', BUILDAH);
      const inputs = { image: `${image}\n${mirror}`, tags: 'sha\nraw:dev', retries: '0' };
      const failed = await downAt(operation, at, () => act(inputs));
      expect(failed.code).toBe(1);
      expect(failed.log).toContain(`[${code}]`);
      expect([await released(), await released(mirror)]).toEqual([[], []]);
      await green(act, inputs, mirror);
    },
  );

  test('T34 the mirror goes down in tagging: E_PARTIAL with what is live; run again: the same digest on both', async () => {
    await using b = await bench();
    const mirror = `${lab.host}/mirror/app`;
    const act = acting(b, 'buildah', BUILDAH);
    const inputs = { image: `${image}\n${mirror}`, tags: 'sha\nraw:dev', retries: '0' };
    const failed = await downAt('put-manifest', /mirror.*sha-/, () => act(inputs));
    expect(failed.code).toBe(1);
    expect(failed.log).toContain('[E_PARTIAL]');
    const json = JSON.parse(failed.outputs.json ?? '') as { images: { tags: { state: string }[] }[] };
    const states = json.images.map((i) => i.tags.map((t) => t.state));
    expect(states[0]).toEqual(['already', 'created', 'created']);
    expect(states[1]).toEqual(expect.arrayContaining(['failed']));
    expect(await released()).toHaveLength(2);
    expect(await released(mirror)).toEqual([]);
    await green(act, inputs, mirror);
  });

  async function green(act: Act, inputs: Record<string, string>, mirror: string): Promise<void> {
    const again = await act(inputs);
    expect(again.log).not.toContain('::error');
    const { digest = '', tag = '' } = again.outputs;
    expect(again).toMatchObject({ code: 0, outputs: { reused: 'true', pushed: 'true' } });
    const all = [tag, 'dev', digest].flatMap((r) => [digestOf(r), digestOf(r, mirror)]);
    expect(await Promise.all(all)).toEqual(all.map(() => digest));
  }
});

describe('pull requests', () => {
  async function pullRequest(b: Bench): Promise<Record<string, string>> {
    const file = join(b.temp, '../event.json');
    await writeFile(file, JSON.stringify({ pull_request: { number: 7 } }));
    return { GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: file };
  }

  test('push auto builds, and sends the registry nothing', async () => {
    await using b = await bench();
    const shims = await installShims(b.temp.replace(/temp$/, 'shims'), ['buildah'], path);
    const act = acting(b, 'buildah', { ...BUILDAH, PATH: `${shims.bin}:${path}` });
    const auto = await act({}, await pullRequest(b));
    expect(auto.log).not.toContain('::error');
    expect(auto).toMatchObject({ code: 0, outputs: { pushed: 'false', digest: '' } });
    const argv = (await shims.argv()).split('\n');
    expect([argv.includes('build'), argv.includes('push')]).toEqual([true, false]);
    expect(await registry.requests()).toEqual([]);
  });

  test('push true writes only srcpr- and pr-<n> tags; a trusted run after it builds anew', async () => {
    await using b = await bench();
    const act = acting(b, 'buildah', BUILDAH);
    const tags = 'sha\npr\nraw:v1\nlatest';
    const stranger = await act({ push: 'true', tags }, await pullRequest(b));
    expect(stranger.log).not.toContain('::error');
    const { 'source-key': key = '', revision = '' } = stranger.outputs;
    const names = ['pr-7', `pr-7-sha-${revision.slice(0, 12)}`, 'pr-7-v1', `srcpr-${key}`];
    expect(await tagsOf()).toEqual(names);
    const writes = (await registry.requests()).filter((r) => r.method === 'PUT' && r.path.includes('/manifests/'));
    const written = new Set(writes.map((r) => r.path.split('/').at(-1) ?? ''));
    expect([...written].filter((name) => !name.startsWith('sha256:')).sort()).toEqual(names);

    const trusted = await act({ tags: 'sha\nraw:v1' });
    expect(trusted).toMatchObject({ code: 0, outputs: { reused: 'false', pushed: 'true' } });
    expect(trusted.outputs['source-key']).not.toBe(key);
    expect((await registry.requests()).filter((r) => r.path.includes('srcpr-'))).toEqual([]);
    // The other way round it may: what was built of this source by a trusted run is good for a pull request.
    const later = await act({ push: 'true', tags: 'pr' }, await pullRequest(b));
    expect(later).toMatchObject({ code: 0, outputs: { reused: 'true' } });
    expect([stranger.outputs.digest, trusted.outputs.digest]).toContain(later.outputs.digest);
  });

  test('pull_request_target with push true is E_PUSH_EVENT, and nothing is asked', async () => {
    await using b = await bench();
    const act = acting(b, 'buildah', BUILDAH);
    const refused = await act(
      { push: 'true' },
      { ...(await pullRequest(b)), GITHUB_EVENT_NAME: 'pull_request_target' },
    );
    expect(refused.log).toContain('[E_PUSH_EVENT]');
    expect(await registry.requests()).toEqual([]);
  });
});

test('mode plan, on a miss and on a hit: the right answer, no write, and no engine is started', async () => {
  await using b = await bench();
  const shims = await installShims(b.temp.replace(/temp$/, 'shims'), ['buildah', 'docker', 'buildx'], path);
  const act = acting(b, 'auto', { ...BUILDAH, PATH: `${shims.bin}:${path}`, DOCKER_HOST: 'unix:///nonexistent' });
  const based = `FROM ${registry.host}/t${count}/base:1\nCOPY app /app\n`;
  const base = await act({ image: `${registry.host}/t${count}/base`, tags: 'raw:1' });
  expect(base.log).not.toContain('::error');
  // That a start would have shown.
  const started = await shims.argv();
  expect(started).toContain('$ buildah');
  await b.write({ Dockerfile: based });
  await registry.requests();
  const plan = async (reused: string): Promise<ActionResult> => {
    const before = await shims.argv();
    const result = await act({ mode: 'plan' });
    expect(result).toMatchObject({ code: 0, outputs: { reused } });
    expect(await shims.argv()).toBe(before);
    expect((await registry.requests()).filter((r) => !['GET', 'HEAD'].includes(r.method))).toEqual([]);
    return result;
  };
  const miss = await plan('false');
  const built = await act();
  expect(built.log).not.toContain('::error');
  expect(built.outputs['source-key']).toBe(miss.outputs['source-key']);
  await registry.requests();
  const hit = await plan('true');
  expect(hit.outputs.digest).toBe(built.outputs.digest);
});

test('promote across repositories of one registry: no layer byte is sent', async () => {
  await using b = await bench();
  await b.write({ 'app/large.bin': 'x'.repeat(3_000_000) });
  const act = acting(b, 'buildah', BUILDAH);
  const staged = await act({ push: 'stage' });
  expect(staged.log).not.toContain('::error');
  await registry.requests();
  const released = `${registry.host}/t${count}/released`;
  const source = `${image}@${staged.outputs.digest}`;
  const inputs = { image: released, mode: 'promote', source, tags: 'raw:1.0.0', 'immutable-tags': 'all' };
  const promoted = await act(inputs);
  expect(promoted.log).not.toContain('::error');
  expect(promoted.outputs).toMatchObject({ digest: staged.outputs.digest, tag: '1.0.0', pushed: 'true' });
  expect(await Promise.all(['1.0.0', String(promoted.outputs.digest)].map((r) => digestOf(r, released)))).toEqual([
    staged.outputs.digest,
    staged.outputs.digest,
  ]);
  const all = await registry.requests();
  const writes = all.filter((r) => !['GET', 'HEAD'].includes(r.method)).map((r) => `${r.method} ${r.status} ${r.path}`);
  const mounts = writes.filter((w) => /^POST 201 .*\/blobs\/uploads\/\?.*mount=/.test(w));
  const manifests = writes.filter((w) => /^PUT 201 .*\/manifests\//.test(w));
  // Config and layer, then the digest and the tag: neither a PATCH nor a PUT of bytes, nor a mount that became an upload.
  expect([mounts.length, manifests.length, writes.length]).toEqual([2, 2, 4]);
  // Nor are they read.
  expect(all.filter((r) => r.method === 'GET' && r.path.includes('/blobs/')).length).toBeLessThanOrEqual(1);
  const again = await act(inputs);
  expect(again.code).toBe(0);
  expect((await registry.requests()).filter((r) => !['GET', 'HEAD'].includes(r.method))).toEqual([]);
});
