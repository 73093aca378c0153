/** The action against a host on a bad day: what it asks, when it waits, and what it says. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Fault, faultAnswers } from '../../lab/forge/server.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const image = (c: string, over: Record<string, string> = {}): Record<string, string> => ({
  image: 'ghcr.io/org/app',
  tag: `sha-${c}`,
  digest: DIGEST(c),
  file: 'env/v.yaml',
  ...over,
});
const codeOf = (log: string): string | undefined => /^::error .*\[(E_[A-Z_]+)\]$/m.exec(log)?.[1];
const operations = (): string[] => world.forge.requests().map((r) => r.operation ?? `${r.method} ${r.path}`);
const gql = (type: string, message: string): Pick<Fault, 'answer'> => ({
  answer: { status: 200, body: JSON.stringify({ data: { createCommitOnBranch: null }, errors: [{ type, message }] }) },
});

test('acceptance 1: uncontended: two requests to the config repository, at most one to the source', async () => {
  await world.bump(image('b', { 'source-revision': world.revisions.b }));
  const base = await world.head();
  const before = await world.read();
  world.forge.clearRequests();
  const run = await world.bump(image('c'));
  expect([run.code, run.outputs.result, run.outputs['base-sha']]).toEqual([0, 'committed', base]);
  expect(operations().filter((o) => !o.startsWith('GET /repos/org/app/'))).toEqual(['BumpRead', 'BumpCommit']);
  expect(operations().filter((o) => o.startsWith('GET /repos/org/app/')).length).toBeLessThanOrEqual(1);
  expect((await world.log('%P'))[0]).toBe(base);
  expect(await world.read()).toBe(
    before.replace('sha-b', 'sha-c').replace(DIGEST('b'), DIGEST('c')).replace(world.revisions.b, world.revisions.c),
  );
  expect(world.forge.unknownRoutes()).toEqual([]);
});

describe('acceptance 14: throttled', () => {
  const limited = (headers: Record<string, string>): NonNullable<Fault['answer']> => ({
    ...faultAnswers.secondaryLimit(),
    headers,
  });
  test.each(['BumpRead', 'BumpCommit'])(
    '%s, retry-after 2: no request in those two seconds, then done',
    async (operation) => {
      world.forge.faults.add({ match: { operation }, answer: limited({ 'retry-after': '2' }) });
      const run = await world.bump(image('b'));
      expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
      const all = world.forge.requests();
      const at = all.findIndex((r) => r.status === 403);
      expect(all[at]?.operation).toBe(operation);
      expect((all[at + 1]?.at ?? 0) - (all[at]?.at ?? 0)).toBeGreaterThanOrEqual(2000);
    },
  );
  const LATER = Date.now() + 3_600_000;
  test.each(
    ['BumpRead', 'BumpCommit'].flatMap((operation) =>
      (
        [
          ['retry-after in seconds', { 'retry-after': '3600' }],
          ['retry-after as a date', { 'retry-after': new Date(LATER).toUTCString() }],
          ['x-ratelimit-reset', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(LATER / 1000)) }],
        ] as const
      ).map(([form, headers]) => [operation, form, headers] as const),
    ),
  )('%s, %s beyond the deadline: red at once, and nothing more is asked', async (operation, _form, headers) => {
    world.forge.faults.add({ match: { operation }, answer: limited(headers) });
    const run = await world.bump(image('b', { deadline: '60s' }));
    expect([run.code, codeOf(run.log)]).toEqual([1, 'E_RATE_LIMITED']);
    expect(run.log).toMatch(/asks to wait \d{3,4} s/);
    expect(world.forge.requests().at(-1)).toMatchObject({ operation, status: 403 });
    expect(await world.read()).toBe(VALUES);
  });
});

test('trap 29: a stale answer with status 200, although the head was right, twice: no red', async () => {
  world.forge.faults.add({ match: { operation: 'BumpCommit' }, times: 2, answer: faultAnswers.falseStale() });
  const run = await world.bump(image('b'));
  expect([run.code, run.outputs.result, run.outputs.attempts, run.outputs.conflicts]).toEqual([
    0,
    'committed',
    '3',
    '2',
  ]);
  expect(await world.log()).toHaveLength(2);
});

test('trap 30: after a conflict the read comes from an older replica: nothing is lost, and it succeeds later', async () => {
  const first = await world.bump(image('b', { 'source-revision': world.revisions.b }));
  expect(first.outputs.result).toBe('committed');
  world.forge.faults.add({ match: { operation: 'BumpRead' }, times: 2, staleBy: 1 });
  const run = await world.bump(image('c'));
  expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
  expect(Number(run.outputs.conflicts)).toBeGreaterThanOrEqual(1);
  expect((await world.log('%P'))[0]).toBe(first.outputs['commit-sha']);
  expect(await world.log()).toHaveLength(3);
});

test('trap 38: the values file comes with bytes lost: read by its blob, and edited', async () => {
  const big = `${VALUES}pad: "${'é'.repeat(280_000)}"\n`;
  await world.close();
  world = await startWorld({ 'env/v.yaml': big });
  const run = await world.bump(image('b'));
  expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
  expect((await world.read()).endsWith(big.slice(VALUES.length))).toBe(true);
  expect(operations().some((o) => o.includes('/git/blobs/'))).toBe(true);
});

test('trap 40: the repository was renamed: the commit is in it, under its new name', async () => {
  world.forge.renameRepository('org/cfg', 'org/new-name');
  const run = await world.bump(image('b'));
  expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
  expect(run.outputs['commit-url']).toBe(`${world.forge.url}/org/new-name/commit/${await world.head()}`);
});

describe('the write is refused', () => {
  test.each<[string, Pick<Fault, 'answer'>, string]>([
    ['a ruleset', gql('UNPROCESSABLE', 'Repository rule violations found\n\nGH013'), 'E_BRANCH_PROTECTED'],
    ['a pull request is wanted', gql('', 'Changes must be made through a pull request.'), 'E_BRANCH_PROTECTED'],
    ['the token may not', gql('FORBIDDEN', 'Resource not accessible by integration'), 'E_PERMISSION_MISSING'],
    ['scopes', gql('INSUFFICIENT_SCOPES', 'needs repo'), 'E_PERMISSION_MISSING'],
    ['401', { answer: { status: 401, body: '{"message":"Bad credentials"}' } }, 'E_PERMISSION_MISSING'],
    ['404', { answer: { status: 404, body: '{"message":"Not Found"}' } }, 'E_REPOSITORY_NOT_FOUND'],
  ])('%s: at once, and nothing is written', async (_name, fault, code) => {
    world.forge.faults.add({ match: { operation: 'BumpCommit' }, times: 99, ...fault });
    const run = await world.bump(image('b'));
    expect([run.code, codeOf(run.log)]).toEqual([1, code]);
    expect(operations()).toEqual(['BumpRead', 'BumpCommit']);
    expect(await world.read()).toBe(VALUES);
  });
});

describe('the end of the write is unknown', () => {
  test.each<[string, Pick<Fault, 'answer'>]>([
    ['null without an error', { answer: { status: 200, body: '{"data":{"createCommitOnBranch":null}}' } }],
    ['an empty body', { answer: { status: 200, body: '' } }],
    ['a page of HTML', { answer: { status: 200, body: '<html>Unicorn</html>' } }],
    ['504', { answer: { status: 504, body: '<html>' } }],
    ['an error nobody knows', gql('', 'Something went wrong while executing your query.')],
  ])('%s: looked up, sent again with the same head, written once', async (_name, fault) => {
    world.forge.faults.add({ match: { operation: 'BumpCommit' }, ...fault });
    const run = await world.bump(image('b'));
    expect([run.code, run.outputs.result, run.outputs.attempts]).toEqual([0, 'committed', '2']);
    expect(operations()).toEqual(['BumpRead', 'BumpCommit', 'BumpHistory', 'BumpCommit']);
    expect(await world.log()).toHaveLength(2);
  });
  test('the same unknown error three times: red, with the words of the server, made harmless', async () => {
    const fault = gql('', 'odd \u001b[31m%0A::warning::x\n::error::y');
    world.forge.faults.add({ match: { operation: 'BumpCommit' }, times: 99, ...fault });
    const run = await world.bump(image('b'));
    expect([run.code, codeOf(run.log)]).toEqual([1, 'E_OUTCOME_UNKNOWN']);
    expect(operations().filter((o) => o === 'BumpCommit')).toHaveLength(3);
    expect(run.log).toMatch(/odd .*::error::y/);
    expect(run.log.split('\n').filter((line) => /^::(warning|error)::/.test(line))).toEqual([]);
    expect(run.log).not.toContain('\u001b');
  });
});
