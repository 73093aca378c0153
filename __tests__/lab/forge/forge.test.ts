import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { systemExec } from '../../../src/runner/index.ts';

let forge: Forge;
let dir: string;
let user: string;
let app: string;
let reader: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'forge-test-'));
  forge = await startForge();
  await forge.createRepository('org/app', { files: { 'a.txt': 'one\n', 'env/values.yaml': 'tag: v1\n' } });
  await forge.createRepository('org/secret', { private: true, files: { 'a.txt': 'x\n' } });
  user = forge.createToken({
    permissions: {
      contents: 'write',
      pull_requests: 'write',
      statuses: 'write',
      checks: 'write',
      administration: 'write',
    },
    repositories: ['org/app'],
  });
  app = forge.createToken({ kind: 'app', permissions: { contents: 'write' }, repositories: ['org/app', 'org/secret'] });
  reader = forge.createToken({ permissions: { contents: 'read' }, repositories: ['org/app'] });
});
afterAll(async () => {
  await forge.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => forge.faults.clear());

const call = async (
  method: string,
  path: string,
  token?: string,
  body?: object,
): Promise<{ status: number; json: Record<string, unknown> }> => {
  const response = await fetch(forge.apiUrl + path, {
    method,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
};
const graphql = async (
  query: string,
  variables: object,
  token = app,
): Promise<{ data?: Record<string, never>; errors?: { type?: string; message: string }[] }> => {
  const response = await fetch(forge.graphqlUrl, {
    method: 'POST',
    headers: { authorization: `bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as never;
};
const git = (args: string[], cwd = dir) =>
  systemExec('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: dir, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
  });
const remote = (token: string, repo = 'org/app'): string =>
  `${forge.url.replace('http://', `http://x-access-token:${token}@`)}/${repo}.git`;

const READ = `query Read($owner:String!,$name:String!,$ref:String!,$p:String!) { repository(owner:$owner,name:$name) { id nameWithOwner
  ref(qualifiedName:$ref) { target { oid ... on Commit { file(path:$p) { mode type oid object { ... on Blob { byteSize isBinary isTruncated text } } }
  history(first:20, path:$p) { nodes { oid message committedDate } } } } } } }`;
const COMMIT = `mutation Commit($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input:$input) { commit { oid url signature { isValid } } } }`;
const read = () => graphql(READ, { owner: 'org', name: 'app', ref: 'refs/heads/main', p: 'env/values.yaml' });
const head = async (): Promise<string> =>
  ((await read()).data as unknown as { repository: { ref: { target: { oid: string } } } }).repository.ref.target.oid;
const commit = (expectedHeadOid: string, text: string, token = app, headline = 'bump') =>
  graphql(
    COMMIT,
    {
      input: {
        branch: { repositoryNameWithOwner: 'org/app', branchName: 'main' },
        expectedHeadOid,
        message: { headline, body: 'Key: value' },
        fileChanges: { additions: [{ path: 'env/values.yaml', contents: Buffer.from(text).toString('base64') }] },
      },
    },
    token,
  );

describe('git over HTTP', () => {
  test('clones, pushes, and tells tokens apart', async () => {
    const work = join(dir, 'w1');
    expect((await git(['clone', '-q', remote(user), work])).code).toBe(0);
    writeFileSync(join(work, 'b.txt'), 'two\n');
    await git(['add', '.'], work);
    await git(['commit', '-qm', 'b'], work);
    expect((await git(['push', '-q', remote(reader), 'HEAD:main'], work)).stderrTail).toContain('403');
    expect((await git(['push', '-q', remote('nonsense'), 'HEAD:main'], work)).code).not.toBe(0);
    expect((await git(['push', '-q', remote(user), 'HEAD:main'], work)).code).toBe(0);
    expect((await git(['ls-remote', remote(user, 'org/secret')])).stderrTail).toContain('not found');
  });
  test('trap 32: a chunked push of more than 1 MB works', async () => {
    const work = join(dir, 'w2');
    await git(['clone', '-q', remote(user), work]);
    let noise = '';
    for (let i = 0; i < 60_000; i += 1) noise += Math.sin(i).toString(36);
    writeFileSync(join(work, 'big.bin'), noise);
    await git(['add', '.'], work);
    await git(['commit', '-qm', 'big'], work);
    const push = await git(
      ['-c', 'http.postBuffer=65536', '-c', 'core.compression=0', 'push', remote(user), 'HEAD:main'],
      work,
    );
    expect([push.code, push.stderrTail]).toEqual([0, expect.stringContaining('HEAD -> main')]);
  });
  test('partial clone: filters are honoured', async () => {
    const bare = join(dir, 'partial.git');
    await git(['init', '-q', '--bare', bare]);
    expect(
      (await git(['fetch', '-q', '--depth=1', '--filter=blob:none', remote(reader), 'main'], bare)).stderrTail,
    ).toBe('');
    expect((await git(['rev-list', '--objects', '--missing=print', 'FETCH_HEAD'], bare)).stdoutTail).toMatch(
      /^\?[0-9a-f]{40}$/m,
    );
  });
});

describe('GraphQL', () => {
  test('reads a file, its mode and its history, and commits with compare-and-swap', async () => {
    const before = await head();
    const done = (await commit(before, 'tag: v2\n')) as unknown as {
      data: { createCommitOnBranch: { commit: { oid: string; signature: object } } };
    };
    expect(done.data.createCommitOnBranch.commit.signature).toEqual({ isValid: true });
    const after = (await read()).data as unknown as {
      repository: { ref: { target: { oid: string; file: object; history: { nodes: { message: string }[] } } } };
    };
    const target = after.repository.ref.target;
    expect(target.oid).toBe(done.data.createCommitOnBranch.commit.oid);
    expect(target.file).toMatchObject({
      mode: 33188,
      type: 'blob',
      object: { text: 'tag: v2\n', byteSize: 8, isBinary: false, isTruncated: false },
    });
    expect(target.history.nodes[0]?.message).toBe('bump\n\nKey: value');
    const stale = await commit(before, 'tag: v3\n');
    expect(stale.errors?.[0]).toMatchObject({
      type: 'STALE_DATA',
      message: expect.stringMatching(/^Expected branch to point to/),
    });
  });
  test("a missing permission and a missing repository, in GitHub's words", async () => {
    expect((await commit(await head(), 'x', reader)).errors?.[0]).toMatchObject({
      type: 'FORBIDDEN',
      message: 'Resource not accessible by integration',
    });
    expect((await graphql(READ, { owner: 'org', name: 'nope', ref: 'r', p: 'p' })).errors?.[0]).toMatchObject({
      type: 'NOT_FOUND',
    });
    expect((await call('GET', '/repos/org/secret', user)).status).toBe(404);
  });
  test("trap 34: what GitHub's schema does not know is refused", async () => {
    expect((await graphql('{ repository(owner:"o", name:"n") { nonsense } }', {})).errors?.[0]?.message).toContain(
      'Cannot query field "nonsense"',
    );
  });
  test('20 writers with compare-and-swap all land', async () => {
    const before = (await read()).data as unknown as { repository: { ref: { target: { oid: string } } } };
    const writer = async (i: number): Promise<void> => {
      for (;;) {
        const answer = await commit(await head(), `tag: w${i}\n`, app, `writer ${i}`);
        if (answer.errors === undefined) return;
        expect(answer.errors[0]?.type).toBe('STALE_DATA');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 1500));
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => writer(i)));
    const range = `${before.repository.ref.target.oid}..main`;
    const landed = await systemExec('git', [
      `--git-dir=${forge.repository('org/app').path}`,
      'log',
      '--format=%s',
      range,
    ]);
    expect(new Set(landed.stdoutTail.trim().split('\n')).size).toBe(20);
  }, 60_000);
});

describe('REST', () => {
  test('compare tells ahead, behind, identical, diverged, unknown', async () => {
    const [a, b] = [
      await head(),
      (
        (await commit(await head(), 'tag: c\n')) as never as {
          data: { createCommitOnBranch: { commit: { oid: string } } };
        }
      ).data.createCommitOnBranch.commit.oid,
    ];
    const status = async (x: string, y: string) =>
      (await call('GET', `/repos/org/app/compare/${x}...${y}?per_page=1`, user)).json.status;
    expect([await status(a, b), await status(b, a), await status(a, a)]).toEqual(['ahead', 'behind', 'identical']);
    expect((await call('GET', `/repos/org/app/compare/${a}...${'0'.repeat(40)}`, user)).status).toBe(404);
  });
  test('contents as JSON and raw, commits, blobs', async () => {
    const file = await call('GET', '/repos/org/app/contents/a.txt?ref=main', user);
    expect(Buffer.from(String(file.json.content), 'base64').toString()).toBe('one\n');
    expect((await call('GET', `/repos/org/app/git/blobs/${file.json.sha}`, user)).json.size).toBe(4);
    expect((await call('GET', '/repos/org/app/commits/main', user)).json).toMatchObject({
      commit: { verification: { verified: true } },
    });
    const raw = await fetch(`${forge.url}/repos/org/app/contents/a.txt`, {
      headers: { accept: 'application/vnd.github.raw+json', authorization: `Bearer ${user}` },
    });
    expect(await raw.text()).toBe('one\n');
  });
  test('golden rule: a red pull request cannot be merged, nor can the branch be pushed', async () => {
    await forge.createRepository('org/ruled', { files: { 'a.txt': '1\n' } });
    const admin = forge.createToken({ kind: 'admin', permissions: {} });
    const dev = forge.createToken({ permissions: { contents: 'write', pull_requests: 'write', checks: 'write' } });
    const rules = [
      { type: 'pull_request' },
      { type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'deliver / gate' }] } },
      { type: 'non_fast_forward' },
      { type: 'deletion' },
    ];
    await call('POST', '/repos/org/ruled/rulesets', admin, {
      name: 'golden',
      target: 'branch',
      enforcement: 'active',
      conditions: { ref_name: { include: ['~DEFAULT_BRANCH'], exclude: [] } },
      rules,
    });
    const work = join(dir, 'ruled');
    await git(['clone', '-q', remote(dev, 'org/ruled'), work]);
    writeFileSync(join(work, 'a.txt'), '2\n');
    await git(['commit', '-qam', 'two'], work);
    const push = await git(['push', remote(dev, 'org/ruled'), 'HEAD:main'], work);
    expect([push.code === 0, push.stderrTail]).toEqual([
      false,
      expect.stringContaining('GH013: Repository rule violations found for refs/heads/main'),
    ]);
    expect((await git(['push', '-q', remote(dev, 'org/ruled'), 'HEAD:change'], work)).code).toBe(0);
    const pull = (await call('POST', '/repos/org/ruled/pulls', dev, { title: 'two', head: 'change', base: 'main' }))
      .json as unknown as { number: number; head: { sha: string } };
    const merge = () => call('PUT', `/repos/org/ruled/pulls/${pull.number}/merge`, dev, {});
    expect(await merge()).toMatchObject({
      status: 405,
      json: { message: expect.stringContaining('"deliver / gate" is expected') },
    });
    await call('POST', '/repos/org/ruled/check-runs', dev, {
      name: 'deliver / gate',
      head_sha: pull.head.sha,
      status: 'completed',
      conclusion: 'failure',
    });
    expect(await merge()).toMatchObject({ status: 405, json: { message: expect.stringContaining('is failing') } });
    await call('POST', '/repos/org/ruled/check-runs', dev, {
      name: 'deliver / gate',
      head_sha: pull.head.sha,
      status: 'completed',
      conclusion: 'success',
    });
    expect(await merge()).toMatchObject({ status: 200, json: { merged: true } });
  });
});

test('faults strike as often as told, before or after the effect', async () => {
  forge.faults.add({ match: { operation: 'Commit' }, reset: 'after' });
  const before = await head();
  await expect(commit(before, 'tag: lost answer\n')).rejects.toThrow();
  expect(await head()).not.toBe(before);
  forge.faults.add({ match: { operation: 'Commit' }, answer: { status: 502 }, times: 2 });
  const now = await head();
  await commit(now, 'x').catch(() => {});
  expect(await head()).toBe(now);
});

test('unknown routes are recorded', async () => {
  expect(forge.unknownRoutes()).toEqual([]);
  expect((await call('GET', '/repos/org/app/nonsense', user)).status).toBe(404);
  expect(forge.unknownRoutes()).toEqual(['GET /repos/org/app/nonsense']);
});

test('an App buys tokens for the repositories it is installed on, with no more than its permissions', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  forge.registerApp({
    id: '42',
    key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    permissions: { contents: 'write' },
    repositories: ['org/app'],
  });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = (iss: string): string => {
    const text = `${part({ alg: 'RS256' })}.${part({ iss, iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60 })}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`;
  };
  const { id } = (await call('GET', '/repos/org/app/installation', jwt('42'))).json;
  expect((await call('GET', '/repos/org/secret/installation', jwt('42'))).status).toBe(404);
  expect((await call('GET', '/repos/org/app/installation', jwt('43'))).status).toBe(401);
  const path = `/app/installations/${id}/access_tokens`;
  const bought = await call('POST', path, jwt('42'), { repositories: ['app'], permissions: { contents: 'read' } });
  expect(bought.status).toBe(201);
  expect((await call('GET', '/repos/org/app/contents/a.txt', String(bought.json.token))).status).toBe(200);
  expect((await call('POST', path, jwt('42'), { repositories: ['secret'] })).status).toBe(422);
  expect((await call('POST', path, jwt('42'), { permissions: { administration: 'write' } })).status).toBe(422);
});
