/** The git transport as a runner starts it: over HTTP and SSH, the cost of a bump, secrets, what is left behind. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ActionResult, root, runAction } from '../support/bundle.ts';
import { knownHosts, openDoor, privateKey, type SshDoor } from './contract-ssh.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

let world: World;
let door: SshDoor;
let dir: string;
let temp: string;
beforeEach(async () => {
  world = await startWorld();
  dir = mkdtempSync(join(tmpdir(), 'action-'));
  temp = mkdtempSync(join(dir, 'runner temp '));
  door = await openDoor(world.forge, dir, (key) => (key === 'deploy' ? true : key === 'reader' ? false : undefined));
});
afterEach(async () => {
  door.close();
  await world.close();
  rmSync(dir, { recursive: true });
});

const codeOf = (log: string): string | undefined => /^::error .*\[(E_[A-Z_]+)\]$/m.exec(log)?.[1];
const unmasked = (log: string): string => log.replace(/^::add-mask::.*$/gm, '');

function bump(
  transport: 'HTTP' | 'SSH',
  c: string,
  over: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<ActionResult> {
  const ssh = { token: '', 'ssh-key': privateKey('deploy'), 'ssh-known-hosts': knownHosts('127.0.0.1') };
  const image = { image: 'ghcr.io/org/app', tag: `sha-${c}`, digest: DIGEST(c), file: 'env/v.yaml' };
  const env = { PATH: `${door.bin}:${process.env.PATH}`, RUNNER_TEMP: temp };
  return world.bump({ transport: 'git', ...image, ...(transport === 'SSH' ? ssh : {}), ...over }, env, signal);
}

describe.each(['HTTP', 'SSH'] as const)('git over %s', (transport) => {
  test('a bump over an owner: at most 7 requests or 3 connections, one to the source; nothing is left', async () => {
    await bump(transport, 'b', { 'source-revision': world.revisions.b });
    world.forge.clearRequests();
    door.calls.length = 0;
    const run = await bump(transport, 'c');
    expect([run.code, run.outputs.result, run.outputs['commit-sha']]).toEqual([0, 'committed', await world.head()]);
    expect(await world.read()).toContain(`digest: "${DIGEST('c')}"`);
    const requests = world.forge.requests().map((r) => r.path);
    expect(requests.filter((path) => path.includes('/app'))).toEqual([expect.stringContaining('/compare/')]);
    const config = requests.filter((path) => path.includes('/cfg'));
    expect(config.length).toBeLessThanOrEqual(transport === 'SSH' ? 0 : 7);
    expect(door.calls).toHaveLength(transport === 'SSH' ? 3 : 0);
    expect(readdirSync(temp)).toEqual([]);
  });

  test('a refusal leaves nothing', async () => {
    const over: Record<string, string> =
      transport === 'SSH'
        ? { 'ssh-key': privateKey('reader') }
        : { token: world.forge.createToken({ permissions: { contents: 'read' } }) };
    const run = await bump(transport, 'b', over);
    expect([run.code, codeOf(run.log), readdirSync(temp)]).toEqual([1, 'E_PERMISSION_MISSING', []]);
    expect(await world.read()).toBe(VALUES);
  });

  test.each(['git-upload-pack', 'git-receive-pack'])(
    'SIGTERM while %s is under way leaves nothing',
    async (service) => {
      const match = { method: transport === 'SSH' ? 'SSH' : 'POST', path: new RegExp(`${service}$`) };
      world.forge.faults.add({ match, delayMs: 20_000 });
      const controller = new AbortController();
      const seen = setInterval(() => {
        const asked = [
          ...world.forge
            .requests()
            .filter((r) => r.method === 'POST')
            .map((r) => r.path),
          ...door.calls.map((c) => c.args.at(-1)),
        ];
        if (asked.some((text) => text?.includes(service))) controller.abort();
      }, 20);
      const run = await bump(transport, 'b', {}, controller.signal);
      clearInterval(seen);
      expect([run.code, codeOf(run.log), readdirSync(temp)]).toEqual([1, 'E_CANCELLED', []]);
    },
  );
});

test('an SSH address, a host that has changed, and no line of the key in anything that is shown', async () => {
  const url = 'ssh://git@127.0.0.1/org/cfg.git';
  const good = await bump('SSH', 'b', { 'config-repository': url });
  expect([good.code, good.outputs.result, good.outputs['commit-url']]).toEqual([0, 'committed', '']);
  const bad = await bump('SSH', 'c', { 'ssh-known-hosts': '127.0.0.1 ssh-ed25519 AAAAOther' });
  expect([bad.code, codeOf(bad.log)]).toEqual([1, 'E_HOST_KEY']);
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nSECRETLINE\n-----END OPENSSH PRIVATE KEY-----`;
  const stranger = await bump('SSH', 'c', { 'ssh-key': key });
  expect(codeOf(stranger.log)).toBe('E_PERMISSION_MISSING');
  for (const run of [good, bad, stranger])
    expect(JSON.stringify([unmasked(run.log), run.outputs, run.summary])).not.toMatch(
      /SECRETLINE|b3BlbnNz|PRIVATE KEY/,
    );
  expect(readdirSync(temp)).toEqual([]);
});

test('a source by URL: the older build is superseded, git being all that is asked', async () => {
  const { b, c } = world.revisions;
  const over = { 'source-repository': `${world.forge.url}/org/app.git` };
  await bump('HTTP', 'c', { ...over, 'source-revision': c });
  const older = await bump('HTTP', 'b', { ...over, 'source-revision': b });
  expect([older.code, older.outputs.result, older.outputs['superseded-by']]).toEqual([0, 'superseded', c]);
  expect(world.forge.requests().filter((r) => !r.path.includes('.git/'))).toEqual([]);
  expect(readdirSync(temp)).toEqual([]);
});

describe('trap 41', () => {
  test.each(['source', 'bundle'])('%s: a token inside the address is refused, and not shown', async (from) => {
    const secret = 'ghs_0123456789SECRET';
    const host = new URL(world.forge.url).host;
    const run = await runAction(
      'bump-helm-tag',
      {
        'config-repository': `http://x-access-token:${secret}@${host}/org/cfg.git`,
        transport: 'git',
        file: 'env/v.yaml',
        image: 'ghcr.io/org/app',
        tag: 'v2',
      },
      { env: world.env, ...(from === 'bundle' ? { entry: join(root, 'dist/bump-helm-tag/index.js') } : {}) },
    );
    expect([run.code, codeOf(run.log), run.log.includes(secret)]).toEqual([1, 'E_INPUT', false]);
    expect(world.forge.requests()).toEqual([]);
  });

  test.each(['source', 'bundle'])('%s: a token in the words of the server is masked', async (from) => {
    const basic = Buffer.from(`x-access-token:${world.token}`).toString('base64');
    const body = `no, not with ${world.token} nor ${basic}\n`;
    const headers = { 'content-type': 'text/plain' };
    world.forge.faults.add({
      match: { path: /info\/refs$/, query: /receive-pack/ },
      answer: { status: 403, headers, body },
    });
    const run = await runAction(
      'bump-helm-tag',
      {
        'config-repository': 'org/cfg',
        token: world.token,
        'source-token': world.token,
        transport: 'git',
        file: 'env/v.yaml',
        image: 'ghcr.io/org/app',
        tag: 'v2',
      },
      { env: world.env, ...(from === 'bundle' ? { entry: join(root, 'dist/bump-helm-tag/index.js') } : {}) },
    );
    const shown = JSON.stringify([unmasked(run.log), run.outputs, run.summary]);
    expect([run.code, codeOf(run.log)]).toEqual([1, 'E_PERMISSION_MISSING']);
    expect(shown).toContain('no, not with *** nor ***');
    expect([shown.includes(world.token), shown.includes(basic)]).toEqual([false, false]);
  });
});
