import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemExec } from '../../../src/runner/index.ts';
import { committed, repositoryOf, startWorld, type World } from './world.ts';

let w: World;
beforeAll(async () => {
  w = await startWorld();
});
afterAll(() => w.close());

const READ = `query Read($owner:String!,$name:String!,$ref:String!,$p:String!) { repository(owner:$owner,name:$name) { id nameWithOwner
  ref(qualifiedName:$ref) { target { oid ... on Commit { file(path:$p) { mode type oid object { ... on Blob { byteSize isBinary isTruncated text } } }
  history(first:20, path:$p) { nodes { oid message committedDate } } } } } } }`;
const MAIN = { owner: 'org', name: 'app', ref: 'refs/heads/main', p: 'env/values.yaml' };

/** The target of the ref of a Read. */
async function read(variables: object = {}): Promise<Record<string, never>> {
  const reply = await w.graphql(READ, { ...MAIN, ...variables });
  return repositoryOf<{ ref: { target: Record<string, never> } }>(reply).ref.target;
}

interface Page {
  nodes: { oid: string }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}

const repositoryId = async (): Promise<string> =>
  repositoryOf<{ id: string }>(await w.graphql('{ repository(owner:"org", name:"app") { id } }')).id;

describe('reads', () => {
  test('a file, its mode and its history, all of one commit', async () => {
    const before = await w.head();
    const oid = committed(await w.commit(before, 'tag: v2\n', { headline: 'second' }));
    committed(await w.commit(oid, 'x\n', { path: 'other.txt' }));
    const target = await read();
    expect(target).toMatchObject({
      oid: await w.head(),
      file: {
        mode: 33188,
        type: 'blob',
        object: { text: 'tag: v2\n', byteSize: 8, isBinary: false, isTruncated: false },
      },
      history: {
        nodes: [
          {
            oid,
            message: 'second\n\nKey: value',
            committedDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
          { oid: before, message: 'initial' },
        ],
      },
    });
  });
  test('history pages belong to one head', async () => {
    const page = `query($oid: GitObjectID!, $after: String) { repository(owner:"org", name:"app") { object(oid: $oid) { ... on Commit {
      history(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { oid } } } } } }`;
    const all: string[] = [];
    let after: string | null = null;
    do {
      const reply = await w.graphql(page, { oid: await w.head(), after });
      const { nodes, pageInfo } = repositoryOf<{ object: { history: Page } }>(reply).object.history;
      all.push(...nodes.map((node) => node.oid));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    const log = await w.git(['log', '--format=%H', 'main'], w.forge.repository('org/app').path);
    expect(all).toEqual(log.stdoutTail.trim().split('\n'));
  });
  test('history by path is what git log says, over merges too', async () => {
    const { path } = await w.forge.createRepository('org/history', { files: { a: '0', b: '0' } });
    const script = `commit refs/heads/side\nmark :1\ncommitter t <t@t> 1000 +0000\ndata 1\ns\nfrom refs/heads/main^0\nM 644 inline a\ndata 1\n1\n
commit refs/heads/main\nmark :2\ncommitter t <t@t> 1001 +0000\ndata 1\nm\nfrom refs/heads/main^0\nM 644 inline b\ndata 1\n1\n
commit refs/heads/main\nmark :3\ncommitter t <t@t> 1002 +0000\ndata 1\nM\nfrom :2\nmerge :1\nM 644 inline a\ndata 1\n1\n
commit refs/heads/main\nmark :4\ncommitter t <t@t> 1003 +0000\ndata 1\nd\nfrom :3\nD a\n\n`;
    const made = await systemExec('git', [`--git-dir=${path}`, 'fast-import', '--quiet'], { input: script });
    expect(made.stderrTail).toBe('');
    for (const file of ['a', 'b', 'none']) {
      const reply = await w.graphql(READ, { ...MAIN, name: 'history', p: file });
      const { target } = repositoryOf<{ ref: { target: { history: Page } } }>(reply).ref;
      const log = await w.git(['log', '--format=%H', 'main', '--', file], path);
      expect(target.history.nodes.map((node) => node.oid)).toEqual(log.stdoutTail.split('\n').filter(Boolean));
    }
  });
  test.each([
    ['binary', Buffer.from([1, 0, 2]), { isBinary: true, text: null, byteSize: 3 }],
    ['longer than 512 kB', Buffer.alloc(600_000, 'x'), { isTruncated: true, isBinary: false, byteSize: 600_000 }],
    ['not UTF-8', Buffer.from([0x61, 0xff]), { text: 'a\uFFFD', byteSize: 2 }],
  ])('a blob that is %s', async (name, bytes, wanted) => {
    const repo = `org/${name.replaceAll(' ', '-')}`;
    await w.forge.createRepository(repo, { files: { f: bytes } });
    const { data } = await w.graphql(READ, { ...MAIN, name: repo.slice(4), p: 'f' });
    expect(data?.repository).toMatchObject({ ref: { target: { file: { object: wanted } } } });
  });
  test('what is not there is null', async () => {
    expect((await w.graphql(READ, { ...MAIN, ref: 'refs/heads/none' })).data?.repository).toMatchObject({ ref: null });
    // A revision expression is no name of a branch.
    expect((await w.graphql(READ, { ...MAIN, ref: 'refs/heads/main~1' })).data?.repository).toMatchObject({
      ref: null,
    });
    expect(await read({ p: 'none.yaml' })).toMatchObject({ file: null, history: { nodes: [] } });
  });
  test('a renamed repository answers with its new name', async () => {
    await w.forge.createRepository('org/old', { files: { f: '1' } });
    w.forge.renameRepository('org/old', 'org/new');
    expect((await w.graphql(READ, { ...MAIN, name: 'old' })).data?.repository).toMatchObject({
      nameWithOwner: 'org/new',
    });
  });
});

describe('createCommitOnBranch', () => {
  test('one commit, signed, by the login of the token; a stale head changes nothing', async () => {
    const before = await w.head();
    const done = await w.commit(before, 'tag: v3\n');
    expect(done.data?.createCommitOnBranch).toMatchObject({ commit: { signature: { isValid: true } } });
    const commit = await w.forge.repository('org/app').objects.commit(committed(done));
    expect(commit).toMatchObject({ parents: [before], author: { name: 'delivery-app[bot]' } });
    expect(await w.commit(before, 'tag: v4\n')).toMatchObject({
      data: { createCommitOnBranch: null },
      errors: [
        {
          type: 'STALE_DATA',
          path: ['createCommitOnBranch'],
          message: `Expected branch to point to "${before}" but it did not.  Pull and try again.`,
        },
      ],
    });
    expect(await w.head()).toBe(commit?.oid);
  });
  test.each([
    ['a reader', { token: () => w.reader }, 'FORBIDDEN', 'Resource not accessible by integration'],
    ['a repository one may not see', { token: () => w.user, repo: 'org/secret' }, 'NOT_FOUND', 'Could not resolve'],
    ['no such branch', { branch: 'none' }, 'NOT_FOUND', 'could not be found'],
    ['a path out of the tree', { path: '../x' }, 'UNPROCESSABLE', 'invalid: "../x"'],
    ['the folder of Git', { path: 'a/.GIT/config' }, 'UNPROCESSABLE', 'invalid'],
    ['an empty headline', { headline: ' ' }, 'UNPROCESSABLE', 'message is required'],
  ])('%s', async (_, { token, ...o }: { token?: () => string } & Record<string, unknown>, type, message) => {
    const before = await w.head();
    const done = await w.commit(before, 'x', { ...o, ...(token ? { token: token() } : {}) });
    expect(done.errors?.[0]).toMatchObject({ type, message: expect.stringContaining(message) });
    expect(await w.head()).toBe(before);
  });
  test('deletes; what is not there cannot be deleted', async () => {
    const mutation =
      'mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid file(path: "gone.txt") { oid } } ref { name } } }';
    const input = async (path: string): Promise<object> => ({
      input: {
        branch: { repositoryNameWithOwner: 'org/app', branchName: 'main' },
        expectedHeadOid: await w.head(),
        message: { headline: 'delete' },
        fileChanges: { deletions: [{ path }] },
      },
    });
    committed(await w.commit(await w.head(), 'x', { path: 'gone.txt' }));
    expect((await w.graphql(mutation, await input('gone.txt'))).data).toMatchObject({
      createCommitOnBranch: { commit: { file: null }, ref: { name: 'main' } },
    });
    expect((await w.graphql(mutation, await input('gone.txt'))).errors?.[0]?.message).toContain('does not exist');
  });
});

describe('refs', () => {
  const update = (refUpdates: object[], repository: string) =>
    w.graphql('mutation($i: UpdateRefsInput!) { updateRefs(input: $i) { clientMutationId } }', {
      i: { repositoryId: repository, refUpdates, clientMutationId: 'c' },
    });
  const ZERO = '0'.repeat(40);
  test('createRef, then updateRefs moves and deletes all or none', async () => {
    const id = await repositoryId();
    const oid = await w.head();
    const create = (name: string) =>
      w.graphql('mutation($i: CreateRefInput!) { createRef(input: $i) { ref { name target { oid } } } }', {
        i: { repositoryId: id, name, oid },
      });
    expect((await create('refs/heads/one')).data).toMatchObject({
      createRef: { ref: { name: 'one', target: { oid } } },
    });
    expect((await create('refs/heads/one')).errors?.[0]?.message).toContain('already exists');
    await create('refs/heads/two');
    const next = committed(await w.commit(oid, 'tag: v9\n'));
    const stale = await update(
      [
        { name: 'refs/heads/one', afterOid: next },
        { name: 'refs/heads/two', beforeOid: next, afterOid: ZERO },
      ],
      id,
    );
    expect(stale.errors?.[0]?.type).toBe('STALE_DATA');
    expect([await w.head('one'), await w.head('two')]).toEqual([oid, oid]);
    const moved = await update(
      [
        { name: 'refs/heads/one', beforeOid: oid, afterOid: next },
        { name: 'refs/heads/two', beforeOid: oid, afterOid: ZERO },
      ],
      id,
    );
    expect(moved.data).toEqual({ updateRefs: { clientMutationId: 'c' } });
    expect([await w.head('one'), await w.head('two')]).toEqual([next, '']);
    const back = { name: 'refs/heads/one', afterOid: oid };
    expect((await update([back], id)).errors?.[0]?.message).toContain('not a fast forward');
    expect((await update([{ ...back, force: true }], id)).errors).toBeUndefined();
    const list = await w.graphql(
      '{ repository(owner:"org", name:"app") { refs(refPrefix:"refs/heads/", first:1) { totalCount nodes { name } pageInfo { hasNextPage } } } }',
    );
    expect(list.data).toEqual({
      repository: { refs: { totalCount: 2, nodes: [{ name: 'main' }], pageInfo: { hasNextPage: true } } },
    });
  });
});

describe('documents', () => {
  test.each([
    ['an unknown field', '{ repository(owner:"o", name:"n") { nonsense } }', 'Cannot query field "nonsense"'],
    ['a missing argument', '{ repository(owner:"o") { id } }', 'Field "repository" argument "name"'],
    ['no selection of an object', '{ repository(owner:"o", name:"n") }', 'must have a selection of subfields'],
    ['an unused variable', 'query($x: Int) { viewer { login } }', 'Variable "$x" is never used'],
    ['no document at all', '{ repository(', 'Syntax Error'],
  ])('trap 34: %s is refused, as the schema of GitHub refuses it', async (_, query, message) => {
    const done = await w.graphql(query);
    expect(done.errors?.[0]?.message).toContain(message);
    expect(done.data).toBeUndefined();
  });
  test('a variable of the wrong type, a page of more than 100', async () => {
    expect((await w.graphql(READ, { ...MAIN, owner: null })).errors?.[0]?.message).toContain('$owner');
    const big = READ.replace('first:20', 'first:101');
    expect((await w.graphql(big, MAIN)).errors?.[0]?.type).toBe('EXCESSIVE_PAGINATION');
  });
  test('a field that the schema has and the forge does not answer is an error and is recorded, never null', async () => {
    const done = await w.graphql('{ repository(owner:"org", name:"app") { id stargazerCount } }');
    expect(done.errors?.[0]?.message).toContain('Repository.stargazerCount');
    expect(w.forge.unknownRoutes()).toEqual(['GraphQL Repository.stargazerCount']);
  });
  test('without a token, with a wrong one', async () => {
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${w.forge.url}/graphql`, { method: 'POST', headers, body: '{"query":"{viewer{login}}"}' })).status;
    expect([
      await ask({}),
      await ask({ authorization: 'bearer x' }),
      await ask({ authorization: `bearer ${w.app}` }),
    ]).toEqual([401, 401, 200]);
  });
  test('a private repository without the permission to read contents', async () => {
    const token = w.forge.createToken({ permissions: { checks: 'read' } });
    expect((await w.graphql(READ, { ...MAIN, name: 'secret' }, token)).errors?.[0]?.type).toBe('FORBIDDEN');
  });
});
