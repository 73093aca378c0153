/** auto-merge: who merges when, in which way, and what it says when nobody does. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { faultAnswers } from '../../lab/forge/server.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { BRANCH, idOf, messageOf, type Proposals, signal, startProposals, TARGETS } from './proposals.ts';

let w: Proposals;
beforeAll(async () => {
  w = await startProposals();
});
afterAll(() => w.close());
beforeEach(async () => {
  await w.renew();
  w.repo.merging.auto = true;
});

/** A check that has to be green before a merge into main. */
const requireCheck = (): void => {
  w.repo.rulesets.push({
    id: 1,
    name: 'gate',
    target: 'branch',
    enforcement: 'active',
    rules: [{ type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'gate' }] } }],
  });
};
async function green(): Promise<void> {
  const secret = w.forge.createToken({ kind: 'app', permissions: { statuses: 'write' } });
  const response = await fetch(`${w.forge.apiUrl}/repos/org/${w.name}/statuses/${await w.tip(BRANCH)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({ state: 'success', context: 'gate' }),
  });
  expect(response.status).toBe(201);
}
const blocksOf = async (revision: string): Promise<unknown> =>
  parseBlocks(await w.word(['log', '-1', '--format=%B', revision]));
const OURS = parseBlocks(`t\n\n${messageOf(2).body}`);

describe('nothing stands against it', () => {
  test('acceptance 24: a clean pull request is merged at once, with the head we proposed', async () => {
    const result = await w.propose(2, true);
    if (result.kind !== 'proposed') throw new Error(result.kind);
    expect(result).toMatchObject({ number: 1, merged: true, changed: true, note: '', mergeCommit: await w.tip() });
    expect(await w.word(['log', '-1', '--format=%P', 'main'])).toContain(result.commit);
    expect(await w.show('main:a.yaml')).toBe('tag: v2\n');
    expect(await blocksOf(result.commit)).toEqual(OURS);
    // What has been merged does not wait any more.
    expect((await w.open().proposed(TARGETS, signal)).waiting).toBeUndefined();
    expect(w.forge.unknownRoutes()).toEqual([]);
  });
  test.each([
    ['merge, when everything is allowed', ['merge', 'squash', 'rebase'], 2],
    ['squash, when there are no merge commits', ['rebase', 'squash'], 1],
    ['rebase, when nothing else is allowed', ['rebase'], 1],
  ] as const)('by %s; the trailers are in the history of main', async (_name, methods, parents) => {
    w.repo.merging.methods = methods;
    expect(await w.propose(2, true)).toMatchObject({ merged: true, mergeCommit: await w.tip() });
    expect((await w.word(['log', '-1', '--format=%P', 'main'])).split(' ')).toHaveLength(parents);
    expect(await blocksOf(parents === 1 ? 'main' : 'main^2')).toEqual(OURS);
  });
  test.each([
    ['cut', { reset: 'after' }],
    ['502', { answer: faultAnswers.badGateway('after') }],
  ] as const)(
    'the answer of the merge is lost (%s), and the branch is gone: seen as merged, once',
    async (_name, fault) => {
      w.repo.merging.deleteBranch = true;
      w.forge.faults.add({ match: { method: 'PUT', path: /merge$/ }, ...fault });
      expect(await w.propose(2, true)).toMatchObject({ kind: 'proposed', merged: true, mergeCommit: await w.tip() });
      expect(await w.branches()).toEqual(['main']);
      expect(w.repo.pulls).toHaveLength(1);
    },
  );
  test('main moves in front of the merge: conflict, and the next round merges', async () => {
    w.forge.faults.add({
      match: { method: 'PUT', path: /merge$/ },
      answer: { status: 405, body: '{"message":"Base branch was modified. Review and try the merge again."}' },
    });
    expect((await w.propose(2, true)).kind).toBe('conflict');
    expect(await w.propose(2, true)).toMatchObject({ merged: true });
  });
  test('others have merged it in the moment: conflict, so that the base is read again', async () => {
    await w.propose(2);
    const pulls = w.open();
    const late = await w.wish(pulls, 2);
    await w.propose(2, true);
    expect(await pulls.propose({ ...late, bumpId: idOf(9) }, signal)).toMatchObject({ kind: 'conflict' });
  });
});

describe('something stands against it', () => {
  test('a check is missing: auto-merge is on, and the host merges when it is green', async () => {
    requireCheck();
    expect(await w.propose(2, true)).toMatchObject({
      merged: false,
      note: expect.stringContaining('auto-merge is on'),
    });
    expect(await w.show('main:a.yaml')).toBe('tag: v1\n');
    // Once more: it is on already.
    w.forge.clearRequests();
    expect(await w.propose(2, true)).toMatchObject({
      merged: false,
      note: expect.stringContaining('auto-merge is on'),
    });
    await green();
    expect(await w.show('main:a.yaml')).toBe('tag: v2\n');
  });
  test('a newer bump of the same pull request is merged under its own words', async () => {
    requireCheck();
    w.repo.merging.methods = ['squash'];
    await w.propose(2, true);
    await w.propose(3, true);
    await green();
    expect(await w.show('main:a.yaml')).toBe('tag: v3\n');
    expect(await blocksOf('main')).toMatchObject([{ bumpId: idOf(3) }]);
  });
  test('the branch moves on while the words of the newer bump are set: auto-merge stays on, in the words of what stands there', async () => {
    requireCheck();
    w.repo.merging.methods = ['squash'];
    await w.propose(2, true);
    // Said of our head, as if a still newer one had come between.
    const body = JSON.stringify({
      data: { enablePullRequestAutoMerge: null },
      errors: [{ type: 'UNPROCESSABLE', message: 'Head branch was modified. Review and try the merge again.' }],
    });
    w.forge.faults.add({ match: { operation: 'BumpAutoMerge' }, answer: { status: 200, body } });
    const pulls = w.open(true);
    expect(await pulls.propose(await w.wish(pulls, 3), signal)).toMatchObject({ kind: 'unknown' });
    await green();
    expect(await w.show('main:a.yaml')).toBe('tag: v3\n');
    expect(await blocksOf('main')).toMatchObject([{ bumpId: idOf(3) }]);
  });
  test('a rule of the branch forbids merge commits: the next way that the repository allows', async () => {
    requireCheck();
    const body = JSON.stringify({
      data: { enablePullRequestAutoMerge: null },
      errors: [{ type: 'UNPROCESSABLE', message: 'Merge method merge commits are not allowed on this repository' }],
    });
    w.forge.faults.add({ match: { operation: 'BumpAutoMerge' }, answer: { status: 200, body } });
    expect(await w.propose(2, true)).toMatchObject({ note: expect.stringContaining('auto-merge is on') });
    await green();
    expect(await w.show('main:a.yaml')).toBe('tag: v2\n');
    expect(await blocksOf('main')).toEqual(OURS);
  });
  test('the same without anything to wait for', async () => {
    w.forge.faults.add({
      match: { method: 'PUT', path: /merge$/ },
      answer: { status: 405, body: '{"message":"This branch must not contain merge commits."}' },
    });
    expect(await w.propose(2, true)).toMatchObject({ merged: true });
    expect(await blocksOf('main')).toEqual(OURS);
  });
  test('the repository does not allow auto-merge: proposed, and said so', async () => {
    w.repo.merging.auto = false;
    requireCheck();
    expect(await w.propose(2, true)).toMatchObject({
      kind: 'proposed',
      merged: false,
      note: expect.stringContaining('Auto merge is not allowed'),
    });
  });
  test('a check that is not required is red: not merged over it', async () => {
    await w.propose(2);
    w.repo.statuses.push({
      sha: await w.tip(BRANCH),
      state: 'failure',
      context: 'x',
      description: null,
      target_url: null,
      app: null,
    });
    expect(await w.propose(2, true)).toMatchObject({ merged: false, note: expect.stringContaining('unstable status') });
    expect(w.repo.pulls[0]?.state).toBe('open');
  });
  test.each([
    ['a merge queue that GitHub answers 405 for', 405, 'Pull Request is not mergeable'],
    ['a rule', 405, 'Repository rule violations found'],
  ])('the direct merge is refused: %s', async (_name, status, message) => {
    w.forge.faults.add({
      match: { method: 'PUT', path: /merge$/ },
      answer: { status, body: JSON.stringify({ message }) },
    });
    expect(await w.propose(2, true)).toMatchObject({ merged: false, note: expect.stringContaining(message) });
  });
  test('the host has not made up its mind: asked again', async () => {
    const body = JSON.stringify({
      data: { enablePullRequestAutoMerge: null },
      errors: [{ type: 'UNPROCESSABLE', message: 'Pull request Pull request is in unknown status' }],
    });
    w.forge.faults.add({ match: { operation: 'BumpAutoMerge' }, answer: { status: 200, body } });
    expect(await w.propose(2, true)).toMatchObject({ merged: true });
  });
  test('a failure of the server is no refusal: asked again', async () => {
    const body = JSON.stringify({
      data: null,
      errors: [{ message: 'Something went wrong while executing your query.' }],
    });
    w.forge.faults.add({ match: { operation: 'BumpAutoMerge' }, answer: { status: 200, body } });
    expect(await w.propose(2, true)).toMatchObject({ merged: true });
  });
  test('a token that may not merge: red, and the pull request is named', async () => {
    w.forge.faults.add({
      match: { operation: 'BumpAutoMerge' },
      answer: {
        status: 200,
        body: JSON.stringify({
          data: null,
          errors: [{ type: 'FORBIDDEN', message: 'Resource not accessible by integration' }],
        }),
      },
    });
    await expect(w.propose(2, true)).rejects.toMatchObject({
      code: 'E_PERMISSION_MISSING',
      message: expect.stringContaining('pull request 1 is open'),
    });
  });
});
