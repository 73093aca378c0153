import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { committed, startWorld, type World } from './world.ts';

let w: World;
let first: string;
let second: string;
beforeAll(async () => {
  w = await startWorld();
  first = await w.head();
  second = committed(await w.commit(first, 'tag: v2\n', { headline: 'second' }));
});
afterAll(() => w.close());

const R = '/repos/org/app';
type Say = () => string;

describe('repository and history', () => {
  test.each<[string, Say, number, unknown]>([
    ['the repository', () => R, 200, { full_name: 'org/app', default_branch: 'main', private: false }],
    ['a file', () => `${R}/contents/env/values.yaml?ref=main`, 200, { type: 'file', size: 8, encoding: 'base64' }],
    ['a file of an older commit', () => `${R}/contents/env/values.yaml?ref=${first}`, 200, { content: 'dGFnOiB2MQo=' }],
    ['a folder', () => `${R}/contents/env`, 200, [{ type: 'file', path: 'env/values.yaml' }]],
    ['the root', () => `${R}/contents`, 200, [{ name: 'a.txt' }, { name: 'env', type: 'dir' }]],
    ['no such file', () => `${R}/contents/none`, 404, { message: 'Not Found', status: '404' }],
    ['no such ref', () => `${R}/contents/a.txt?ref=none`, 404, { message: 'Not Found' }],
    [
      'commits of a path',
      () => `${R}/commits?path=env/values.yaml`,
      200,
      [{ sha: () => second }, { sha: () => first }],
    ],
    ['a page of commits', () => `${R}/commits?per_page=1&page=2`, 200, [{ sha: () => first }]],
    ['a commit by branch', () => `${R}/commits/main`, 200, { commit: { verification: { verified: true } } }],
    ['a commit by short id', () => `${R}/commits/${first.slice(0, 8)}`, 200, { commit: { message: 'initial' } }],
    ['no such commit', () => `${R}/commits/${'0'.repeat(40)}`, 422, { message: /^No commit found for SHA/ }],
    ['branches', () => `${R}/branches`, 200, [{ name: 'main', protected: false }]],
    ['a branch', () => `${R}/branches/main`, 200, { name: 'main', commit: { sha: () => second } }],
    ['an expression is no branch', () => `${R}/branches/main~1`, 404, { message: 'Not Found' }],
    ['a private repository one may not see', () => '/repos/org/secret', 404, { message: 'Not Found' }],
    ['no such repository', () => '/repos/org/none', 404, { message: 'Not Found' }],
  ])('%s', async (_, path, status, wanted) => {
    const reply = await w.call('GET', path(), w.user);
    expect(reply.status).toBe(status);
    expect(reply.json).toMatchObject(filled(wanted) as object);
  });
  test('both addresses, and the raw media type', async () => {
    for (const base of [w.forge.url, w.forge.apiUrl]) {
      const raw = await fetch(`${base}${R}/contents/a.txt`, { headers: { accept: 'application/vnd.github.raw+json' } });
      expect(await raw.text()).toBe('one\n');
    }
  });
  test('compare: ahead, behind, identical, diverged, unknown', async () => {
    await w.call('POST', `${R}/git/refs`, w.user, { ref: 'refs/heads/side', sha: first });
    const side = committed(await w.commit(first, 'x', { branch: 'side', path: 'side.txt' }));
    const compare = (a: string, b: string) => w.call('GET', `${R}/compare/${a}...${b}?per_page=1`, w.user);
    expect((await compare(first, second)).json).toMatchObject({
      status: 'ahead',
      ahead_by: 1,
      behind_by: 0,
      merge_base_commit: { sha: first },
      commits: [{ sha: second }],
      files: [{ filename: 'env/values.yaml', status: 'modified' }],
    });
    expect((await compare(second, first)).json).toMatchObject({
      status: 'behind',
      behind_by: 1,
      commits: [],
      files: [],
    });
    expect((await compare(first, 'main~0')).status).toBe(404);
    expect((await compare(first, first)).json).toMatchObject({ status: 'identical', total_commits: 0 });
    expect((await compare('main', 'side')).json).toMatchObject({
      status: 'diverged',
      ahead_by: 1,
      behind_by: 1,
      merge_base_commit: { sha: first },
      commits: [{ sha: side }],
      files: [{ filename: 'side.txt', status: 'added' }],
    });
    expect((await compare(first, '0'.repeat(40))).status).toBe(404);
  });
  test('a renamed repository redirects', async () => {
    await w.forge.createRepository('org/before', { files: { f: '1' } });
    w.forge.renameRepository('org/before', 'org/after');
    const reply = await w.call('GET', '/repos/org/before/commits?per_page=1');
    expect([reply.status, reply.headers.get('location')]).toEqual([
      301,
      `${w.forge.apiUrl}/repos/org/after/commits?per_page=1`,
    ]);
  });
});

test('git data: blob, tree, commit and ref, made and moved', async () => {
  const post = async (path: string, body: object) => (await w.call('POST', `${R}/git/${path}`, w.user, body)).json;
  const blob = await post('blobs', { content: Buffer.from('new\n').toString('base64'), encoding: 'base64' });
  expect((await w.call('GET', `${R}/git/blobs/${blob.sha}`, w.user)).json).toMatchObject({
    size: 4,
    content: 'bmV3Cg==',
  });
  const tree = await post('trees', {
    base_tree: second,
    tree: [
      { path: 'deep/er/new.txt', mode: '100755', type: 'blob', sha: blob.sha },
      { path: 'a.txt', mode: '100644', type: 'blob', sha: null },
    ],
  });
  const all = (await w.call('GET', `${R}/git/trees/${tree.sha}?recursive=1`, w.user)).json.tree as { path: string }[];
  expect(all.map((entry) => entry.path)).toEqual(['deep', 'deep/er', 'deep/er/new.txt', 'env', 'env/values.yaml']);
  const made = await post('commits', { message: 'made', tree: tree.sha, parents: [second] });
  expect(made).toMatchObject({ message: 'made', author: { name: 'developer' }, parents: [{ sha: second }] });
  expect(await post('refs', { ref: 'refs/heads/made', sha: second })).toMatchObject({ object: { sha: second } });
  expect((await w.call('POST', `${R}/git/refs`, w.user, { ref: 'refs/heads/made', sha: second })).json.message).toBe(
    'Reference already exists',
  );
  const patch = (sha: unknown, force = false) => w.call('PATCH', `${R}/git/refs/heads/made`, w.user, { sha, force });
  expect((await patch(made.sha)).status).toBe(200);
  expect((await patch(first)).json.message).toBe('Update is not a fast forward');
  expect((await patch(first, true)).json).toMatchObject({ object: { sha: first } });
  const matching = (await w.call('GET', `${R}/git/matching-refs/heads/ma`, w.user)).json as unknown as {
    ref: string;
  }[];
  expect(matching.map((one) => one.ref)).toEqual(['refs/heads/made', 'refs/heads/main']);
  expect((await w.call('DELETE', `${R}/git/refs/heads/made`, w.user)).status).toBe(204);
  expect((await w.call('GET', `${R}/git/ref/heads/made`, w.user)).status).toBe(404);
});

describe('checks, statuses, runs', () => {
  const check = (body: object, token = w.app) =>
    w.call('POST', `${R}/check-runs`, token, { name: 'gate', head_sha: second, ...body });
  test.each<[string, object, number, unknown]>([
    ['in progress', { status: 'in_progress' }, 201, { status: 'in_progress', conclusion: null, app: { id: 15_368 } }],
    ['a conclusion completes', { conclusion: 'success' }, 201, { status: 'completed', conclusion: 'success' }],
    ['completed without conclusion', { status: 'completed' }, 422, { message: /Missing required conclusion/ }],
    ['an unknown conclusion', { conclusion: 'fine' }, 422, { message: /not a member of/ }],
    ['without a name', { name: '' }, 422, { message: /"name"/ }],
    ['a short commit', { head_sha: 'abc' }, 422, { message: /No commit found/ }],
    [
      '51 annotations',
      { output: { title: 't', summary: 's', annotations: Array(51).fill({}) } },
      422,
      { message: /50/ },
    ],
  ])('a check run: %s', async (_, body, status, wanted) => {
    const reply = await check(body);
    expect(reply.status).toBe(status);
    expect(reply.json).toMatchObject(filled(wanted) as object);
  });
  test('the newest check run of a name counts; only its App may change it', async () => {
    await check({ conclusion: 'failure' });
    const { id } = (await check({ status: 'in_progress' })).json;
    const other = w.forge.createToken({ kind: 'app', appId: 7, permissions: { checks: 'write' } });
    const path = `${R}/check-runs/${id}`;
    expect((await w.call('PATCH', path, other, { conclusion: 'success' })).status).toBe(404);
    expect((await w.call('PATCH', path, w.app, { conclusion: 'success' })).json.status).toBe('completed');
    expect((await w.call('GET', `${R}/commits/main/check-runs?check_name=gate`, w.app)).json).toMatchObject({
      total_count: 1,
      check_runs: [{ id, conclusion: 'success' }],
    });
  });
  test('statuses: the newest of each context makes the state', async () => {
    const status = (state: string, context: string) =>
      w.call('POST', `${R}/statuses/${second}`, w.user, { state, context });
    for (const [state, context] of [
      ['failure', 'a'],
      ['success', 'b'],
      ['success', 'a'],
    ] as const) {
      expect((await status(state, context)).status).toBe(201);
    }
    expect((await w.call('GET', `${R}/commits/main/status`, w.user)).json).toMatchObject({
      state: 'success',
      total_count: 2,
    });
    expect((await status('good', 'a')).status).toBe(422);
  });
  test('workflow runs that were recorded', async () => {
    const run = { id: 5, name: 'deliver', path: '.github/workflows/deliver.yml', event: 'push', run_attempt: 1 };
    const at = { head_sha: second, head_branch: 'main' };
    w.forge.recordRun('org/app', { ...run, ...at, status: 'in_progress', conclusion: null });
    w.forge.recordRun('org/app', { ...run, ...at, status: 'completed', conclusion: 'success' });
    expect((await w.call('GET', `${R}/actions/runs/5`, w.app)).json).toMatchObject({ conclusion: 'success' });
    expect((await w.call('GET', `${R}/actions/runs/5/attempts/2`, w.app)).status).toBe(404);
    expect((await w.call('GET', `${R}/actions/runs?head_sha=${second}&status=success`, w.app)).json.total_count).toBe(
      1,
    );
    expect((await w.call('GET', `${R}/actions/runs?head_sha=${first}`, w.app)).json.total_count).toBe(0);
  });
});

describe('code scanning and attestations', () => {
  const bundle = (digest: string): object => ({
    dsseEnvelope: {
      payload: Buffer.from(JSON.stringify({ subject: [{ digest: { sha256: digest } }] })).toString('base64'),
    },
  });
  const zip = (text: string): string => gzipSync(text).toString('base64');
  test.each<[string, () => object, number]>([
    ['a SARIF file', () => ({ commit_sha: second, ref: 'refs/heads/main', sarif: zip('{"runs":[]}') }), 202],
    ['not compressed', () => ({ commit_sha: second, ref: 'refs/heads/main', sarif: '{"runs":[]}' }), 400],
    ['a short ref', () => ({ commit_sha: second, ref: 'main', sarif: zip('{"runs":[]}') }), 400],
  ])('%s', async (_, body, status) => {
    const reply = await w.call('POST', `${R}/code-scanning/sarifs`, w.user, body());
    expect(reply.status).toBe(status);
    if (status === 202) {
      const done = await w.call('GET', `${R}/code-scanning/sarifs/${reply.json.id}`, w.user);
      expect(done.json).toEqual({ processing_status: 'complete' });
    }
  });
  test('an attestation is found by the digest of its subject only', async () => {
    const digest = 'ab'.repeat(32);
    expect((await w.call('POST', `${R}/attestations`, w.user, { bundle: bundle(digest) })).status).toBe(201);
    expect((await w.call('POST', `${R}/attestations`, w.user, { bundle: {} })).status).toBe(422);
    const found = await w.call('GET', `${R}/attestations/sha256:${digest}`, w.user);
    expect(found.json).toMatchObject({ attestations: [{ bundle: bundle(digest) }] });
    expect((await w.call('GET', `${R}/attestations/sha256:${'cd'.repeat(32)}`, w.user)).status).toBe(404);
  });
});

test('unknown routes answer 404 and are recorded; nothing else here was one', async () => {
  expect(w.forge.unknownRoutes()).toEqual([]);
  expect((await w.call('GET', `${R}/nonsense`, w.user)).status).toBe(404);
  expect((await w.call('PUT', R, w.user)).status).toBe(404);
  expect(w.forge.unknownRoutes()).toEqual([`GET ${R}/nonsense`, `PUT ${R}`]);
});

/** Functions (known only while a test runs) and patterns of a wanted answer as values that toMatchObject takes. */
function filled(value: unknown): unknown {
  if (typeof value === 'function') return value();
  if (value instanceof RegExp) return expect.stringMatching(value);
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one)]));
}
