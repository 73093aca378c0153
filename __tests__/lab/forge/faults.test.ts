import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Faults } from '../../../lab/forge/faults.ts';
import { type Fault, faultAnswers } from '../../../lab/forge/server.ts';
import { committed, startWorld, type World } from './world.ts';

let w: World;
beforeAll(async () => {
  w = await startWorld();
});
afterAll(() => w.close());
beforeEach(() => w.forge.faults.clear());

const match = { operation: 'Commit' };
const HEAD = '{ repository(owner:"org", name:"app") { ref(qualifiedName:"main") { target { oid } } } }';

describe('a write under a fault', () => {
  test.each<[string, Omit<Fault, 'match'>, string, boolean]>([
    ['502 before the effect', { answer: faultAnswers.badGateway() }, 'answered', false],
    ['502 after the effect', { answer: faultAnswers.badGateway('after') }, 'answered', true],
    ['reset before the effect', { reset: 'before' }, 'cut', false],
    ['reset after the effect', { reset: 'after' }, 'cut', true],
    ['a secondary rate limit', { answer: faultAnswers.secondaryLimit(2) }, 'answered', false],
    ['409', { answer: faultAnswers.conflict() }, 'answered', false],
    ['422', { answer: faultAnswers.unprocessable() }, 'answered', false],
    ['a false stale', { answer: faultAnswers.falseStale() }, 'answered', false],
    ['a slow body', { slowBodyMs: 50 }, 'answered', true],
    ['a delay', { delayMs: 50 }, 'answered', true],
  ])('%s', async (_, fault, outcome, landed) => {
    w.forge.faults.add({ match, ...fault });
    const before = await w.head();
    const done = await w.commit(before, String(Math.random())).then(
      () => 'answered',
      () => 'cut',
    );
    expect(done).toBe(outcome);
    expect((await w.head()) !== before).toBe(landed);
    // It strikes once only.
    committed(await w.commit(await w.head(), String(Math.random())));
  });
  test('cut at once, lands later', async () => {
    w.forge.faults.add({ match, reset: 'before', lateEffectMs: 150 });
    const before = await w.head();
    await expect(w.commit(before, 'late')).rejects.toThrow();
    expect(await w.head()).toBe(before);
    while ((await w.head()) === before) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  test('a push whose answer is lost has landed', async () => {
    w.forge.faults.add({ match: { path: /git-receive-pack$/, method: 'POST' }, reset: 'after' });
    const { path } = w.forge.repository('org/app');
    const to = 'refs/heads/main:refs/heads/lost';
    expect((await w.git(['push', '-q', w.remote(w.user), to], path)).code).not.toBe(0);
    expect(await w.head('lost')).toBe(await w.head());
  });
});

test('throttling tells its wait, in the words of GitHub', async () => {
  w.forge.faults.add({ match: { path: /\/commits\// }, answer: faultAnswers.secondaryLimit(7) });
  const reply = await w.call('GET', '/repos/org/app/commits/main', w.user);
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([403, '7']);
  expect(reply.json.message).toContain('secondary rate limit');
});

test('an old replica answers reads with the branch as it was', async () => {
  const before = await w.head();
  const after = committed(await w.commit(before, 'newer'));
  w.forge.faults.add({ match: { path: /./ }, staleBy: 1, times: 3 });
  const reads = async (): Promise<unknown[]> => [
    (await w.graphql(HEAD)).data,
    (await w.call('GET', '/repos/org/app/git/ref/heads/main', w.user)).json.object,
    (await w.call('GET', '/repos/org/app/commits/main', w.user)).json.sha,
  ];
  const wanted = (sha: string): unknown[] => [
    { repository: { ref: { target: { oid: sha } } } },
    { type: 'commit', sha },
    sha,
  ];
  expect(await reads()).toEqual(wanted(before));
  expect(await reads()).toEqual(wanted(after));
});

describe('when a fault strikes', () => {
  const strikes = (fault: Omit<Fault, 'match'>, at: readonly number[]): boolean[] => {
    const faults = new Faults();
    faults.add({ match: { method: 'GET' }, ...fault });
    const facts = { method: 'GET', path: '/x', query: '', operation: undefined, login: '' };
    return at.map((now) => faults.next(facts, now) !== undefined);
  };
  const [no, yes] = [false, true];
  test.each<[string, Omit<Fault, 'match'>, number[], boolean[]]>([
    ['once', {}, [0, 0], [yes, no]],
    ['twice after one', { skip: 1, times: 2 }, [0, 0, 0, 0], [no, yes, yes, no]],
    ['every third', { every: 3 }, [0, 0, 0, 0, 0, 0], [no, no, yes, no, no, yes]],
    ['more than 2 in 10 ms', { over: { count: 2, ms: 10 } }, [0, 1, 2, 11, 12, 13], [no, no, yes, no, no, yes]],
  ])('%s', (_, fault, at, wanted) => {
    expect(strikes(fault, at)).toEqual(wanted);
  });
  test('can be taken away again, and looks at what it is told to', () => {
    const faults = new Faults();
    const facts = { method: 'POST', path: '/graphql', query: '?a=1', operation: 'Commit', login: 'dev' };
    const all = { method: 'POST', path: /graphql/, query: /a=1/, operation: 'Commit', login: 'dev' };
    for (const [key, other] of Object.entries({
      method: 'GET',
      path: /x/,
      query: /b/,
      operation: 'Read',
      login: 'x',
    })) {
      faults.add({ match: { ...all, [key]: other } });
    }
    expect(faults.next(facts)).toBeUndefined();
    const away = faults.add({ match: all, times: 9 });
    expect(faults.next(facts)).toBeDefined();
    away();
    expect(faults.next(facts)).toBeUndefined();
  });
});

test('50 writers through GraphQL, compare-and-swap each: all land', async () => {
  await w.forge.createRepository('org/busy', { files: { 'v.yaml': 'x: 0\n' } });
  const ask = HEAD.replace('"app"', '"busy"');
  const writer = async (i: number): Promise<void> => {
    for (;;) {
      const { data } = await w.graphql(ask);
      const { oid } = (data as { repository: { ref: { target: { oid: string } } } }).repository.ref.target;
      const o = { repo: 'org/busy', path: 'v.yaml', headline: `writer ${i}`, token: w.admin };
      const done = await w.commit(oid, `x: ${i}\n`, o);
      if (done.errors === undefined) {
        return;
      }
      expect(done.errors[0]?.type).toBe('STALE_DATA');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
    }
  };
  await Promise.all(Array.from({ length: 50 }, (_, i) => writer(i)));
  const log = await w.git(['log', '--format=%s', 'main'], w.forge.repository('org/busy').path);
  expect(new Set(log.stdoutTail.trim().split('\n')).size).toBe(51);
});
