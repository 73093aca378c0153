/** How the forge merges: the ways, the words of a refusal, and what waits until nothing stands against it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MergeMethod } from '../../../lab/forge/store.ts';
import { committed, type GraphqlReply, startWorld, type World } from './world.ts';

const ENABLE = `mutation Enable($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number state } } }`;

let w: World;
let token: string;
let name: string;
let count = 0;
beforeAll(async () => {
  w = await startWorld();
  token = w.forge.createToken({
    permissions: { contents: 'write', 'pull-requests': 'write', statuses: 'write' },
    login: 'robot',
  });
});
afterAll(() => w.close());

let number: number;
let id: string;
let sha: string;
const repo = () => w.forge.repository(name);
const call = (method: string, below: string, body?: object) => w.call(method, `/repos/${name}${below}`, token, body);
/** A pull request of two commits. */
beforeEach(async () => {
  count += 1;
  name = `org/pull${count}`;
  await w.forge.createRepository(name, { files: { a: '1\n' } });
  const main = await w.head('main', name);
  await call('POST', '/git/refs', { ref: 'refs/heads/change', sha: main });
  const one = committed(
    await w.commit(main, '2\n', { repo: name, branch: 'change', path: 'a', headline: 'one', token }),
  );
  sha = committed(await w.commit(one, 'b\n', { repo: name, branch: 'change', path: 'b', headline: 'two', token }));
  const { json } = await call('POST', '/pulls', { title: 'change', head: 'change', base: 'main', body: 'text' });
  number = json.number as number;
  id = json.node_id as string;
});

const merge = (merge_method: string, words: object = {}) =>
  call('PUT', `/pulls/${number}/merge`, { merge_method, sha, ...words });
const message = async (): Promise<string> => (await repo().objects.commit('refs/heads/main'))?.message.trim() ?? '';
const gate = (): void => {
  repo().rulesets.push({
    id: 1,
    name: 'gate',
    target: 'branch',
    enforcement: 'active',
    rules: [{ type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'gate' }] } }],
  });
};
const enable = (over: object = {}, secret = token): Promise<GraphqlReply> =>
  w.graphql(ENABLE, { input: { pullRequestId: id, ...over } }, secret);
const status = (state: string) => call('POST', `/statuses/${sha}`, { state, context: 'gate' });

describe('ways to merge', () => {
  test.each<[MergeMethod, number, string, boolean]>([
    ['merge', 2, 'Merge pull request #1 from org/change\n\nchange', true],
    ['squash', 1, 'change (#1)\n\n* one\n\nKey: value\n\n* two\n\nKey: value', true],
    ['rebase', 1, 'two\n\nKey: value', false],
  ])('%s', async (method, parents, words, signed) => {
    const done = await merge(method);
    const head = await repo().objects.commit('refs/heads/main');
    expect(done.json).toMatchObject({ merged: true, sha: head?.oid });
    expect([head?.parents.length, await message(), repo().verified.has(head?.oid ?? '')]).toEqual([
      parents,
      words,
      signed,
    ]);
    expect((await repo().objects.entry(head?.tree ?? '', 'b'))?.type).toBe('blob');
    const { json } = await call('GET', `/pulls/${number}`);
    expect(json).toMatchObject({ state: 'closed', merged: true, merged_at: expect.stringMatching(/^\d{4}-.*Z$/) });
  });
  test('the words of the caller win', async () => {
    await merge('squash', { commit_title: 'title', commit_message: 'body' });
    expect(await message()).toBe('title\n\nbody');
  });
  test.each([
    ['merge', 'Merge commits are not allowed on this repository.'],
    ['squash', 'Squash merges are not allowed on this repository.'],
    ['rebase', 'Rebase merges are not allowed on this repository.'],
  ] as const)('%s is switched off', async (method, why) => {
    repo().merging.methods = repo().merging.methods.filter((one) => one !== method);
    expect(await merge(method)).toMatchObject({ status: 405, json: { message: why } });
    expect((await call('GET', '')).json[`allow_${method === 'merge' ? 'merge_commit' : `${method}_merge`}`]).toBe(
      false,
    );
  });
  test('the branch goes when the repository says so; a pull request without its branch is closed', async () => {
    repo().merging.deleteBranch = true;
    await merge('squash');
    expect(await w.head('change', name)).toBe('');
    await call('POST', '/git/refs', { ref: 'refs/heads/other', sha });
    const other = await call('POST', '/pulls', { title: 'x', head: 'other', base: 'main' });
    await call('DELETE', '/git/refs/heads/other');
    expect((await call('GET', `/pulls/${other.json.number}`)).json).toMatchObject({ state: 'closed', merged: false });
  });
});

describe('enablePullRequestAutoMerge', () => {
  const why = async (reply: Promise<GraphqlReply>): Promise<unknown> => (await reply).errors?.[0];
  test.each<[string, () => unknown, object, string, string]>([
    ['is off in the repository', () => 0, {}, 'UNPROCESSABLE', 'Auto merge is not allowed for this repository'],
    [
      'has nothing to wait for',
      () => {
        repo().merging.auto = true;
      },
      {},
      'UNPROCESSABLE',
      'Pull request Pull request is in clean status',
    ],
    [
      'has nothing that it must wait for',
      () => {
        repo().merging.auto = true;
        return status('pending');
      },
      {},
      'UNPROCESSABLE',
      'Pull request Pull request is in unstable status',
    ],
    [
      'wants a way that is off',
      () => {
        repo().merging = { ...repo().merging, auto: true, methods: ['squash'] };
      },
      { mergeMethod: 'MERGE' },
      'UNPROCESSABLE',
      'Merge commits are not allowed on this repository.',
    ],
    [
      'has seen another head',
      () => {
        repo().merging.auto = true;
        gate();
      },
      { expectedHeadOid: '1'.repeat(40) },
      'UNPROCESSABLE',
      'Head branch was modified. Review and try the merge again.',
    ],
    [
      'names nothing',
      () => 0,
      { pullRequestId: 'PR_1_1' },
      'NOT_FOUND',
      "Could not resolve to a node with the global id of 'PR_1_1'.",
    ],
  ])('refused when it %s', async (_name, prepare, over, type, text) => {
    await prepare();
    expect(await why(enable(over))).toMatchObject({ type, message: text });
  });
  test('refused without either permission', async () => {
    for (const right of ['contents', 'pull-requests']) {
      const secret = w.forge.createToken({ permissions: { [right]: 'write' } });
      expect(await why(enable({}, secret))).toMatchObject({ type: 'FORBIDDEN' });
    }
  });
  test('merges by itself when the check is green, in the words that were given; not before, and not once it is closed', async () => {
    repo().merging.auto = true;
    gate();
    const input = { mergeMethod: 'SQUASH', commitHeadline: 'h', commitBody: 'b', expectedHeadOid: sha };
    expect((await enable(input)).data).toEqual({
      enablePullRequestAutoMerge: { pullRequest: { number, state: 'OPEN' } },
    });
    const { json } = await call('GET', `/pulls/${number}`);
    expect(json.auto_merge).toMatchObject({ merge_method: 'squash', enabled_by: { login: 'robot' } });
    expect(JSON.stringify(json)).not.toContain(token);
    await status('pending');
    expect(await message()).toBe('initial');
    await status('success');
    expect(await message()).toBe('h\n\nb');
    expect((await call('GET', `/pulls/${number}`)).json).toMatchObject({ merged: true, auto_merge: null });
  });
  test('a closed pull request waits for nothing any more', async () => {
    repo().merging.auto = true;
    gate();
    await enable();
    await call('PATCH', `/pulls/${number}`, { state: 'closed' });
    await status('success');
    expect(await message()).toBe('initial');
  });
});

test('a tree names the size of its blobs', async () => {
  const { json } = await call('GET', `/git/trees/${sha}?recursive=1`);
  expect(json.tree).toEqual([
    expect.objectContaining({ path: 'a', type: 'blob', size: 2 }),
    expect.objectContaining({ path: 'b', type: 'blob', size: 2 }),
  ]);
});
