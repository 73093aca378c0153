import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../src/oci/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { runAction } from '../support/bundle.ts';
import { bench, writes } from './kit.ts';

describe('build, prove, reuse', () => {
  test('builds, proves, and builds nothing the second time, without an engine', async () => {
    await using b = await bench();
    const first = await b.run({ tags: 'sha\nraw:dev' });
    expect(first.log).not.toContain('::error');
    expect(first).toMatchObject({ code: 0, outputs: { reused: 'false', pushed: 'true' } });
    const { digest = '', tag = '', 'source-key': key = '' } = first.outputs;
    expect(sha256(b.lab.content('o/app', digest) ?? Buffer.alloc(0))).toBe(digest);
    expect(b.lab.tags('o/app').sort()).toEqual([`src-${key}`, 'dev', tag].sort());
    expect(Buffer.byteLength(first.summary)).toBeLessThan(8192);
    expect(await b.leftovers()).toEqual([]);
    b.lab.clearRequests();
    const second = await b.run({ tags: 'sha\nraw:dev' }, { PATH: '/nonexistent' });
    expect(second).toMatchObject({ code: 0, outputs: { reused: 'true', digest } });
    expect(writes(b.lab)).toEqual([]);
  });

  test('a commit that changes no file: new tag, same digest, one write', async () => {
    await using b = await bench();
    const first = await b.run();
    const revision = await b.commit('empty');
    b.lab.clearRequests();
    const second = await b.run();
    expect(second.outputs).toMatchObject({ reused: 'true', digest: first.outputs.digest, revision });
    expect(second.outputs['built-revision']).toBe(first.outputs.revision);
    expect(writes(b.lab)).toEqual(['put-manifest']);
  });

  test('mode plan writes nothing on a miss and on a hit', async () => {
    await using b = await bench();
    const miss = await b.run({ mode: 'plan' });
    expect(miss).toMatchObject({ code: 0, outputs: { reused: 'false' } });
    expect(writes(b.lab)).toEqual([]);
    await b.run();
    b.lab.clearRequests();
    expect((await b.run({ mode: 'plan' })).outputs.reused).toBe('true');
    expect(writes(b.lab)).toEqual([]);
  });

  test('pull request: push auto builds and pushes nothing; push true writes pr names alone', async () => {
    await using b = await bench();
    const event = join(b.temp, '..', 'event.json');
    await writeFile(event, JSON.stringify({ pull_request: { number: 7 } }));
    const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: event };
    const auto = await b.run({}, env);
    expect(auto).toMatchObject({ code: 0, outputs: { pushed: 'false', digest: '' } });
    expect(b.lab.requests()).toEqual([]);
    expect((await b.run({ push: 'true' }, env)).code).toBe(0);
    expect(b.lab.tags('o/app').every((t) => /^(srcpr-|pr-7-)/.test(t))).toBe(true);
    expect((await b.run()).outputs.reused).toBe('false');
  });

  test('several images: same digest in both, T34 a failing copy leaves no final tag', async () => {
    await using b = await bench();
    const second = `${b.lab.host}/mirror/app`;
    b.lab.faults.add({
      operation: ['mount', 'start-upload', 'head-blob'],
      path: /mirror/,
      times: 100,
      answer: { status: 403 },
    });
    const failed = await b.run({ image: `${b.image}\n${second}` });
    expect(failed.code).toBe(1);
    expect(b.lab.tags('o/app').filter((t) => t.startsWith('sha-'))).toEqual([]);
    b.lab.faults.clear();
    const done = await b.run({ image: `${b.image}\n${second}` });
    expect(done.code).toBe(0);
    const { tag = '', digest } = done.outputs;
    expect([b.lab.tag('o/app', tag), b.lab.tag('mirror/app', tag)]).toEqual([digest, digest]);
  });
});

describe('tags are guarded', () => {
  test('T30 an immutable tag with a foreign image is E_TAG_CONFLICT and stays', async () => {
    await using b = await bench();
    await using c = client(b.lab.host);
    const foreign = makeImage('foreign');
    await pushImage(c.registry, 'o/app', 'v1', foreign);
    const result = await b.run({ tags: 'raw:v1', 'immutable-tags': 'all' });
    expect(result.code).toBe(1);
    expect(result.log).toContain('E_TAG_CONFLICT');
    expect(b.lab.tag('o/app', 'v1')).toBe(foreign.digest);
    expect(writes(b.lab).filter((w) => w === 'patch-upload')).toHaveLength(2);
  });

  test('T28 an identical immutable tag is not written again', async () => {
    await using b = await bench({ habits: { immutableTags: /./ } });
    expect((await b.run()).code).toBe(0);
    expect((await b.run()).code).toBe(0);
  });

  test('T29 two runs of one source race: both green, one digest', async () => {
    await using b = await bench();
    const [x, y] = await Promise.all([b.run(), b.run()]);
    expect([x.code, y.code]).toEqual([0, 0]);
    const tag = x.outputs.tag ?? '';
    expect(x.outputs.digest).toBe(y.outputs.digest);
    expect(b.lab.tag('o/app', tag)).toBe(x.outputs.digest);
  });

  test('T32 a layer of the staged image is gone -> built again; T31 staging tag pruned, immutable tag there -> reused', async () => {
    await using b = await bench();
    const first = await b.run({ tags: 'raw:dev' });
    const blobs = JSON.parse(String(b.lab.content('o/app', first.outputs.digest ?? ''))) as {
      layers: { digest: string }[];
    };
    b.lab.dropBlob('o/app', blobs.layers[0]?.digest ?? '');
    const again = await b.run({ tags: 'raw:dev' });
    expect(again).toMatchObject({ code: 0, outputs: { reused: 'false' } });
    expect(again.log).toContain('W_REUSE_DAMAGED');
    const fixed = await b.run();
    await fetch(`${b.lab.url}/v2/o/app/manifests/src-${fixed.outputs['source-key']}`, { method: 'DELETE' });
    expect((await b.run()).outputs).toMatchObject({ reused: 'true', digest: fixed.outputs.digest });
  });

  test('T33 a planted staging tag with a foreign label is not reused', async () => {
    await using b = await bench();
    await using c = client(b.lab.host);
    const plan = await b.run({ mode: 'plan' });
    await pushImage(c.registry, 'o/app', `src-${plan.outputs['source-key']}`, makeImage('planted'));
    const result = await b.run();
    expect(result).toMatchObject({ code: 0, outputs: { reused: 'false' } });
    expect(result.log).toContain('W_REUSE_DAMAGED');
  });
});

describe('bases', () => {
  const onBase = 'ARG BASE\nFROM ${BASE}\nCOPY app /app\n';

  test('T11 base moved: new commit is built, the old commit keeps its digest; T12 the pinned digest is built', async () => {
    await using b = await bench();
    await using c = client(b.lab.host);
    const base = `${b.lab.host}/base:1`;
    await b.write({ Dockerfile: onBase });
    await b.commit('on base');
    await pushImage(c.registry, 'base', '1', makeImage('one'));
    const args = { 'build-args': `BASE=${base}` };
    const first = await b.run(args);
    expect(first.code).toBe(0);
    await pushImage(c.registry, 'base', '1', makeImage('two'));
    const same = await b.run(args);
    expect(same.outputs.digest).toBe(first.outputs.digest);
    expect(same.log).toContain('W_BASE_MOVED');
    await b.commit('next');
    const next = await b.run(args);
    expect(next.outputs.reused).toBe('false');
    expect(next.outputs['base-images']).toContain(makeImage('two').digest);
  });

  test('require-pinned-base names the line and the digest to paste', async () => {
    await using b = await bench();
    await using c = client(b.lab.host);
    await pushImage(c.registry, 'base', '1', makeImage('one'));
    await b.write({ Dockerfile: `# x\nFROM ${b.lab.host}/base:1\n` });
    const result = await b.run({ 'require-pinned-base': 'true' });
    expect(result.log).toContain('E_UNPINNED_BASE');
    expect(result.log).toContain('line=2');
    expect(result.log).toContain(makeImage('one').digest);
  });
});

test.each<[string, Record<string, string>, string]>([
  ['no image', { image: '' }, 'E_INPUT'],
  ['no host', { image: 'o/app' }, 'E_IMAGE_NAME'],
  ['a tag in the image', { image: 'ghcr.io/o/app:1' }, 'E_IMAGE_NAME'],
  ['a digest in the image', { image: `ghcr.io/o/app@sha256:${'0'.repeat(64)}` }, 'E_IMAGE_NAME'],
  ['unknown rule', { tags: 'shaa' }, 'E_TAG_RULE'],
  ['T20 a tag that starts with -', { tags: 'raw:-x' }, 'E_TAG_INVALID'],
  ['reserved tag', { tags: 'raw:src-1' }, 'E_TAG_RESERVED'],
  ['no rule applies', { tags: 'semver' }, 'E_NO_TAG'],
  ['context outside', { context: '../..' }, 'E_PATH_ESCAPE'],
  ['Dockerfile missing', { file: 'nope' }, 'E_PATH_MISSING'],
  ['unknown stage', { target: 'nope' }, 'E_DOCKERFILE'],
  ['secret as argument', { 'build-args': 'NPM_TOKEN=abc' }, 'E_SECRET_ARG'],
  ['password without username', { password: 'x' }, 'E_INPUT'],
  ['unknown mode', { mode: 'mix' }, 'E_INPUT'],
  ['merge without digests', { mode: 'merge' }, 'E_MERGE'],
  ['promote without source', { mode: 'promote' }, 'E_INPUT'],
  ['Git context', { context: 'https://example.org/x.git' }, 'E_INPUT'],
])('bad input, %s: red with one message, nothing sent', async (_name, inputs, code) => {
  await using b = await bench();
  const result = await b.run(inputs);
  expect(result.code).toBe(1);
  expect(result.log.match(/^::error/gm)).toHaveLength(1);
  expect(result.log).toContain(`[${code}]`);
  expect(JSON.parse(result.outputs.json ?? '')).toMatchObject({ version: 1, ok: false, code });
  expect(writes(b.lab)).toEqual([]);
});

test('T49 a line of secrets without = is named by number, never shown', async () => {
  const result = await runAction('build-image', { image: 'ghcr.io/o/app', secrets: 'a=b-secret-1\nhunter2hunter2' });
  expect(result.log).toContain('line 2');
  expect(result.log.split('\n').filter((l) => l.includes('hunter2') && !l.startsWith('::add-mask::'))).toEqual([]);
});

test('T53 an upper-case repository is lowered with a notice', async () => {
  await using b = await bench();
  const result = await b.run({ image: `${b.lab.host}/O/App` });
  expect(result.outputs.image).toBe(b.image);
  expect(result.log).toContain('was lowered');
});

test('login: basic and token registries, wrong password is E_AUTH before the build', async () => {
  for (const kind of ['basic', 'token'] as const) {
    await using b = await bench({ auth: { kind, users: { u: 'pass:w"ord' } } });
    expect((await b.run({ username: 'u', password: 'pass:w"ord' })).code).toBe(0);
    const wrong = await b.run({ username: 'u', password: 'wrong-password' });
    expect(wrong.log).toContain('[E_AUTH]');
    expect(wrong.log).not.toContain('engine buildah');
  }
});
