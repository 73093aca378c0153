import { describe, expect, test } from '@jest/globals';
import { classify, compare, type GitHubAnswer, type GitHubClient, graphqlUrl } from '../../src/github/index.ts';
import { type ActionError, fakeClock } from '../../src/runner/index.ts';

const answer = (status: number, json: unknown, headers: Record<string, string> = {}): GitHubAnswer => ({
  status,
  headers: new Headers(headers),
  json,
});
const gql = (type: string, message = 'x'): unknown => ({ data: null, errors: [{ type, message }] });

describe('classify', () => {
  test.each<[string, GitHubAnswer, string]>([
    ['data', answer(200, { data: { a: 1 } }), 'ok'],
    ['stale', answer(200, gql('STALE_DATA')), 'conflict'],
    ['stale by its words', answer(200, gql('', 'Expected branch to point to "a" but it points to "b"')), 'conflict'],
    ['409', answer(409, { message: 'Conflict' }), 'conflict'],
    ['422 not a fast forward', answer(422, { message: 'Update is not a fast forward' }), 'conflict'],
    ['a lock', answer(200, gql('', 'cannot lock ref')), 'conflict'],
    ['rate', answer(200, gql('RATE_LIMITED')), 'throttled'],
    ['secondary', answer(403, { message: 'You have exceeded a secondary rate limit' }), 'throttled'],
    ['429', answer(429, {}), 'throttled'],
    ['403 and nothing remains', answer(403, {}, { 'x-ratelimit-remaining': '0' }), 'throttled'],
    ['403', answer(403, { message: 'Resource not accessible by integration' }), 'permission'],
    ['401', answer(401, { message: 'Bad credentials' }), 'permission'],
    ['forbidden', answer(200, gql('FORBIDDEN')), 'permission'],
    ['scopes', answer(200, gql('INSUFFICIENT_SCOPES')), 'permission'],
    ['404', answer(404, {}), 'not-found'],
    ['not found', answer(200, gql('NOT_FOUND')), 'not-found'],
    ['ruleset', answer(200, gql('UNPROCESSABLE', 'Repository rule violations found')), 'protected'],
    ['protected', answer(200, gql('', 'Protected branch update failed')), 'protected'],
    ['GH013', answer(422, { message: 'push declined due to GH013' }), 'protected'],
    ['through a pull request', answer(200, gql('', 'Changes must be made through a pull request.')), 'protected'],
    ['a reference that changed', answer(422, { message: 'reference refs/heads/main has changed' }), 'conflict'],
    ['rate, as it is spelled by now', answer(200, gql('RATE_LIMIT', 'x')), 'throttled'],
    ['rate by its words', answer(200, gql('', 'API rate limit already exceeded for user ID 1.')), 'throttled'],
    ['secondary over GraphQL', answer(200, gql('', 'You have exceeded a secondary rate limit.')), 'throttled'],
    ['abuse', answer(403, { message: 'You have triggered an abuse detection mechanism' }), 'throttled'],
    ['403 with a time', answer(403, { message: 'x' }, { 'retry-after': '1' }), 'throttled'],
    ['403 with requests left', answer(403, { message: 'x' }, { 'x-ratelimit-remaining': '7' }), 'permission'],
    ['not accessible', answer(200, gql('', 'Resource not accessible by integration')), 'permission'],
    ['stale before throttled', answer(200, gql('STALE_DATA', 'secondary rate limit')), 'conflict'],
    ['an empty object', answer(200, {}), 'unknown'],
    ['a list', answer(200, []), 'unknown'],
    ['500', answer(500, { message: 'Server Error' }), 'unknown'],
    ['503 with a time: it may have had an effect', answer(503, undefined, { 'retry-after': '5' }), 'unknown'],
    ['422 of another kind', answer(422, { message: 'Validation Failed', errors: [{ field: 'x' }] }), 'unknown'],
    ['a mutation that came to nothing', answer(200, { data: { createCommitOnBranch: null } }), 'ok'],
    ['another error', answer(200, gql('SOMETHING', 'went wrong')), 'unknown'],
    ['502', answer(502, undefined), 'unknown'],
    ['an empty answer', answer(200, undefined), 'unknown'],
    ['null', answer(200, null), 'unknown'],
    ['data beside an error', answer(200, { data: { a: 1 }, errors: [{ message: 'partial' }] }), 'unknown'],
    ['errors that are none', answer(200, { data: null, errors: 'x' }), 'unknown'],
  ])('%s', (_name, given, kind) => {
    expect(classify(given, 1000).kind).toBe(kind);
  });
  test('how long to wait: Retry-After, else the reset, else a minute', () => {
    const wait = (headers: Record<string, string>): unknown => classify(answer(429, {}, headers), 1000);
    expect(wait({ 'retry-after': '7' })).toEqual({ kind: 'throttled', waitSeconds: 7 });
    expect(wait({ 'x-ratelimit-reset': '1030' })).toEqual({ kind: 'throttled', waitSeconds: 30 });
    expect(wait({ 'retry-after': new Date(1_040_000).toUTCString() })).toEqual({ kind: 'throttled', waitSeconds: 40 });
    expect(wait({ 'retry-after': '7', 'x-ratelimit-reset': '1030' })).toEqual({ kind: 'throttled', waitSeconds: 7 });
    expect(wait({ 'x-ratelimit-reset': '900' })).toEqual({ kind: 'throttled', waitSeconds: 1 });
    // The reset is that of the primary limit, and requests are left of it: the secondary one names no time.
    expect(wait({ 'x-ratelimit-reset': '4600', 'x-ratelimit-remaining': '4000' })).toEqual({
      kind: 'throttled',
      waitSeconds: 60,
    });
    expect(wait({})).toEqual({ kind: 'throttled', waitSeconds: 60 });
  });
});

test('what REST says of a field is told beside the whole', () => {
  const errors = [{ resource: 'PullRequest', code: 'custom', message: 'A pull request already exists for o:b.' }];
  expect(classify(answer(422, { message: 'Validation Failed', errors }), 0)).toEqual({
    kind: 'unknown',
    detail: 'Validation Failed; A pull request already exists for o:b.',
  });
});

test.each([
  ['https://api.github.com', 'https://api.github.com/graphql'],
  ['https://ghe.example.org/api/v3', 'https://ghe.example.org/api/graphql'],
  ['https://ghe.example.org/api/v3/', 'https://ghe.example.org/api/graphql'],
])('GraphQL of %s', (base, url) => {
  expect(graphqlUrl(new URL(base)).href).toBe(url);
});

describe('compare', () => {
  const ask = async (...answers: GitHubAnswer[]): Promise<{ end: string; paths: string[] }> => {
    const paths: string[] = [];
    const client: GitHubClient = {
      graphql: async () => answer(500, undefined),
      send: async () => answer(500, undefined),
      get: async (path) => {
        paths.push(path);
        return answers[Math.min(paths.length, answers.length) - 1] ?? answer(500, undefined);
      },
    };
    const end = await compare(client, 'o/r', 'base', 'head', fakeClock(), AbortSignal.timeout(5000)).catch(
      (error: unknown) => (error as ActionError).code,
    );
    return { end, paths };
  };
  test('one request when both are there', async () => {
    expect(await ask(answer(200, { status: 'behind' }))).toEqual({
      end: 'behind',
      paths: ['/repos/o/r/compare/base...head?per_page=1'],
    });
  });
  test.each([
    ['ours is missing', [404, 404], 'head-unknown'],
    ['theirs is missing', [404, 200, 404], 'base-unknown'],
    ['both are there and yet no comparison', [404, 200, 200], 'E_SOURCE_UNREADABLE'],
    ['the token may not read', [403], 'head-unknown'],
    ['no answer that helps', [500], 'E_SOURCE_UNREADABLE'],
  ])('%s', async (_name, statuses, end) => {
    expect((await ask(...statuses.map((s) => answer(s, {})))).end).toBe(end);
  });
  test('throttled: waits, then asks again', async () => {
    const { end, paths } = await ask(answer(429, {}, { 'retry-after': '2' }), answer(200, { status: 'ahead' }));
    expect([end, paths.length]).toEqual(['ahead', 2]);
  });
  test('an answer without a status is no answer', async () => {
    expect((await ask(answer(200, {}))).end).toBe('E_SOURCE_UNREADABLE');
  });
});
