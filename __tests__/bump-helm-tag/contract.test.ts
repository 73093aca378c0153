/** The contract of the config repository, for each transport, against real Git repositories behind the forge. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { type Forge, startForge } from '../../lab/forge/server.ts';
import type { CommitRequest, ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import { gitRepository } from '../../src/bump-helm-tag/git-repository.ts';
import { gitHubRepository } from '../../src/bump-helm-tag/github-repository.ts';
import { gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { ActionError, Deadline, memoryLog, systemClock, systemExec } from '../../src/runner/index.ts';

let forge: Forge;
let temp: string;
let token: string;
let path: string;
let name: string;
let count = 0;
const http = openHttp();
const signal = AbortSignal.timeout(100_000);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (b: Uint8Array | undefined): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(b);
const FILES = { 'a.yaml': 'tag: v1\n', 'env/dev/b.yaml': '\ufeffx: 1\r\ny: 2', 'env/c.txt': 'c\n' };

beforeAll(async () => {
  forge = await startForge();
  temp = mkdtempSync(join(tmpdir(), 'contract-'));
  token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
});
afterAll(async () => {
  await http.close();
  await forge.close();
  // The stores of the git transport are gone: each closes its own.
  expect(readdirSync(temp)).toEqual([]);
  rmSync(temp, { recursive: true });
});
beforeEach(async () => {
  forge.faults.clear();
  forge.clearRequests();
  count += 1;
  name = `cfg${count}`;
  path = (await forge.createRepository(`org/${name}`, { files: FILES })).path;
});

interface Over {
  token?: string;
  branch?: string;
  name?: string;
  url?: string;
}
const open = (transport: string, over: Over = {}): ConfigRepository => {
  const secret = over.token ?? token;
  const branch = over.branch ?? 'main';
  const repository = over.name ?? name;
  const deadline = new Deadline(60, systemClock);
  const ports = { clock: systemClock, random: () => 0.1, deadline };
  if (transport === 'github') {
    const client = gitHubClient(http, new URL(forge.apiUrl), secret, 'test');
    return gitHubRepository(client, { owner: 'org', name: repository, branch, serverUrl: forge.url }, ports);
  }
  const url = over.url ?? `${forge.url}/org/${repository}.git`;
  const authorization = `Basic ${Buffer.from(`x-access-token:${secret}`).toString('base64')}`;
  return gitRepository(
    {
      url,
      access: { origin: new URL(url).origin, authorization },
      branch,
      author: { name: 'Bot', email: 'bot@example.org' },
      commitPage: '',
    },
    { ...ports, exec: systemExec, env: process.env, temp, log: memoryLog() },
  );
};
const using = async <T>(transport: string, body: (r: ConfigRepository) => Promise<T>, over?: Over): Promise<T> => {
  const repository = open(transport, over);
  try {
    return await body(repository);
  } finally {
    await repository.close();
  }
};
const want = (head: string, content: string, file = 'a.yaml', id = 'id-1'): CommitRequest => ({
  head,
  changes: [{ path: file, mode: '100644', bytes: bytes(content) }],
  message: { headline: 'bump x', body: `why\n\nBump-Id: ${id}` },
  bumpId: id,
});
const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'none',
    (error: unknown) => (error instanceof ActionError ? error.code : String(error)),
  );
const tip = async (): Promise<string> => (await git(path, ['rev-parse', 'main'])).toString().trim();
/** Somebody else's commit: one entry put into the tree. */
async function put(file: string, content: string, mode = '100644'): Promise<string> {
  const index = { GIT_INDEX_FILE: join(path, 'test-index') };
  const who = Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((w) => [
      [`GIT_${w}_NAME`, 'p'],
      [`GIT_${w}_EMAIL`, 'p@example.org'],
    ]),
  );
  const oid =
    mode === '160000' ? content : (await git(path, ['hash-object', '-w', '--stdin'], content)).toString().trim();
  await git(path, ['read-tree', 'main'], undefined, index);
  await git(path, ['update-index', '--add', '--cacheinfo', `${mode},${oid},${file}`], undefined, index);
  const tree = (await git(path, ['write-tree'], undefined, index)).toString().trim();
  const commit = (await git(path, ['commit-tree', tree, '-p', 'main', '-m', `put ${file}`], undefined, who))
    .toString()
    .trim();
  await git(path, ['update-ref', 'refs/heads/main', commit]);
  return commit;
}

describe.each(['github', 'git'])('transport %s', (transport) => {
  const write = transport === 'github' ? { operation: 'BumpCommit' } : { method: 'POST', path: /git-receive-pack$/ };
  const read = transport === 'github' ? { operation: 'BumpRead' } : { path: /info\/refs$|git-upload-pack$/ };

  test('reads all files from one commit, byte by byte; what is not there is null', () =>
    using(transport, async (r) => {
      const snapshot = await r.read(['a.yaml', 'env/dev/b.yaml', 'nope/x.yaml'], signal);
      expect(snapshot.head).toBe(await tip());
      expect([...snapshot.files].map(([p, f]) => [p, f && text(f.bytes), f?.mode])).toEqual([
        ['a.yaml', 'tag: v1\n', '100644'],
        ['env/dev/b.yaml', '\ufeffx: 1\r\ny: 2', '100644'],
        ['nope/x.yaml', null, undefined],
      ]);
    }));

  test('a commit has the head as its one parent, the message, and nothing else changed', () =>
    using(transport, async (r) => {
      const { head } = await r.read(['env/dev/b.yaml'], signal);
      const result = await r.commit(want(head, 'x: 2\r\n', 'env/dev/b.yaml'), signal);
      expect(result).toMatchObject({ kind: 'committed', verified: transport === 'github' });
      expect(result.kind === 'committed' && result.oid).toBe(await tip());
      expect((await git(path, ['log', '-1', '--format=%P%n%B', 'main'])).toString().trim()).toBe(
        `${head}\nbump x\n\nwhy\n\nBump-Id: id-1`,
      );
      expect((await git(path, ['diff', '--name-status', head, 'main'])).toString()).toBe('M\tenv/dev/b.yaml\n');
      expect((await git(path, ['show', 'main:env/dev/b.yaml'])).toString()).toBe('x: 2\r\n');
      expect((await git(path, ['fsck', '--strict'])).toString()).not.toContain('error');
    }));

  test('somebody was faster: conflict, and their commit stays', () =>
    using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      const theirs = await put('a.yaml', 'tag: theirs\n');
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('conflict');
      expect(await tip()).toBe(theirs);
    }));

  test('the race is lost inside the write: conflict or unknown, never lost', () =>
    using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      forge.faults.add({ match: write, delayMs: 300 });
      const ours = r.commit(want(head, 'tag: ours\n'), signal);
      await new Promise((resolve) => setTimeout(resolve, 150));
      const theirs = await put('a.yaml', 'tag: theirs\n');
      expect((await ours).kind).toBe('conflict');
      expect(await tip()).toBe(theirs);
    }));

  test('history sees every commit since an earlier head, over several reads', () =>
    using(transport, async (r) => {
      const first = await r.read(['a.yaml'], signal);
      const made = [await put('a.yaml', 'tag: 1\n'), await put('b.yaml', 'b\n')];
      await r.read(['a.yaml'], signal);
      made.push(await put('a.yaml', 'tag: 2\n'));
      const second = await r.read(['a.yaml'], signal);
      const history = await r.history(first.head, signal);
      expect(history.commits.map((c) => c.oid)).toEqual([...made].reverse());
      expect([history.head, history.complete]).toEqual([second.head, true]);
      expect((await r.history(second.head, signal)).commits).toEqual([]);
    }));

  test('a rewritten branch: the history says that it is not complete', () =>
    using(transport, async (r) => {
      const root = await tip();
      await put('a.yaml', 'tag: 1\n');
      const { head } = await r.read(['a.yaml'], signal);
      await git(path, ['update-ref', 'refs/heads/main', root]);
      await put('a.yaml', 'tag: other\n');
      expect((await r.history(head, signal)).complete).toBe(false);
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('conflict');
      const again = await r.read(['a.yaml'], signal);
      expect(text(again.files.get('a.yaml')?.bytes)).toBe('tag: other\n');
    }));

  test('the log holds the messages of commits before the head', () =>
    using(transport, async (r) => {
      await put('a.yaml', 'tag: 1\n');
      const snapshot = await r.read(['a.yaml'], signal);
      expect((await snapshot.log()).map((c) => c.message)).toEqual(['put a.yaml', 'initial']);
    }));

  test('the answer is lost after the effect: never an error; the history has our id; sending again does not write twice', () =>
    using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      forge.faults.add({ match: write, reset: 'after' });
      const sent = want(head, 'tag: ours\n');
      expect(['unknown', 'conflict']).toContain((await r.commit(sent, signal)).kind);
      const { commits } = await r.history(head, signal);
      expect(commits.map((c) => c.message.includes('Bump-Id: id-1'))).toEqual([true]);
      expect(['committed', 'conflict']).toContain((await r.commit(sent, signal)).kind);
      expect(await tip()).toBe(commits[0]?.oid);
    }));

  test('502 before the effect is unknown, and the history shows that nothing landed', () =>
    using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      forge.faults.add({ match: write, answer: { status: 502 } });
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('unknown');
      expect(await r.history(head, signal)).toEqual({ head, commits: [], complete: true });
    }));

  test('a read that fails for a moment is repeated', () =>
    using(transport, async (r) => {
      forge.faults.add({ match: read, answer: { status: 502 } });
      forge.faults.add({ match: read, skip: 1, reset: 'before' });
      expect(text((await r.read(['a.yaml'], signal)).files.get('a.yaml')?.bytes)).toBe('tag: v1\n');
    }));

  test.each([
    ['a symbolic link', '120000', 'a.yaml'],
    ['a submodule', '160000', '1'.repeat(40)],
  ])('trap 36: %s is refused', (_name, mode, content) =>
    using(transport, async (r) => {
      await put('odd.yaml', content, mode);
      expect(await codeOf(r.read(['odd.yaml'], signal))).toBe('E_FILE_MODE');
    }),
  );

  test('trap 36: a folder is refused', () =>
    using(transport, async (r) => {
      await put('dir.yaml/x', 'x');
      expect(await codeOf(r.read(['dir.yaml'], signal))).toBe('E_FILE_MODE');
    }));

  test('trap 37: an executable file is kept by git, and refused where the bit would be lost', () =>
    using(transport, async (r) => {
      await put('run.yaml', 'tag: v1\n', '100755');
      const snapshot = await r.read(['run.yaml'], signal).catch((error: unknown) => (error as ActionError).code);
      if (transport === 'github') return expect(snapshot).toBe('E_FILE_MODE');
      if (typeof snapshot === 'string') throw new Error(snapshot);
      const changes = [{ path: 'run.yaml', mode: '100755', bytes: bytes('tag: v2\n') }];
      expect((await r.commit({ ...want(snapshot.head, ''), changes }, signal)).kind).toBe('committed');
      expect((await git(path, ['ls-tree', 'main', 'run.yaml'])).toString()).toMatch(/^100755 /);
    }));

  test('trap 38: a file of 600 kB is read whole', () =>
    using(transport, async (r) => {
      const big = `x: ${'é'.repeat(300_000)}\n`;
      await put('big.yaml', big);
      expect(text((await r.read(['big.yaml'], signal)).files.get('big.yaml')?.bytes)).toBe(big);
    }));

  test('what is not there, not allowed or protected is refused by name; no secret in any message', async () => {
    const reader = forge.createToken({ permissions: { contents: 'read' } });
    expect(await codeOf(using(transport, (r) => r.read(['a.yaml'], signal), { branch: 'nope' }))).toBe(
      'E_BRANCH_NOT_FOUND',
    );
    expect(await codeOf(using(transport, (r) => r.read(['a.yaml'], signal), { name: 'nope' }))).toBe(
      'E_REPOSITORY_NOT_FOUND',
    );
    const bad = await using(transport, (r) => r.read(['a.yaml'], signal), { token: 'ghs_secret' }).catch(
      (error: unknown) => error as ActionError,
    );
    expect(bad).toMatchObject({ code: 'E_PERMISSION_MISSING' });
    expect(JSON.stringify([(bad as ActionError).message, (bad as ActionError).facts])).not.toContain('ghs_secret');
    const head = await tip();
    const refused = using(transport, (r) => r.read(['a.yaml'], signal).then(() => r.commit(want(head, 'x'), signal)), {
      token: reader,
    });
    expect(await codeOf(refused)).toBe('E_PERMISSION_MISSING');
    forge.repository(`org/${name}`).rulesets.push({
      id: 1,
      name: 'main',
      target: 'branch',
      enforcement: 'active',
      rules: [{ type: 'pull_request' }],
    });
    const ruled = using(transport, (r) => r.read(['a.yaml'], signal).then(() => r.commit(want(head, 'x'), signal)));
    expect(await codeOf(ruled)).toBe('E_BRANCH_PROTECTED');
    expect(await tip()).toBe(head);
  }, 60_000);
});

describe('git servers of other kinds', () => {
  test('an uncontended bump is at most seven requests', () =>
    using('git', async (r) => {
      const { head } = await r.read(['env/dev/b.yaml', 'a.yaml'], signal);
      expect((await r.commit(want(head, 'tag: v2\n'), signal)).kind).toBe('committed');
      expect(forge.requests().length).toBeLessThanOrEqual(7);
    }));

  test('trap 39: a server without filters works, with more bytes', () =>
    using('git', async (r) => {
      await git(path, ['config', 'uploadpack.allowFilter', 'false']);
      const { head, files } = await r.read(['a.yaml'], signal);
      expect(text(files.get('a.yaml')?.bytes)).toBe('tag: v1\n');
      expect((await r.commit(want(head, 'tag: v2\n'), signal)).kind).toBe('committed');
    }));

  test('trap 39: a server of protocol v0 that filters but gives no single blob: starts over without filter', async () => {
    await git(path, ['config', 'uploadpack.allowAnySHA1InWant', 'false']);
    await git(path, ['config', 'uploadpack.allowTipSHA1InWant', 'false']);
    await git(path, ['config', 'uploadpack.allowReachableSHA1InWant', 'false']);
    const proxy = await serve((req, res) => {
      delete req.headers['git-protocol'];
      forward(req, res);
    });
    try {
      await using(
        'git',
        async (r) => {
          const { head, files } = await r.read(['a.yaml'], signal);
          expect(text(files.get('a.yaml')?.bytes)).toBe('tag: v1\n');
          expect((await r.commit(want(head, 'tag: v2\n'), signal)).kind).toBe('committed');
        },
        { url: `${proxy.url}/org/${name}.git` },
      );
    } finally {
      proxy.server.close();
    }
  });

  test('trap 40: a redirect is refused, and the credential goes nowhere', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(404).end();
    });
    const moved = await serve((req, res) => {
      res.writeHead(301, { location: `${other.url}${req.url}` }).end();
    });
    try {
      const run = using('git', (r) => r.read(['a.yaml'], signal), { url: `${moved.url}/org/${name}.git` });
      expect(await codeOf(run)).toBe('E_REDIRECT');
      expect(seen).toEqual([]);
    } finally {
      moved.server.close();
      other.server.close();
    }
  });
});

async function serve(
  handle: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function forward(req: IncomingMessage, res: ServerResponse): void {
  const { hostname, port } = new URL(forge.url);
  const onward = request(
    { hostname, port, path: req.url, method: req.method, headers: { ...req.headers, host: `${hostname}:${port}` } },
    (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
    },
  );
  req.pipe(onward);
}
