/** Proposals through the forge: branch and pull request, and every way in which that can be cut short. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Fault, faultAnswers } from '../../lab/forge/server.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { HttpError } from '../../src/http/index.ts';
import type { ActionError } from '../../src/runner/index.ts';
import { BRANCH, idOf, messageOf, type Proposals, signal, startProposals, TARGETS } from './proposals.ts';

let w: Proposals;
beforeAll(async () => {
  w = await startProposals();
});
afterAll(() => w.close());
beforeEach(() => w.renew());

const errorOf = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('one proposal', () => {
  test('a branch at one commit on the head, and a pull request with diff and trailers; the base stays', async () => {
    const base = await w.tip();
    const result = await w.propose(2);
    expect(result).toMatchObject({ kind: 'proposed', number: 1, changed: true, merged: false, verified: true });
    if (result.kind !== 'proposed') throw new Error(result.kind);
    expect(await w.tip()).toBe(base);
    expect(await w.branches()).toEqual([BRANCH, 'main']);
    expect(await w.show(`${BRANCH}:a.yaml`)).toBe('tag: v2\n');
    expect([await w.tip(BRANCH), result.commitUrl]).toEqual([
      result.commit,
      `${w.forge.url}/org/${w.name}/commit/${result.commit}`,
    ]);
    const [pull] = w.repo.pulls;
    expect(pull).toMatchObject({ title: 'bump app to v2', state: 'open', base: { ref: 'main' } });
    expect(pull?.body).toContain('```diff\n--- a/a.yaml\n');
    // As a squash merge would take it.
    expect(parseBlocks(`t\n\n${pull?.body}`)).toEqual(parseBlocks(`t\n\n${messageOf(2).body}`));
    expect(w.writes()).toEqual(['BumpCreateRef', 'BumpCommit', 'BumpUpdateRefs', 'POST /pulls']);
    expect(w.forge.unknownRoutes()).toEqual([]);
  });

  test('acceptance 24: two bumps, one open pull request at the newest', async () => {
    const first = await w.propose(2);
    const second = await w.propose(3);
    expect([first, second]).toMatchObject([{ number: 1 }, { number: 1, changed: true }]);
    expect(w.repo.pulls).toHaveLength(1);
    expect(w.repo.pulls[0]).toMatchObject({ title: 'bump app to v3', state: 'open' });
    expect(w.repo.pulls[0]?.body).toContain(`Bump-Id: ${idOf(3)}`);
    expect(w.repo.pulls[0]?.body).not.toContain(idOf(2));
    expect(await w.show(`${BRANCH}:a.yaml`)).toBe('tag: v3\n');
    // On the base, not on the older proposal.
    expect(await w.word(['log', '--format=%P', '-1', BRANCH])).toBe(await w.tip());
  });

  test('the same bytes on the same head: nothing is written, the open pull request is reported', async () => {
    const first = await w.propose(2);
    w.forge.clearRequests();
    const pulls = w.open();
    const again = await pulls.propose(
      { ...(await w.wish(pulls, 2)), bumpId: idOf(9), message: { ...messageOf(2), headline: 'x' } },
      signal,
    );
    if (first.kind !== 'proposed') throw new Error(first.kind);
    expect(again).toEqual({ ...first, changed: false });
    expect(w.writes()).toEqual([]);
  });

  test('a hand has put something else beside it: not the same bytes, written anew', async () => {
    await w.propose(2);
    const blob = await w.word(['rev-parse', `${BRANCH}:a.yaml`]);
    await w.push(BRANCH, await w.word(['mktree'], `100644 blob ${blob}\ta.yaml\n`));
    expect(await w.propose(2)).toMatchObject({ kind: 'proposed', number: 1, changed: true });
    expect(await w.word(['diff', '--name-only', 'main', BRANCH])).toBe('a.yaml');
  });

  test('the base has moved: the same bump is proposed on the new head', async () => {
    await w.propose(2);
    const moved = await w.push('main', 'main^{tree}');
    expect(await w.propose(2)).toMatchObject({ number: 1, changed: true });
    expect(await w.word(['log', '--format=%P', '-1', BRANCH])).toBe(moved);
  });

  test('other targets have a branch and a pull request of their own', async () => {
    await w.propose(2);
    const pulls = w.open();
    const targets = ['b.yaml#0#x'];
    const request = await w.wish(pulls, 4, { targets, proposed: await pulls.proposed(targets, signal) });
    expect(await pulls.propose(request, signal)).toMatchObject({ kind: 'proposed', number: 2 });
    expect(await w.branches()).toHaveLength(3);
  });
});

describe('what waits there, for the order guard', () => {
  test('nothing at first; the block of the proposal then; nothing any more when people have closed or merged it', async () => {
    const pulls = w.open();
    expect(await pulls.proposed(TARGETS, signal)).toEqual({ branch: BRANCH, head: undefined, waiting: undefined });
    await w.propose(2);
    const seen = await pulls.proposed(TARGETS, signal);
    expect(seen.head).toBe(await w.tip(BRANCH));
    expect(parseBlocks(seen.waiting?.message ?? '')).toMatchObject([
      { bumpId: idOf(2), sourceRevision: '2'.repeat(40) },
    ]);
    const [pull] = w.repo.pulls;
    if (pull === undefined) throw new Error('no pull request');
    pull.state = 'closed';
    expect(await pulls.proposed(TARGETS, signal)).toEqual({ branch: BRANCH, head: seen.head, waiting: undefined });
    // Asked for again: a new one, beside the closed one.
    expect(await w.propose(2)).toMatchObject({ number: 2 });
    expect((await pulls.proposed(TARGETS, signal)).waiting?.oid).toBe(seen.head);
  });

  test('a newer proposal came in between: conflict, so that the order is judged again', async () => {
    const late = w.open();
    const older = await w.wish(late, 2);
    await w.propose(3);
    expect((await late.propose(older, signal)).kind).toBe('conflict');
    expect(await w.show(`${BRANCH}:a.yaml`)).toBe('tag: v3\n');
    expect(await late.close()).toBe('');
  });

  test('it moves inside the write: conflict, and no scratch branch stays', async () => {
    const late = w.open(false, w.token, (graphql) => async (query, ...rest) => {
      if (query.includes('BumpUpdateRefs') && (await w.tip(BRANCH)) === '')
        await w.word(['update-ref', `refs/heads/${BRANCH}`, 'main']);
      return graphql(query, ...rest);
    });
    expect((await late.propose(await w.wish(late, 2), signal)).kind).toBe('conflict');
    expect(await w.branches()).toContain(`bump/scratch/${idOf(2)}`);
    expect(await late.close()).toBe('');
    expect(await w.branches()).toEqual([BRANCH, 'main']);
  });
});

describe('answers that are lost', () => {
  const steps = {
    BumpCreateRef: { operation: 'BumpCreateRef' },
    BumpCommit: { operation: 'BumpCommit' },
    BumpUpdateRefs: { operation: 'BumpUpdateRefs' },
    'POST /pulls': { method: 'POST', path: /\/pulls$/ },
  };
  const bad: [string, Omit<Fault, 'match'>][] = [
    ['cut before', { reset: 'before' }],
    ['cut after', { reset: 'after' }],
    ['502 before', { answer: faultAnswers.badGateway('before') }],
    ['502 after', { answer: faultAnswers.badGateway('after') }],
    ['empty after', { answer: { status: 200, body: '', when: 'after' } }],
  ];
  test.each(
    Object.entries(steps).flatMap(([step, match]) =>
      bad.map(([day, fault]) => [step, day, { match, ...fault }] as const),
    ),
  )('%s, %s: looked up, done once, nothing left behind', async (_step, _day, fault) => {
    w.forge.faults.add(fault);
    expect(await w.propose(2)).toMatchObject({ kind: 'proposed', number: 1, changed: true });
    expect(w.repo.pulls).toHaveLength(1);
    expect(await w.branches()).toEqual([BRANCH, 'main']);
    expect(await w.word(['rev-list', '--count', BRANCH])).toBe('2');
    expect(await w.show(`${BRANCH}:a.yaml`)).toBe('tag: v2\n');
  });
  test.each(['BumpCommit', 'BumpUpdateRefs'])(
    '%s never comes through: unknown, and no scratch branch stays',
    async (operation) => {
      w.forge.faults.add({ match: { operation }, times: 9, answer: faultAnswers.badGateway() });
      expect((await w.propose(2)).kind).toBe('unknown');
      expect(await w.branches()).toEqual(['main']);
    },
  );
  test('the scratch branch is made late, after the run has ended: it is looked for twice', async () => {
    let late: (() => Promise<unknown>) | undefined;
    let asked = 0;
    const pulls = w.open(false, w.token, (graphql) => async (query, ...rest) => {
      if (query.includes('BumpCreateRef')) {
        late = () => graphql(query, ...rest);
        throw new HttpError('reset', 'cut');
      }
      // The first look of the end finds nothing; then it arrives.
      if (late !== undefined && ++asked === 2) await late();
      return graphql(query, ...rest);
    });
    expect((await pulls.propose(await w.wish(pulls, 2), signal)).kind).toBe('unknown');
    expect(await pulls.close()).toBe('');
    // Two looks, and the deletion.
    expect(asked).toBe(3);
    expect(await w.branches()).toEqual(['main']);
  });
  test('it cannot be taken away: its name is told', async () => {
    const pulls = w.open();
    w.forge.faults.add({ match: { operation: 'BumpCommit' }, reset: 'before' });
    await pulls.propose(await w.wish(pulls, 2), signal);
    w.forge.faults.add({ match: { operation: 'BumpUpdateRefs' }, times: 99, answer: faultAnswers.badGateway() });
    expect(await pulls.close()).toBe(`bump/scratch/${idOf(2)}`);
  });
  test('a run that died after the branch and before the pull request: the next one opens it, and writes nothing else', async () => {
    const pulls = w.open();
    w.forge.faults.add({ match: steps['POST /pulls'], reset: 'before' });
    await pulls.propose(await w.wish(pulls, 2), signal);
    w.forge.clearRequests();
    expect(await w.propose(2)).toMatchObject({ kind: 'proposed', number: 1 });
    expect(w.writes()).toEqual(['POST /pulls']);
  });
  test('a run that died before the words were changed: the next one brings them up to date', async () => {
    await w.propose(2);
    w.forge.faults.add({ match: { method: 'PATCH' }, reset: 'before' });
    const pulls = w.open();
    expect((await pulls.propose(await w.wish(pulls, 3), signal)).kind).toBe('unknown');
    expect(w.repo.pulls[0]?.title).toBe('bump app to v2');
    w.forge.clearRequests();
    expect(await w.propose(3)).toMatchObject({ kind: 'proposed', number: 1 });
    expect(w.writes()).toEqual(['PATCH /pulls/1']);
    expect(w.repo.pulls[0]).toMatchObject({ title: 'bump app to v3', body: expect.stringContaining(idOf(3)) });
  });
  test('throttled: said so, with the wait', async () => {
    w.forge.faults.add({ match: { operation: 'BumpCommit' }, answer: faultAnswers.secondaryLimit(7) });
    const pulls = w.open();
    expect(await pulls.propose(await w.wish(pulls, 2), signal)).toEqual({ kind: 'throttled', waitSeconds: 7 });
    expect(await pulls.close()).toBe('');
    expect(await w.branches()).toEqual(['main']);
  });
});

describe('refusals', () => {
  const right = (permissions: Record<string, 'read' | 'write'>): string =>
    w.forge.createToken({ kind: 'app', permissions });
  const refused = async (secret: string): Promise<ActionError> => {
    const pulls = w.open(false, secret);
    const error = await errorOf(w.wish(pulls, 2).then((request) => pulls.propose(request, signal)));
    expect(await pulls.close()).toBe('');
    return error as ActionError;
  };
  test('without pull-requests: write the message names it, and in which state the branch is', async () => {
    const error = await refused(right({ contents: 'write' }));
    expect(error.code).toBe('E_PERMISSION_MISSING');
    expect(error.message).toContain('pull-requests: write');
    expect(error.message).toContain(`branch ${BRANCH} proposes it as ${(await w.tip(BRANCH)).slice(0, 12)}`);
    expect(await w.branches()).toEqual([BRANCH, 'main']);
  });
  test('in a private repository the pull requests cannot even be read: nothing was written', async () => {
    await w.renew(true);
    const error = await refused(right({ contents: 'write' }));
    expect([error.code, error.message]).toEqual([
      'E_PERMISSION_MISSING',
      expect.stringContaining('pull-requests: write'),
    ]);
    expect(await w.branches()).toEqual(['main']);
  });
  test('without contents: write', async () => {
    const error = await refused(right({ contents: 'read', 'pull-requests': 'write' }));
    expect([error.code, error.message]).toEqual(['E_PERMISSION_MISSING', expect.stringContaining('contents: write')]);
    expect(error.message).toContain('nothing was proposed');
  });
  test('a ruleset stands over the branch of the proposal', async () => {
    w.repo.rulesets.push({
      id: 1,
      name: 'bump',
      target: 'branch',
      enforcement: 'active',
      conditions: { ref_name: { include: ['refs/heads/bump/main/*'] } },
      rules: [{ type: 'creation' }],
    });
    const error = await refused(w.token);
    expect([error.code, error.facts.what]).toEqual(['E_BRANCH_PROTECTED', `branch ${BRANCH}`]);
    expect(await w.branches()).toEqual(['main']);
  });
});

test('trap 40: a renamed repository: the proposal goes to the new name', async () => {
  w.rename('org/renamed');
  const result = await w.propose(2);
  expect(result).toMatchObject({ kind: 'proposed', url: `${w.forge.url}/org/renamed/pull/1` });
  expect(w.forge.requests().filter((r) => r.path.startsWith(`/repos/org/${w.name}/`))).toEqual([]);
});
