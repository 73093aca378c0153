/** Who was built after whom, told by git for a source that is given by URL. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { type Forge, startForge } from '../../lab/forge/server.ts';
import { readSourceAddress } from '../../src/bump-helm-tag/address.ts';
import type { Relation } from '../../src/bump-helm-tag/config-repository.ts';
import { type GitSource, gitSourceHistory } from '../../src/bump-helm-tag/source-history.ts';
import { ActionError, Deadline, memoryLog, systemClock, systemExec } from '../../src/runner/index.ts';
import { knownHosts, openDoor, privateKey } from './contract-ssh.ts';

let forge: Forge;
let dir: string;
let temp: string;
let path: string;
let url: string;
let token: string;
let count = 0;
const log = memoryLog();
const signal = AbortSignal.timeout(600_000);

beforeAll(async () => {
  forge = await startForge();
  dir = mkdtempSync(join(tmpdir(), 'source-'));
  temp = mkdtempSync(join(dir, 'temp'));
  token = forge.createToken({ permissions: { contents: 'read' } });
});
afterAll(async () => {
  await forge.close();
  rmSync(dir, { recursive: true });
});
beforeEach(async () => {
  count += 1;
  const made = await forge.createRepository(`org/app${count}`, { private: true, files: { 'a.txt': 'a\n' } });
  path = made.path;
  url = made.gitUrl;
  forge.clearRequests();
  log.lines.length = 0;
});

async function asking<T>(
  body: (relation: (base: string, head: string) => Promise<Relation>) => Promise<T>,
  over: Partial<GitSource> & { url?: string; path?: string } = {},
): Promise<T> {
  const { address } = readSourceAddress(over.url ?? url, { serverUrl: forge.url, sshKey: true });
  if (address === undefined) throw new Error('no address');
  const history = gitSourceHistory(
    { address, token, serverUrl: forge.url, ...over },
    {
      clock: systemClock,
      random: () => 0.1,
      deadline: new Deadline(100, systemClock),
      exec: systemExec,
      env: { ...process.env, PATH: over.path ?? process.env.PATH },
      temp,
      log,
    },
  );
  try {
    return await body((base, head) => history.relation(base, head, signal));
  } finally {
    await history.close();
    expect(readdirSync(temp)).toEqual([]);
  }
}

const oid = async (name: string): Promise<string> => (await git(path, ['rev-parse', name])).toString().trim();

/** A line of commits on a branch, without a change. @returns its last */
async function line(branch: string, from: string, length: number): Promise<string> {
  const parts = Array.from({ length }, (_, i) => {
    const when = 1_700_000_000 + i;
    const start = i === 0 ? `from ${from}\n` : '';
    return `commit refs/heads/${branch}\ncommitter p <p@example.org> ${when} +0000\ndata <<E\n${branch} ${i}\nE\n${start}\n`;
  });
  await git(path, ['fast-import', '--quiet', '--force'], parts.join(''));
  return oid(branch);
}

test('ahead, behind, identical, diverged, and which of two is unknown', async () => {
  const a = await oid('main');
  const c = await line('main', a, 2);
  const side = await line('side', a, 1);
  const gone = '1'.repeat(40);
  const b = await oid('main^');
  const asked: [string, string, Relation][] = [
    [a, c, 'ahead'],
    [c, a, 'behind'],
    [b, b, 'identical'],
    [side, c, 'diverged'],
    [c, side, 'diverged'],
    [gone, c, 'base-unknown'],
    [c, gone, 'head-unknown'],
  ];
  await asking(async (relation) => {
    for (const [base, head, expected] of asked)
      expect([base, head, await relation(base, head)]).toEqual([base, head, expected]);
    const before = forge.requests().length;
    expect(await relation(a, c)).toBe('ahead');
    expect(forge.requests()).toHaveLength(before);
  });
});

test('all pairs of a history with merges, asked at once, are what its shape says', async () => {
  const root = await oid('main');
  const parents = new Map<string, string[]>([[root, []]]);
  const commit = async (...of: string[]): Promise<string> => {
    const who = { GIT_AUTHOR_NAME: 'p', GIT_AUTHOR_EMAIL: 'p@e', GIT_COMMITTER_NAME: 'p', GIT_COMMITTER_EMAIL: 'p@e' };
    const args = ['commit-tree', `${root}^{tree}`, ...of.flatMap((p) => ['-p', p]), '-m', String(parents.size)];
    const made = (await git(path, args, undefined, who)).toString().trim();
    parents.set(made, of);
    await git(path, ['update-ref', `refs/heads/c${parents.size}`, made]);
    return made;
  };
  const left = await commit(root);
  const right = await commit(root);
  const merge = await commit(left, right);
  await commit(merge);
  await commit(right);
  const above = (one: string): Set<string> => new Set([one, ...(parents.get(one) ?? []).flatMap((p) => [...above(p)])]);
  const expected = (base: string, head: string): Relation =>
    base === head ? 'identical' : above(head).has(base) ? 'ahead' : above(base).has(head) ? 'behind' : 'diverged';
  const pairs = [...parents.keys()].flatMap((x) => [...parents.keys()].map((y) => [x, y] as const));
  await asking(async (relation) => {
    const told = await Promise.all(pairs.map(([x, y]) => relation(x, y)));
    expect(told).toEqual(pairs.map(([x, y]) => expected(x, y)));
  });
});

test('commits alone come: no tree, no file', async () => {
  const a = await oid('main');
  const c = await line('main', a, 3);
  await asking(async (relation) => {
    expect(await relation(a, c)).toBe('ahead');
    const store = join(temp, readdirSync(temp)[0] ?? '', 'store.git');
    const all = (await git(store, ['cat-file', '--batch-all-objects', '--batch-check=%(objecttype)'])).toString();
    expect(all.trim().split('\n')).toEqual(['commit', 'commit', 'commit', 'commit']);
  });
});

test('deep histories are fetched step by step, until it can be told', async () => {
  const root = await oid('main');
  const near = await line('main', root, 30);
  const deep = await line('main', near, 600);
  const side = await line('side', near, 100);
  const count = (): number => forge.requests().filter((r) => r.path.endsWith('info/refs')).length;
  await asking(async (relation) => {
    expect(await relation(near, deep)).toBe('ahead');
    // 64 and 512 were not enough.
    expect(count()).toBe(3);
    expect(await relation(deep, root)).toBe('behind');
    expect(await relation(side, deep)).toBe('diverged');
    expect(count()).toBe(4);
  });
  await asking(async (relation) => {
    forge.clearRequests();
    expect(await relation(await oid('main~5'), deep)).toBe('ahead');
    expect(count()).toBe(1);
  });
});

test('beyond 20,000 commits nothing is assumed', async () => {
  const root = await oid('main');
  const tip = await line('main', root, 20_100);
  await asking(async (relation) => {
    expect(await relation(root, tip)).toBe('base-unknown');
    expect(await relation(await oid('main~19900'), tip)).toBe('ahead');
  });
});

test.each([7, 39])('the first %i digits of the owner are enough, where they name one commit', async (digits) => {
  const a = await oid('main');
  const c = await line('main', a, 100);
  const side = await line('side', a, 1);
  const short = (full: string): string => full.slice(0, digits);
  await asking(async (relation) => {
    expect(await relation(short(a), c)).toBe('ahead');
    expect(await relation(short(c), a)).toBe('behind');
    expect(await relation(short(c), c)).toBe('identical');
    expect(await relation(short(side), c)).toBe('diverged');
    expect(await relation('0'.repeat(digits), c)).toBe('base-unknown');
  });
});

test('a server of protocol v0, which hands out branches only', async () => {
  for (const what of ['Any', 'Tip', 'Reachable'])
    await git(path, ['config', `uploadpack.allow${what}SHA1InWant`, 'false']);
  const a = await oid('main');
  const c = await line('main', a, 200);
  const hidden = await line('hidden', a, 1);
  await git(path, ['update-ref', '-d', 'refs/heads/hidden']);
  const { hostname, port } = new URL(forge.url);
  const proxy = createServer((req, res) => {
    delete req.headers['git-protocol'];
    const onward = request({ hostname, port, path: req.url, method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
    });
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    const over = { url: url.replace(port, String((proxy.address() as AddressInfo).port)) };
    await asking(async (relation) => {
      expect(await relation(a, await oid('main~50'))).toBe('ahead');
      expect(await relation(c, a)).toBe('behind');
      expect(await relation(hidden, c)).toBe('base-unknown');
    }, over);
  } finally {
    proxy.close();
  }
});

test('a server without filters', async () => {
  await git(path, ['config', 'uploadpack.allowFilter', 'false']);
  const a = await oid('main');
  const c = await line('main', a, 100);
  await asking(async (relation) => expect(await relation(a, c)).toBe('ahead'));
});

test('the token goes as basic credential to its own server, and the one of the run nowhere else', async () => {
  const a = await oid('main');
  await asking((relation) => relation(a, a));
  expect(forge.requests().every((r) => r.auth === 'basic')).toBe(true);
  forge.clearRequests();
  const app = forge.createToken({ kind: 'app', permissions: { contents: 'read' } });
  const own = asking((relation) => relation(a, a), { token: app, serverUrl: 'https://github.example' });
  await expect(own).rejects.toMatchObject({ code: 'E_SOURCE_UNREADABLE' });
  expect(forge.requests().map((r) => r.auth)).toEqual(['none']);
  expect(log.lines.join('\n')).toContain('source-token is one of https://github.example: it is not sent to');
});

test('what keeps it from being read is red by name, without the token', async () => {
  const a = await oid('main');
  const ask = (over: Parameters<typeof asking>[1]): Promise<unknown> =>
    asking((relation) => relation(a, a), over).catch((error: unknown) => error);
  for (const over of [{ token: 'glpat-secret' }, { url: url.replace('org/app', 'org/none') }, { token: '' }]) {
    const error = (await ask(over)) as ActionError;
    expect(error).toBeInstanceOf(ActionError);
    expect([error.code, error.message.includes('glpat-secret')]).toEqual(['E_SOURCE_UNREADABLE', false]);
  }
});

test('over SSH', async () => {
  const a = await oid('main');
  const c = await line('main', a, 100);
  const door = await openDoor(forge, dir, (key) => (key === 'reader' ? false : undefined));
  const host = 'git.test';
  const over = { url: `git@${host}:org/app${count}.git`, path: `${door.bin}:${process.env.PATH}` };
  try {
    const ssh = { key: privateKey('reader'), knownHosts: knownHosts(host) };
    await asking(async (relation) => expect(await relation(a, c)).toBe('ahead'), { ...over, ssh });
    expect(door.calls).toHaveLength(2);
    const stranger = asking((relation) => relation(a, c), { ...over, ssh: { ...ssh, knownHosts: 'x ssh-ed25519 A' } });
    await expect(stranger).rejects.toMatchObject({ code: 'E_HOST_KEY' });
  } finally {
    door.close();
  }
});
