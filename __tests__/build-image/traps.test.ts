/** Traps that need no process: warnings, tag races, mirrors, engines that refuse. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { relationOf } from '../../src/build-image/inspect.ts';
import type { Exec } from '../../src/runner/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { installBuildx } from './buildx-standin.ts';
import { commit, ended, type Inside, inside } from './inprocess.ts';
import { writes } from './kit.ts';

/** Runs before the command of the stand-in, and may take its place. */
function wrap(
  i: Inside,
  verb: string,
  act: (args: readonly string[]) => Promise<ReturnType<typeof ended> | undefined>,
) {
  const real = i.programs.get('buildah') as Exec;
  i.programs.set('buildah', async (file, args, o) =>
    args[0] === verb ? ((await act(args)) ?? real(file, args, o)) : real(file, args, o),
  );
}

const finalTags = (i: Inside): string[] => i.lab.tags('o/app').filter((t) => !/^(src|srcpr|run)-/.test(t));

describe('what defeats reuse is said', () => {
  test('T9 .git in the context', async () => {
    await using i = await inside();
    await mkdir(join(i.workspace, '.git'));
    await i.write({ '.dockerignore': '', '.git/x': '1' });
    expect((await i.run()).warnings).toContain('W_CONTEXT_GIT');
  });

  test('T10 a build argument that is the commit', async () => {
    await using i = await inside();
    const r = await i.run({ 'build-args': `REV=${commit(9).GITHUB_SHA}` }, commit(9));
    expect(r.warnings).toEqual(['W_VOLATILE_ARG']);
  });

  test('a base that nobody knows: a run tag, no staging tag, and a warning', async () => {
    await using i = await inside();
    await i.write({ Dockerfile: `FROM ${i.lab.host}/none:1\nCOPY app /app\n` });
    wrap(i, 'build', async () => ended(1, '', 'no such image'));
    const r = await i.run();
    expect(r).toMatchObject({ code: 'E_BUILD', warnings: ['W_BASE_UNRESOLVED'] });
    expect(i.ran.find(([, verb]) => verb === 'build')?.join(' ')).toMatch(/--tag \S+:run-[0-9a-f]{16}/);
    expect((await i.run({ reuse: 'only' })).code).toBe('E_BASE');
    expect((await i.run({ tags: 'content' })).code).toBe('E_BASE');
  });
});

describe('engines that cannot', () => {
  const oldBuildah: Exec = async (_f, args) => ended(args[0] === 'build' ? 99 : 0, 'Version: 1.28.2\n');
  test.each([
    ['a heredoc', 'FROM scratch\nCOPY <<EOF /x\nhi\nEOF\n', 'heredocs'],
    ['--link', 'FROM scratch\nCOPY --link app /app\n', 'COPY --link'],
  ])('T16 buildah 1.28 and %s -> E_ENGINE_FEATURE at its line', async (_name, Dockerfile, word) => {
    await using i = await inside();
    i.programs.set('buildah', oldBuildah);
    await i.write({ Dockerfile });
    expect(await i.run()).toMatchObject({ code: 'E_ENGINE_FEATURE', message: expect.stringContaining(word) });
    expect(i.ran.some(([, verb]) => verb === 'build')).toBe(false);
  });

  const legacy: Exec = async (_f, args) => {
    if (args[0] === 'version') return ended(0, '28.2.2 20.10.24\n');
    return ended(1, '', 'no plugin');
  };
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['T17 an ignore file of the Dockerfile', { 'Dockerfile.dockerignore': 'x\n' }, {}],
    ['RUN --mount', { Dockerfile: 'FROM scratch\nRUN --mount=type=cache,target=/x y\n' }, {}],
    ['build secrets', {}, { secrets: 'k=value' }],
    ['several platforms', {}, { platforms: 'linux/amd64\nlinux/arm64' }],
    ['provenance', {}, { provenance: 'max' }],
    ['SSH', {}, { ssh: 'default' }],
    ['named contexts', {}, { 'build-contexts': 'lib=app' }],
    ['reproducible times', {}, { reproducible: 'on', tags: 'sha' }],
    ['a cache in the registry', {}, { cache: 'registry' }],
    ['an option', {}, { 'engine-options': 'allow=network.host' }],
  ])('%s and the legacy builder of docker -> E_ENGINE_FEATURE', async (_name, files, inputs) => {
    await using i = await inside();
    i.programs.set('docker', legacy);
    await i.write(files);
    const r = await i.run({ engine: 'docker', ...inputs });
    expect(r.code).toBe('E_ENGINE_FEATURE');
    expect(writes(i.lab)).toEqual([]);
  });

  test('buildah is given the options, contexts, agents and times that it knows', async () => {
    await using i = await inside();
    await i.write({ 'lib/x': '1', Dockerfile: 'FROM scratch\nCOPY --from=lib x /x\n' });
    const r = await i.run(
      { 'build-contexts': 'lib=lib', ssh: 'default', reproducible: 'on', 'engine-options': 'network=none' },
      { SOURCE_DATE_EPOCH: '1700000000' },
    );
    // The stand-in knows no network; what it was asked is what counts.
    expect(r.code).toBe('E_BUILD');
    const asked = i.ran.find(([, verb]) => verb === 'build')?.join(' ');
    expect(asked).toContain(`--build-context lib=${i.workspace}/lib`);
    expect(asked).toContain('--ssh default --network none');
    expect(asked).toContain('--timestamp 1700000000');
    const fine = await i.run({ 'build-contexts': 'lib=lib' });
    expect(fine.message).toBe('');
    await i.write({ 'lib/x': '2' });
    expect((await i.run({ 'build-contexts': 'lib=lib', tags: 'raw:x' })).outputs.reused).toBe(false);
  });

  test('a named context that is a file, lies outside, or is of an unknown kind is refused', async () => {
    await using i = await inside();
    expect((await i.run({ 'build-contexts': 'lib=Dockerfile' })).code).toBe('E_INPUT');
    expect((await i.run({ 'build-contexts': 'lib=..' })).code).toBe('E_PATH_ESCAPE');
    expect((await i.run({ 'build-contexts': 'lib=none' })).code).toBe('E_PATH_MISSING');
    expect((await i.run({ 'build-contexts': 'lib=https://x.example/y.git' })).code).toBe('E_INPUT');
  });

  test('a named context that is an image is pinned, and its digest counts', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    await pushImage(c.registry, 'base', '1', makeImage('one'));
    await i.write({ Dockerfile: 'FROM base\nCOPY app /app\n' });
    const inputs = { 'build-contexts': `base=docker-image://${i.lab.host}/base:1`, tags: 'content' };
    const first = await i.run(inputs);
    expect(first.message).toBe('');
    expect(i.ran.flat()).toContain(`base=docker-image://${i.lab.host}/base@${makeImage('one').digest}`);
    await pushImage(c.registry, 'base', '1', makeImage('two'));
    expect((await i.run(inputs)).outputs.tag).not.toBe(first.outputs.tag);
  });
});

describe('the staging tag', () => {
  test('the registry lets it not be replaced: ours is adopted, another is left alone', async () => {
    await using i = await inside();
    const plan = await i.run({ mode: 'plan' });
    const stage = `src-${plan.outputs['source-key']}`;
    let taken = false;
    // Another run stages the same source while this one builds, on a registry whose tags cannot be replaced.
    wrap(i, 'push', async () => {
      if (taken) return undefined;
      taken = true;
      const other = await i.run({ push: 'stage' });
      expect(other.message).toBe('');
      return ended(1, '', `Error: pushing ${i.lab.host}/o/app: tag ${stage} already exists and is immutable`);
    });
    const r = await i.run();
    expect(r.message).toBe('');
    expect(r.outputs).toMatchObject({ reused: true, digest: i.lab.tag('o/app', stage) });
  });

  test('a foreign one that cannot be replaced: a run tag takes its place', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    const stage = `src-${(await i.run({ mode: 'plan' })).outputs['source-key']}`;
    await pushImage(c.registry, 'o/app', stage, makeImage('planted'));
    i.lab.habits.immutableTags = /^src-/;
    let first = true;
    wrap(i, 'push', async () => {
      if (!first) return undefined;
      first = false;
      return ended(1, '', `Error: pushing ${i.lab.host}/o/app: tag is immutable`);
    });
    const r = await i.run();
    expect(r.message).toBe('');
    expect(i.lab.tag('o/app', stage)).toBe(makeImage('planted').digest);
    expect(r.progress.states[0]).toMatchObject({ tag: stage, state: 'skipped' });
    expect(i.lab.tag('o/app', String(r.outputs.tag))).toBe(r.outputs.digest);
  });

  test('T11 an image on old bases is used again, and never waits under the key of the new ones', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    await pushImage(c.registry, 'base', '1', makeImage('one'));
    await i.write({ Dockerfile: `FROM ${i.lab.host}/base:1\nCOPY app /app\n` });
    const first = await i.run();
    await pushImage(c.registry, 'base', '1', makeImage('two'));
    const again = await i.run();
    expect(again).toMatchObject({
      outputs: { reused: true, digest: first.outputs.digest },
      warnings: ['W_BASE_MOVED'],
    });
    expect(i.lab.tag('o/app', `src-${again.outputs['source-key']}`)).toBeUndefined();
    const content = await i.run({ tags: 'content' });
    expect(content.outputs.reused).toBe(false);
  });

  test('a forced build equals what the immutable tag names, or conflicts', async () => {
    await using i = await inside();
    await i.run();
    // The stand-in stamps the time of the build, so that bytes differ.
    await new Promise((done) => setTimeout(done, 5));
    const forced = await i.run({ reuse: 'off' });
    expect(forced).toMatchObject({ code: 'E_TAG_CONFLICT', message: expect.stringContaining('forced build') });
  });

  test('an image with the key but not the source of this run is foreign', () => {
    const image = (labels: Record<string, string>) => ({
      digest: 'sha256:x' as const,
      manifest: {} as never,
      all: [],
      platforms: [{ platform: 'linux/amd64', digest: 'sha256:x' as const, size: 1, layers: [], labels }],
      problems: [],
    });
    const own = { keys: ['k'], sources: ['s'] };
    const relation = (labels: Record<string, string>) => relationOf(image(labels), own, ['linux/amd64']);
    expect(relation({ 'build-image.source-key': 'k', 'build-image.source': 's' })).toBe('ours');
    expect(relation({ 'build-image.source-key': 'x', 'build-image.source': 's' })).toBe('same-source');
    expect(relation({ 'build-image.source-key': 'k' })).toBe('foreign');
    expect(relation({})).toBe('foreign');
  });
});

describe('tags', () => {
  test.each([
    ['T26 a tag that is read 10 s old', 3, []],
    ['T26 a tag that is read 60 s old', 1000, ['W_TAG_LAG']],
  ])('%s -> green', async (_name, times, warnings) => {
    await using i = await inside();
    await i.run({ tags: 'raw:dev' });
    const before = i.lab.tag('o/app', 'dev');
    await i.write({ 'app/main.txt': 'two\n' });
    const old = { status: 200, headers: { 'docker-content-digest': String(before), 'content-length': '10' } };
    i.lab.faults.add({ operation: 'head-manifest', path: /dev$/, times, answer: old });
    const r = await i.run({ tags: 'raw:dev' }, commit(2));
    expect(r.code).toBeUndefined();
    expect(r.warnings).toEqual(warnings);
    expect(i.lab.tag('o/app', 'dev')).toBe(r.outputs.digest);
    expect(r.slept.reduce((sum, s) => sum + s, 0)).toBeLessThanOrEqual(20);
  });

  test('a moving tag that somebody takes right after us is a warning, an immutable one is red', async () => {
    await using i = await inside();
    const taken = {
      status: 200,
      headers: { 'docker-content-digest': `sha256:${'9'.repeat(64)}`, 'content-length': '10' },
    };
    i.lab.faults.add({ operation: 'head-manifest', path: /dev$/, skip: 1, times: 1000, answer: taken });
    const moving = await i.run({ tags: 'raw:dev' });
    expect(moving).toMatchObject({ code: undefined, warnings: ['W_TAG_TAKEN'] });
    i.lab.faults.clear();
    i.lab.faults.add({ operation: 'head-manifest', path: /v1$/, skip: 3, times: 1000, answer: taken });
    const fixed = await i.run({ tags: 'raw:v1', 'immutable-tags': 'all' });
    expect(fixed.code).toBe('E_TAG_MOVED');
  });

  test('a registry that forbids moving tags is named as such', async () => {
    await using i = await inside({ habits: { immutableTags: /^dev$/ } });
    await i.run({ tags: 'raw:dev' });
    await i.write({ 'app/main.txt': 'two\n' });
    const r = await i.run({ tags: 'raw:dev' }, commit(2));
    expect(r).toMatchObject({ code: 'E_TAG_CONFLICT', message: expect.stringContaining('forbids moving tags') });
  });

  test('T34 the second registry fails in tagging -> E_PARTIAL with what is live; run again: green', async () => {
    await using i = await inside();
    const image = `${i.image}\n${i.lab.host}/mirror/app`;
    i.lab.faults.add({ operation: 'put-manifest', path: /mirror.*(sha-|src-)/, times: 100, answer: { status: 500 } });
    const r = await i.run({ image });
    expect(r.code).toBe('E_PARTIAL');
    expect(r.message).toContain(`${i.image}:sha-`);
    expect(r.progress.states.map((s) => s.state)).toEqual(['already', 'created', 'failed', 'skipped']);
    i.lab.faults.clear();
    const again = await i.run({ image });
    expect(again.outputs.reused).toBe(true);
    expect(i.lab.tag('mirror/app', String(again.outputs.tag))).toBe(again.outputs.digest);
  });

  test('T4 a registry that converts manifests is E_CONVERTED, no final tag', async () => {
    await using i = await inside();
    // The stand-in's own push would see it first: it is told that all went well.
    wrap(i, 'push', async (args) => {
      i.lab.habits.convertManifests = true;
      const file = args[args.indexOf('--digestfile') + 1] ?? '';
      await writeFile(file, `sha256:${'e'.repeat(64)}`);
      const host = args.at(-1)?.replace('docker://', '') ?? '';
      const [, name = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(host) ?? [];
      await using c = client(i.lab.host);
      await pushImage(c.registry, name, tag, makeImage('rewritten')).catch(() => undefined);
      return ended(0);
    });
    const r = await i.run();
    expect(r.code).toBe('E_CONVERTED');
    expect(finalTags(i)).toEqual([]);
  });

  test('403 on the look is a warning, and the build goes on; with reuse: only it is the answer', async () => {
    await using i = await inside();
    i.lab.faults.add({ operation: 'head-manifest', times: 2, answer: { status: 403 } });
    expect(await i.run()).toMatchObject({ code: undefined, warnings: ['W_PROBE_DENIED', 'W_PROBE_DENIED'] });
    i.lab.faults.add({ operation: 'head-manifest', times: 100, answer: { status: 403 } });
    expect((await i.run({ reuse: 'only', tags: 'raw:x' })).code).toBe('E_DENIED');
  });

  test('the size budget stands before any final tag, on a reused image too', async () => {
    await using i = await inside();
    const r = await i.run({ 'size-budget': '1kB' });
    expect(r).toMatchObject({ code: 'E_SIZE_BUDGET', message: expect.stringContaining('the budget is 1.0 kB') });
    expect(finalTags(i)).toEqual([]);
    expect((await i.run({ 'size-budget': '1kB' })).code).toBe('E_SIZE_BUDGET');
    expect((await i.run({ 'size-budget': '1GiB' })).code).toBeUndefined();
  });

  test('the change of size against the image before is known', async () => {
    await using i = await inside();
    await i.run({ tags: 'raw:dev' });
    await i.write({ 'app/big.txt': 'x'.repeat(5000) });
    const r = await i.run({ tags: 'raw:dev' }, commit(2));
    expect(r.result?.before).toEqual({ tag: 'dev', bytes: expect.any(Number) });
    expect(Number(r.outputs.size) - (r.result?.before?.bytes ?? 0)).toBeGreaterThan(5000);
  });
});

test('T51 a masked value within the image name is a warning; tag and digest stay', async () => {
  await using i = await inside();
  const r = await i.run({ username: 'u', password: 'app' });
  expect(r.warnings).toContain('W_MASKED_IMAGE');
  expect(r.outputs.digest).toMatch(/^sha256:/);
});

test('T48 a secret with line breaks through JSON reaches the engine byte by byte', async () => {
  await using i = await inside();
  const { readFile } = await import('node:fs/promises');
  let seen: Buffer | undefined;
  wrap(i, 'build', async (args) => {
    const file = /src=(.+)$/.exec(args[args.indexOf('--secret') + 1] ?? '')?.[1] ?? '';
    seen = await readFile(file);
    return undefined;
  });
  const value = ' a\n"b"\\\r\n\u00fc\n';
  expect((await i.run({ secrets: JSON.stringify({ k: value }) })).code).toBeUndefined();
  expect(seen?.equals(Buffer.from(value))).toBe(true);
});

test('T12 a base that moves while the engine builds: the pinned digest is what it was given', async () => {
  await using i = await inside();
  await using c = client(i.lab.host);
  await pushImage(c.registry, 'base', '1', makeImage('one'));
  await i.write({ Dockerfile: `FROM ${i.lab.host}/base:1\nCOPY app /app\n` });
  wrap(i, 'build', async () => {
    await pushImage(c.registry, 'base', '1', makeImage('two'));
    return undefined;
  });
  const r = await i.run();
  const manifest = JSON.parse(String(i.lab.content('o/app', String(r.outputs.digest)))) as {
    layers: { digest: string }[];
  };
  expect(manifest.layers[0]?.digest).toBe(makeImage('one').layer.digest);
});

test('events of strangers push nothing unless told, and then only under names of pull requests', async () => {
  await using i = await inside();
  const event = join(i.workspace, '../event.json');
  const env = (name: string) => ({ GITHUB_EVENT_NAME: name, GITHUB_EVENT_PATH: event });
  await writeFile(event, JSON.stringify({ workflow_run: { event: 'pull_request', pull_requests: [{ number: 5 }] } }));
  expect((await i.run({}, env('workflow_run'))).outputs.pushed).toBe(false);
  expect((await i.run({ push: 'true', tags: 'raw:v1\npr' }, env('workflow_run'))).outputs.tags).toBe('pr-5-v1\npr-5');
  expect(i.lab.tags('o/app').every((t) => /^(srcpr-|pr-5)/.test(t))).toBe(true);
  for (const push of ['true', 'stage']) {
    expect((await i.run({ push }, env('pull_request_target'))).code).toBe('E_PUSH_EVENT');
  }
  expect((await i.run({}, env('merge_group'))).outputs).toMatchObject({ pushed: true, reused: false });
});

test('buildx and buildah give images of one promise: each is reused by its own input alone', async () => {
  await using i = await inside();
  const first = await i.run({ engine: 'buildah' });
  installBuildx(i, {});
  expect((await i.run({ engine: 'buildah' })).outputs).toMatchObject({ reused: true, digest: first.outputs.digest });
  const other = await i.run({ engine: 'buildx', tags: 'raw:x' });
  expect(other.outputs.reused).toBe(false);
});
