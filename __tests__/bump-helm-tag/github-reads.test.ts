/** Reads through GitHub's API: bytes that are proven, earlier commits, folders; every document fits the public schema. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { schema } from '@octokit/graphql-schema';
import { buildSchema, parse, validate } from 'graphql';
import { git } from '../../lab/forge/git.ts';
import { type Forge, startForge } from '../../lab/forge/server.ts';
import type { ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import * as queries from '../../src/bump-helm-tag/github-queries.ts';
import { gitHubRepository } from '../../src/bump-helm-tag/github-repository.ts';
import { gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { type ActionError, Deadline, systemClock } from '../../src/runner/index.ts';

const http = openHttp();
const signal = AbortSignal.timeout(300_000);
let forge: Forge;
let token: string;
let name = '';
let count = 0;
let r: ConfigRepository;
let path: string;

const start = async (files: Record<string, string | Buffer>): Promise<void> => {
  count += 1;
  name = `cfg${count}`;
  path = (await forge.createRepository(`org/${name}`, { files })).path;
  r = gitHubRepository(
    gitHubClient(http, new URL(forge.apiUrl), token, 'test'),
    { owner: 'org', name, branch: 'main', serverUrl: forge.url },
    { clock: systemClock, random: () => 0, deadline: new Deadline(60, systemClock) },
  );
  forge.clearRequests();
};
const WHO = { GIT_AUTHOR_NAME: 'p', GIT_AUTHOR_EMAIL: 'p@p', GIT_COMMITTER_NAME: 'p', GIT_COMMITTER_EMAIL: 'p@p' };
const word = async (args: string[], input?: string): Promise<string> =>
  (await git(path, args, input, WHO)).toString().trim();
const head = (): Promise<string> => word(['rev-parse', 'main']);
const commit = async (tree: string, ...parents: string[]): Promise<string> =>
  word(['commit-tree', tree, ...parents.flatMap((p) => ['-p', p]), '-m', 'm']);
const asked = (): string[] => forge.requests().map((q) => q.operation ?? q.path.replace(/^\/repos\/[^/]+\/[^/]+/, ''));
const codeOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'none',
    (error: unknown) => (error as ActionError).code,
  );
const text = (bytes: Uint8Array | null | undefined): string | null => (bytes ? Buffer.from(bytes).toString() : null);

beforeAll(async () => {
  forge = await startForge();
  token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
});
afterAll(async () => {
  await http.close();
  await forge.close();
});
beforeEach(() => forge.faults.clear());

test('acceptance 16: every document fits the public schema', () => {
  const built = buildSchema(schema.idl, { assumeValid: true });
  const documents = Object.values(queries).flatMap((one) =>
    typeof one === 'string'
      ? [one]
      : typeof one === 'function' && one.name.endsWith('Query')
        ? [1, 20].map((n) => String(one(n as never)))
        : [],
  );
  expect(documents.length).toBe(18);
  for (const document of documents) expect(validate(built, parse(document))).toEqual([]);
});

describe('trap 38: text that is not the bytes', () => {
  test.each<[string, string, Buffer]>([
    ['truncated', 'isTruncated', Buffer.from(`x: ${'é'.repeat(300_000)}\n`)],
    ['null', 'isBinary', Buffer.from('a: 1\0\n')],
    ['not the bytes any more: invalid UTF-8 was replaced', 'hash', Buffer.from([0x61, 0x3a, 0x20, 0xff, 0x0a])],
  ])('%s: the blob is read by REST, and exact', async (_name, _why, bytes) => {
    await start({ 'v.yaml': bytes, 'plain.yaml': 'a: 1\n' });
    const file = (await r.read(['v.yaml', 'plain.yaml'], signal)).files.get('v.yaml');
    expect(Buffer.from(file?.bytes ?? []).equals(bytes)).toBe(true);
    const oid = await word(['rev-parse', 'main:v.yaml']);
    // One blob: the other file came whole.
    expect(asked()).toEqual(['BumpRead', `/git/blobs/${oid}`]);
  });
  test.each<[string, object]>([
    ['another text of the same length', { text: 'tag: v2\n', isTruncated: false }],
    ['text that says nothing of its length', { text: 'tag: v1\n' }],
    ['no object', {}],
  ])('the host answers with %s: the blob counts', async (_name, blob) => {
    await start({ 'v.yaml': 'tag: v1\n' });
    const [oid, blobOid] = [await head(), await word(['rev-parse', 'main:v.yaml'])];
    const file = { mode: 33188, type: 'blob', oid: blobOid, object: blob };
    const target = { oid, f0: file, l0: { nodes: [] } };
    const body = JSON.stringify({ data: { repository: { id: 'R', nameWithOwner: `org/${name}`, ref: { target } } } });
    forge.faults.add({ match: { operation: 'BumpRead' }, answer: { status: 200, body } });
    expect(text((await r.read(['v.yaml'], signal)).files.get('v.yaml')?.bytes)).toBe('tag: v1\n');
  });
  test('the blob is another one too: refused, never half a file', async () => {
    await start({ 'v.yaml': Buffer.from([0xff]) });
    const body = JSON.stringify({ content: Buffer.from('other').toString('base64') });
    forge.faults.add({ match: { path: /git\/blobs/ }, answer: { status: 200, body } });
    expect(await codeOf(r.read(['v.yaml'], signal))).toBe('E_CONFIG_UNREADABLE');
  });
  test('the blob comes at the second try', async () => {
    await start({ 'v.yaml': Buffer.from([0xff]) });
    forge.faults.add({ match: { path: /git\/blobs/ }, answer: { status: 502 } });
    expect((await r.read(['v.yaml'], signal)).files.get('v.yaml')?.bytes).toEqual(Buffer.from([0xff]));
  });
  test('a file that is too large is not even fetched', async () => {
    await start({ 'v.yaml': 'x'.repeat(3 * 1024 * 1024) });
    expect(await codeOf(r.read(['v.yaml'], signal))).toBe('E_FILE_TOO_LARGE');
    expect(asked()).toEqual(['BumpRead']);
  });
});

describe('an earlier commit', () => {
  test('its files, byte by byte, in one request; null for what is not there or is no file', async () => {
    await start({ 'a.yaml': '\ufefftag: v1\r\n', 'dir/b.yaml': 'b\n', 'raw.yaml': Buffer.from([0xff]) });
    const first = await head();
    await word(['update-ref', 'refs/heads/main', await commit(await word(['mktree'], ''), 'main')]);
    const files = await r.readAt(first, ['a.yaml', 'dir/b.yaml', 'dir', 'none.yaml'], signal);
    expect([...files].map(([p, bytes]) => [p, text(bytes)])).toEqual([
      ['a.yaml', '\ufefftag: v1\r\n'],
      ['dir/b.yaml', 'b\n'],
      ['dir', null],
      ['none.yaml', null],
    ]);
    expect(asked()).toEqual(['BumpReadAt']);
    expect((await r.readAt(first, ['raw.yaml'], signal)).get('raw.yaml')).toEqual(Buffer.from([0xff]));
    expect(text((await r.readAt(await head(), ['a.yaml'], signal)).get('a.yaml'))).toBeNull();
    expect(await codeOf(r.readAt('1'.repeat(40), ['a.yaml'], signal))).toBe('E_CONFIG_UNREADABLE');
  });
  test('its message and its parents; undefined for what the branch does not have', async () => {
    await start({ a: '1' });
    const first = await head();
    const side = await commit('main^{tree}', first);
    const merge = await commit('main^{tree}', first, side);
    // Of another branch, as a commit of a fork would be: the API knows it all the same.
    const foreign = await commit(await word(['mktree'], ''), first);
    const unrelated = await commit('main^{tree}');
    await word(['update-ref', 'refs/heads/main', merge]);
    await word(['update-ref', 'refs/heads/other', foreign]);
    await word(['update-ref', 'refs/heads/unrelated', unrelated]);
    expect(await r.commitAt(merge, signal)).toMatchObject({ oid: merge, message: 'm', parents: [first, side] });
    expect(await r.commitAt(first, signal)).toMatchObject({ oid: first, message: 'initial', parents: [] });
    expect((await r.commitAt(side, signal))?.oid).toBe(side);
    const tree = await word(['rev-parse', 'main^{tree}']);
    const blob = await word(['rev-parse', 'main:a']);
    for (const oid of ['1'.repeat(40), tree, blob, foreign, unrelated, first.slice(0, 12), 'main', ''])
      expect([oid, await r.commitAt(oid, signal)]).toEqual([oid, undefined]);
    expect(forge.unknownRoutes()).toEqual([]);
  });
});

describe('a folder', () => {
  const limits = { files: 500, bytes: 5 * 1024 * 1024 };
  test('all regular files by their path from the root, in three requests', async () => {
    await start({
      'chart/Chart.yaml': 'name: c\n',
      'chart/templates/a.yaml': 'a\n',
      'chart/bin.tgz': Buffer.from([1, 0, 2]),
      'charts/other.yaml': 'x',
      'top.yaml': 't',
    });
    const files = await r.folder(await head(), 'chart', limits, signal);
    expect([...files].map(([p, bytes]) => [p, [...bytes].join()])).toEqual(
      [
        ['chart/Chart.yaml', 'name: c\n'],
        ['chart/bin.tgz', '\u0001\0\u0002'],
        ['chart/templates/a.yaml', 'a\n'],
      ].map(([p, t]) => [p, [...Buffer.from(t ?? '', 'latin1')].join()]),
    );
    expect(asked().map((q) => q.replace(/[0-9a-f]{40}/, 'OID'))).toEqual([
      'BumpFolder',
      '/git/trees/OID',
      'BumpBlobs',
      '/git/blobs/OID',
    ]);
    expect([...(await r.folder(await head(), '.', limits, signal)).keys()]).toContain('top.yaml');
  });
  test('300 files: few requests', async () => {
    const all = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c/${i}.yaml`, `n: ${i}\n`]));
    await start(all);
    const files = await r.folder(await head(), 'c', limits, signal);
    expect(Object.fromEntries([...files].map(([p, bytes]) => [p, text(bytes)]))).toEqual(all);
    expect(asked().length).toBeLessThanOrEqual(7);
  });
  test('links and submodules are left out', async () => {
    await start({ 'c/a.yaml': 'a' });
    const blob = await word(['rev-parse', 'main:c/a.yaml']);
    const inner = await word(
      ['mktree', '--missing'],
      `100644 blob ${blob}\ta.yaml\n120000 blob ${blob}\tlink.yaml\n160000 commit ${'1'.repeat(40)}\tsub\n100755 blob ${blob}\trun.sh\n`,
    );
    const tree = await word(['mktree'], `040000 tree ${inner}\tc\n`);
    const files = await r.folder(await commit(tree), 'c', limits, signal);
    expect([...files.keys()]).toEqual(['c/a.yaml', 'c/run.sh']);
  });
  test.each<[string, object, string, string]>([
    ['too many files', { files: 2, bytes: 1000 }, 'c', 'E_FILE_TOO_LARGE'],
    ['too many bytes', { files: 10, bytes: 29 }, 'c', 'E_FILE_TOO_LARGE'],
    ['just as much as is allowed', { files: 3, bytes: 30 }, 'c', 'none'],
    ['not there', limits, 'd', 'E_PATH_MISSING'],
    ['a file', limits, 'c/1.yaml', 'E_PATH_MISSING'],
  ])('%s', async (_name, given, folder, code) => {
    await start({ 'c/1.yaml': 'x'.repeat(10), 'c/2.yaml': 'y'.repeat(10), 'c/3.yaml': 'z'.repeat(10) });
    expect(await codeOf(r.folder(await head(), folder, given as typeof limits, signal))).toBe(code);
    // Refused before a file is fetched.
    expect(asked().includes('BumpBlobs')).toBe(code === 'none');
  });
  test('a tree that the host has cut is an error, never half a chart', async () => {
    await start({ 'c/1.yaml': 'x' });
    const body = JSON.stringify({ sha: 'x', truncated: true, tree: [] });
    forge.faults.add({ match: { path: /git\/trees/ }, answer: { status: 200, body } });
    expect(await codeOf(r.folder(await head(), 'c', limits, signal))).toBe('E_FILE_TOO_LARGE');
  });
});

test('trap 40: a renamed repository: reads, blobs and the write go to the new name', async () => {
  await start({ 'v.yaml': 'tag: v1\n', 'raw.yaml': Buffer.from([0xff]) });
  forge.renameRepository(`org/${name}`, 'org/renamed');
  const { head: at } = await r.read(['v.yaml', 'raw.yaml'], signal);
  const done = await r.commit(
    {
      head: at,
      changes: [{ path: 'v.yaml', mode: '100644', bytes: Buffer.from('tag: v2\n') }],
      message: { headline: 'bump', body: '' },
      bumpId: 'x',
    },
    signal,
  );
  expect(done).toMatchObject({ kind: 'committed', url: `${forge.url}/org/renamed/commit/${await head()}` });
  expect(r.commitUrl('abc')).toBe(`${forge.url}/org/renamed/commit/abc`);
  expect(
    forge
      .requests()
      .filter((q) => q.path.includes('/repos/'))
      .map((q) => [q.path.split('/')[3], q.status]),
  ).toEqual([['renamed', 200]]);
});
