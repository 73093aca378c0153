/** Secrets go to one origin each. Whatever happens, they stand in no log, output, summary, argument list or file. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../lab/forge/faults.ts';
import { codeOf, image, reads, scalar, seen, TRANSPORTS, type Transport, writes } from './kit.ts';
import { basicOf, leaksOf, type Watched, watched } from './secrets-kit.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let sourceToken: string;
let secrets: string[];
let n = 0;
const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABMARKED'.repeat(2)}\n-----END OPENSSH PRIVATE KEY-----`;
const ARGO = 'argo-MARKED-0123456789';
const KEY_LINE = KEY.split('\n')[1] ?? '';

beforeAll(async () => {
  world = await startWorld();
  sourceToken = world.forge.createToken({ kind: 'app', permissions: { contents: 'read' } });
  secrets = [world.token, sourceToken, basicOf(world.token), basicOf(sourceToken), KEY_LINE, ARGO];
  // Somebody owns the image: a bump of it asks the source.
  const { b } = world.revisions;
  expect((await world.bump({ ...image('b'), 'source-revision': b })).outputs.result).toBe('committed');
});
afterAll(() => world.close());
beforeEach(() => {
  world.forge.faults.clear();
  world.forge.clearRequests();
});

/** A value that no run before has written. */
const next = (): Record<string, string> => {
  n += 1;
  return scalar('canary.image.tag', `v${n}`);
};
const given = (transport: Transport): Record<string, string> => ({
  ...next(),
  transport,
  'source-token': sourceToken,
});
function expectSealed(run: Watched): void {
  expect(leaksOf(run, world, secrets)).toEqual([]);
  expect(run.left).toEqual([]);
}
/** An error text that quotes what it was sent, in both forms that a client knows. */
const quoting = (status: number, headers: Record<string, string> = {}): Omit<Fault, 'match'> => ({
  answer: {
    status,
    headers: { 'content-type': 'text/plain', ...headers },
    body: JSON.stringify({ message: `bad ${world.token} ${basicOf(world.token)} ${sourceToken}\n::error::x` }),
  },
});

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test('a run that commits: each credential is masked first, and git gets it by a variable alone', async () => {
    const run = await watched(world, given(transport));
    expect(run.outputs.result).toBe('committed');
    for (const secret of [world.token, sourceToken, basicOf(world.token)])
      expect(run.log).toContain(`::add-mask::${secret}\n`);
    const holders = run.environment.filter((line) => line.includes(basicOf(world.token)));
    expect(holders.length > 0).toBe(transport === 'git');
    expectSealed(run);
  });

  test.each<[string, Fault['match'] | 'first', () => Omit<Fault, 'match'>, string | undefined]>([
    ['a read is refused', 'first', () => quoting(403), 'E_PERMISSION_MISSING'],
    ['a write is refused', writes(transport), () => quoting(403), 'E_PERMISSION_MISSING'],
    ['a read fails once', reads(transport), () => quoting(500), undefined],
    ['a write fails once', writes(transport), () => quoting(500), undefined],
    ['a write is lost', writes(transport), () => ({ reset: 'after' }), undefined],
    ['a write is dropped', writes(transport), () => ({ reset: 'before' }), undefined],
    [
      'the host is somewhere else',
      'first',
      () => quoting(301, { location: `http://127.0.0.1:1/${world.token}/info/refs` }),
      'E_',
    ],
  ])('%s', async (_name, match, fault, code) => {
    const first = transport === 'github' ? reads(transport) : { path: /info\/refs$/ };
    world.forge.faults.add({
      match: match === 'first' ? first : match,
      ...fault(),
      ...(code === 'E_' ? { times: 50 } : {}),
    });
    const run = await watched(world, { ...given(transport), deadline: '10s' });
    if (code === undefined) expect(run.outputs.result).toBe('committed');
    else expect(codeOf(run.log)).toMatch(new RegExp(`^${code}`));
    expect(run.log).not.toMatch(/^\s*::error::x/m);
    expectSealed(run);
  });

  test('the source refuses its token, and quotes it', async () => {
    world.forge.faults.add({ match: { path: /^\/repos\/org\/app\// }, times: 10, ...quoting(403) });
    const run = await watched(world, { ...given(transport), ...image('c'), updates: '' });
    expect(codeOf(run.log)).toBe('E_SOURCE_UNREADABLE');
    expectSealed(run);
  });

  test('the token is wrong', async () => {
    const token = 'ghs_0123456789abcdefMARKED';
    const run = await watched(world, { ...given(transport), token });
    expect(codeOf(run.log)).toBe('E_PERMISSION_MISSING');
    expect(leaksOf(run, world, [token, basicOf(token)])).toEqual([]);
    expectSealed(run);
  });

  describe('SIGTERM', () => {
    const end = async (phase: Fault['match'], inputs: Record<string, string>, after = 0): Promise<Watched> => {
      const controller = new AbortController();
      const run = watched(world, inputs, { signal: controller.signal });
      await seen(world, phase);
      setTimeout(() => controller.abort(), after);
      return await run;
    };
    const read = transport === 'github' ? reads(transport) : { path: /git-upload-pack$/ };

    test('trap 43: while it reads: nothing was written', async () => {
      const before = await world.head();
      world.forge.faults.add({ match: read, delayMs: 3000 });
      const run = await end(read, given(transport));
      expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
      expect(run.log).toContain('nothing was written');
      expect(await world.head()).toBe(before);
      expectSealed(run);
    });

    test('trap 43: while it asks the source: nothing was written', async () => {
      const before = await world.head();
      const compare = { path: /\/compare\// };
      world.forge.faults.add({ match: compare, delayMs: 3000 });
      const run = await end(compare, { ...given(transport), ...image('c'), updates: '' });
      expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
      expect(run.log).toContain('nothing was written');
      expect(await world.head()).toBe(before);
      expectSealed(run);
    });

    test('trap 43: while the write is under way: what became of it', async () => {
      world.forge.faults.add({ match: writes(transport), delayMs: 800 });
      const run = await end(writes(transport), given(transport));
      expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
      expect(run.log).toContain(`it was written as ${(await world.head()).slice(0, 12)}`);
      expect(run.log).toMatch(/Bump-Id [0-9a-f-]{36}/);
      expectSealed(run);
    });

    test('trap 43: while the write hangs: it may still land, and its id is named', async () => {
      const before = await world.head();
      world.forge.faults.add({ match: writes(transport), delayMs: 9000, answer: { status: 502 } });
      const run = await end(writes(transport), given(transport));
      expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
      expect(run.log).toMatch(/may still land|unknown/);
      expect(run.log).toMatch(/Bump-Id [0-9a-f-]{36}/);
      expect(await world.head()).toBe(before);
      expectSealed(run);
    });

    test('trap 43: while it waits: nothing was written', async () => {
      const before = await world.head();
      const answer = { status: transport === 'github' ? 403 : 429, headers: { 'retry-after': '60' } };
      world.forge.faults.add({ match: writes(transport), answer, times: 10 });
      const run = await end(writes(transport), given(transport), 500);
      expect([run.code, codeOf(run.log)]).toEqual([1, 'E_CANCELLED']);
      expect(run.log).toContain('nothing was written');
      expect(await world.head()).toBe(before);
      expectSealed(run);
    });
  });
});

describe('inputs that are refused, before anything is masked', () => {
  test.each<[string, () => Record<string, string>]>([
    [
      'trap 41: a credential in the address',
      () => ({ transport: 'git', 'config-repository': `https://x:${world.token}@example.org/o/r` }),
    ],
    ['a credential in the address of the API', () => ({ 'api-url': `https://x:${world.token}@example.org/` })],
    ['a token with a blank', () => ({ token: `${world.token} x` })],
    ['a token of two lines', () => ({ token: `${world.token}\n${sourceToken}` })],
    ['a user with a colon', () => ({ transport: 'git', username: `x:${world.token}` })],
    ['a key and a token', () => ({ transport: 'git', 'ssh-key': KEY })],
    ['a key where it means nothing', () => ({ 'ssh-key': KEY, 'ssh-known-hosts': 'h ssh-ed25519 AAAA' })],
    [
      'a server of Argo CD without TLS',
      () => ({ 'argocd-server': 'http://argo.example.org', 'argocd-token': ARGO, 'argocd-applications': 'a' }),
    ],
  ])('%s', async (_name, over) => {
    const run = await watched(world, { ...given('github'), ...over() });
    expect([run.code, codeOf(run.log)]).toEqual([1, 'E_INPUT']);
    expect(world.forge.requests()).toEqual([]);
    expectSealed(run);
  });
});
