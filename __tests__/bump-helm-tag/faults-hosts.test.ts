/** The hosts on a bad day: red with the right code, the truth about what was written, and no request that is not allowed. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type FaultAnswer, faultAnswers } from '../../lab/forge/server.ts';
import { fakeClock } from '../../src/runner/index.ts';
import { drive } from './drive.ts';
import { expectRed, image, putAll, reads, requestsOf, scalar, TRANSPORTS, writes, writesIn } from './kit.ts';
import { startWorld, VALUES, type World } from './world.ts';

let world: World;
let head: string;
const OTHER = `others\n\nBump-Id: 7b0c6f0e-0000-4000-8000-000000000000\nBump-Target: o.yaml#0#tag\nBump-Value: "v1"\nSource-Repository: github.com/else/where\nSource-Revision: ${'1'.repeat(40)}`;

beforeAll(async () => {
  world = await startWorld({ 'env/v.yaml': VALUES });
  const owned = (revision: string): string => `image: {tag: v1, revision: "${revision}"}\n`;
  await putAll(world, [
    { file: 'side.yaml', content: owned(world.revisions.side) },
    { file: 'gone.yaml', content: owned('d'.repeat(40)) },
    { file: 'b.yaml', content: owned(world.revisions.b) },
  ]);
  head = await putAll(world, [{ file: 'o.yaml', content: 'tag: v1\n' }], OTHER);
});
afterAll(() => world.close());
beforeEach(() => {
  world.forge.faults.clear();
  world.forge.clearRequests();
  world.forge.repository('org/cfg').rulesets.length = 0;
});
const always = (match: object, answer: FaultAnswer): void => {
  world.forge.faults.add({ match, answer, times: 1000 });
};
const page: FaultAnswer = { status: 200, body: '<html>\nmaintenance\n</html>\n' };
const half = {
  github: { status: 200, body: '{"data":{"repository":{"id":"x","ref":' },
  git: {
    status: 200,
    headers: { 'content-type': 'application/x-git-upload-pack-advertisement' },
    body: '001e# service=git-upload-pack\n0000004895dc',
  },
};
// The first request of a read.
const first = { github: reads('github'), git: { method: 'GET', path: /info\/refs$/ } };

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test.each([
    ['repository', { 'config-repository': 'org/nope' }, 'E_REPOSITORY_NOT_FOUND', 'org/nope'],
    ['branch', { branch: 'nope' }, 'E_BRANCH_NOT_FOUND', 'nope'],
    ['token', { token: 'ghs_0123456789abcdef' }, 'E_PERMISSION_MISSING', 'contents: write'],
  ])('%s not there', async (_name, over, code, says) => {
    const run = await world.bump({ ...image('b'), transport, ...over });
    expect(expectRed(run, code).message).toContain(says);
    expect(writesIn(world)).toBe(0);
    expect(world.forge.requests().length).toBeLessThanOrEqual(transport === 'github' ? 1 : 2);
  });

  test('a token that may only read: one write was tried, its permission is named', async () => {
    const token = world.forge.createToken({ permissions: { contents: 'read' } });
    const { message } = expectRed(await world.bump({ ...image('b'), transport, token }), 'E_PERMISSION_MISSING');
    expect(message).toContain('contents: write');
    expect(message).toContain('org/cfg');
    expect(await world.head()).toBe(head);
    expect(writesIn(world)).toBeLessThanOrEqual(1);
  });

  test('a ruleset: refused at once', async () => {
    const rules = [{ type: 'pull_request' }];
    const set = { id: 1, name: 'r', target: 'branch', enforcement: 'active', rules };
    world.forge.repository('org/cfg').rulesets.push(set);
    const { message } = expectRed(await world.bump({ ...image('b'), transport }), 'E_BRANCH_PROTECTED');
    expect(message).toMatch(/pull request/);
    expect([await world.head(), writesIn(world)]).toEqual([head, 1]);
  });

  test('throttled for longer than the deadline: red at once', async () => {
    const status = transport === 'github' ? 403 : 429;
    always(writes(transport), { ...faultAnswers.secondaryLimit(900), status });
    const started = Date.now();
    const run = await world.bump({ ...image('b'), transport, deadline: '28s' });
    expect(expectRed(run, 'E_RATE_LIMITED').message).toMatch(/nothing was written/i);
    expect(Date.now() - started).toBeLessThan(25_000);
    expect([await world.head(), writesIn(world)]).toEqual([head, 1]);
  });

  test('every write is answered by 502: three copies of one request, then the truth that it may still land', async () => {
    always(writes(transport), faultAnswers.badGateway());
    const run = await drive(world, { ...image('b'), transport }, { clock: fakeClock() });
    expect(expectRed(run, 'E_OUTCOME_UNKNOWN').message).toMatch(/Bump-Id [0-9a-f-]{36}/);
    expect([await world.head(), writesIn(world)]).toEqual([head, 3]);
  });

  test.each([
    ['502', faultAnswers.badGateway()],
    ['a page', page],
    ['half an answer', half[transport]],
  ])('reads are answered by %s until the end of all tries', async (_name, answer) => {
    always(first[transport], answer);
    const run = await drive(world, { ...image('b'), transport }, { clock: fakeClock() });
    expect(expectRed(run, 'E_CONFIG_UNREADABLE').message).toContain('org/cfg');
    expect([await world.head(), writesIn(world)]).toEqual([head, 0]);
  });

  test('the deadline passes while the repository is read: nothing was written, and it says so', async () => {
    world.forge.faults.add({ match: reads(transport), delayMs: 3000 });
    const run = await drive(world, { ...image('b'), transport }, { seconds: 1 });
    expect(expectRed(run, 'E_TIMEOUT').message).toContain('nothing was written');
    expect([await world.head(), writesIn(world)]).toEqual([head, 0]);
  });

  test.each([
    ['diverged', { ...image('c'), file: 'side.yaml' }, 'E_HISTORY_DIVERGED', 'allow-downgrade', 1],
    ['owner gone', { ...image('c'), file: 'gone.yaml' }, 'E_OWNER_UNREADABLE', 'd'.repeat(40), 3],
    [
      'ours unknown',
      { ...image('c'), file: 'b.yaml', 'source-revision': 'e'.repeat(40) },
      'E_SOURCE_UNREADABLE',
      'contents: read',
      2,
    ],
    ['another source', scalar('tag', 'v2', 'o.yaml'), 'E_OTHER_SOURCE', 'else/where', 0],
  ])('order: %s', async (_name, inputs, code, says, asked) => {
    const given = { ...inputs, digest: '', transport };
    const run = transport === 'github' ? await world.bump(given) : await drive(world, given);
    expect(expectRed(run, code).message).toContain(says);
    expect([await world.head(), writesIn(world)]).toEqual([head, 0]);
    expect(requestsOf(world).source).toHaveLength(asked);
  });

  test('order: the source answers 500 all the time', async () => {
    always({ path: /\/compare\// }, { status: 500 });
    const run = await drive(world, { ...image('c'), file: 'b.yaml', digest: '', transport }, { clock: fakeClock() });
    expect(expectRed(run, 'E_SOURCE_UNREADABLE').message).toContain('Nothing was written');
    expect([await world.head(), writesIn(world)]).toEqual([head, 0]);
  });
});

test('throttled on the read for longer than the deadline', async () => {
  always(reads('github'), faultAnswers.secondaryLimit(900));
  expectRed(await world.bump({ ...image('b'), deadline: '60s' }), 'E_RATE_LIMITED');
  expect(world.forge.requests()).toHaveLength(1);
});

test('forty writes that meet somebody else: red with advice', async () => {
  const busy = await startWorld({ 'env/v.yaml': VALUES });
  try {
    const beforeWrite = (n: number): Promise<unknown> => putAll(busy, [{ file: 'x', content: String(n) }]);
    const run = await drive(busy, image('b'), { clock: fakeClock(), seconds: 100_000, beforeWrite });
    expect(expectRed(run, 'E_BRANCH_BUSY').message).toContain('one file per service');
    expect([writesIn(busy), (await busy.log()).length]).toEqual([40, 41]);
    expect(await busy.read()).toBe(VALUES);
  } finally {
    await busy.close();
  }
});

describe('git itself', () => {
  let bin: string;
  beforeEach(async () => {
    bin = await mkdtemp(join(tmpdir(), 'bin-'));
  });
  afterEach(() => rm(bin, { recursive: true }));

  test('is missing', async () => {
    const run = await world.bump({ ...image('b'), transport: 'git' }, { PATH: bin });
    expect(expectRed(run, 'E_GIT_MISSING').message).toContain('transport: github');
    expect(world.forge.requests()).toEqual([]);
  });

  test('is too old', async () => {
    await writeFile(join(bin, 'git'), '#!/bin/sh\necho git version 2.30.9\n');
    await chmod(join(bin, 'git'), 0o755);
    const run = await world.bump({ ...image('b'), transport: 'git' }, { PATH: bin });
    expect(expectRed(run, 'E_GIT_TOO_OLD').message).toContain('2.30');
    expect(world.forge.requests()).toEqual([]);
  });
});
