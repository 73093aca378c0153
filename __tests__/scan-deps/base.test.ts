/** The table of events, and the commits behind it in real repositories. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Deadline, type Exec, fakeClock, systemExec } from '../../src/runner/index.ts';
import { chooseBase, isUntrustedCheckout, wantsDiff } from '../../src/scan-deps/base/choose.ts';
import { eventFacts } from '../../src/scan-deps/base/event.ts';
import { type Base, type BaseWanted, openBase, type Store } from '../../src/scan-deps/base/open.ts';
import { findPlace } from '../../src/scan-deps/base/place.ts';
import { baseSide, readBase } from '../../src/scan-deps/base/side.ts';
import { discover } from '../../src/scan-deps/discover/files.ts';
import { openWorkspace } from '../../src/scan-deps/discover/workspace.ts';

const oid = (digit: string): string => digit.repeat(40);
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map(oid) as [string, string, string, string];

describe('trap 23: the table of events', () => {
  test.each([
    ['pull_request', 'diff'],
    ['pull_request_target', 'diff'],
    ['merge_group', 'diff'],
    ['push', 'full'],
    ['schedule', 'full'],
    ['workflow_dispatch', 'full'],
    ['release', 'full'],
    ['', 'full'],
  ])('auto on %s means %s; full and diff are what they say', (event, mode) => {
    expect(wantsDiff('auto', event)).toBe(mode === 'diff');
    expect([wantsDiff('full', event), wantsDiff('diff', event)]).toEqual([false, true]);
  });

  const pull = { pull_request: { base: { sha: B }, head: { sha: C } } };
  const merge = { oid: A, parents: [D, C] };
  test.each<[string, string, string, object, { oid: string; parents: string[] }, object]>([
    ['the merge commit', 'pull_request', A, pull, merge, { name: D, from: 'first parent of the merge commit' }],
    ['the head, itself a merge', 'pull_request', A, pull, { oid: C, parents: [D, B] }, { name: B }],
    ['a head that the runner takes for GITHUB_SHA', 'pull_request', C, pull, { oid: C, parents: [D, B] }, { name: B }],
    ['GITHUB_SHA with one parent', 'pull_request', A, pull, { oid: A, parents: [D] }, { name: B }],
    ['an octopus', 'pull_request', A, pull, { oid: A, parents: [D, C, B] }, { name: B }],
    ['target, whatever is checked out', 'pull_request_target', A, pull, merge, { name: B }],
    ['a payload without base', 'pull_request', A, {}, { oid: C, parents: [] }, { kind: 'missing' }],
    [
      'a base that is no commit id',
      'pull_request',
      '',
      { pull_request: { base: { sha: '--upload-pack=x' } } },
      merge,
      { kind: 'missing' },
    ],
    ['the merge queue', 'merge_group', A, { merge_group: { base_sha: B } }, merge, { name: B }],
    ['the merge queue without base_sha', 'merge_group', A, { merge_group: {} }, merge, { kind: 'missing' }],
    ['a push', 'push', A, { before: B }, merge, { name: B, optional: true }],
    ['a new branch', 'push', A, { before: '0'.repeat(40) }, merge, { kind: 'full' }],
    ['a forced push', 'push', A, { before: B, forced: true }, merge, { kind: 'full' }],
    ['a push without before', 'push', A, {}, merge, { kind: 'missing' }],
    ['a schedule', 'schedule', A, {}, merge, { kind: 'required' }],
    [
      'a payload of another shape',
      'push',
      A,
      { before: 7, pull_request: 'x', merge_group: null },
      merge,
      { kind: 'missing' },
    ],
  ])('%s', (_name, event, sha, payload, head, wanted) => {
    expect(chooseBase(undefined, eventFacts(event, sha, payload), head)).toMatchObject(wanted);
    expect(chooseBase('main', eventFacts(event, sha, payload), head)).toMatchObject({ name: 'main' });
  });

  test.each<[string, string, { oid: string; parents: string[] }, boolean]>([
    ['the head', 'pull_request_target', { oid: C, parents: [A] }, true],
    ['the merge commit', 'pull_request_target', merge, true],
    ['the base', 'pull_request_target', { oid: B, parents: [A] }, false],
    ['a pull request without secrets', 'pull_request', { oid: C, parents: [A] }, false],
  ])('is an untrusted checkout: %s', (_name, event, head, wanted) => {
    expect(isUntrustedCheckout(eventFacts(event, B, pull), head)).toBe(wanted);
  });
});

describe('in a repository', () => {
  let folder: string;
  let calls: string[][];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'scan-base-'));
    mkdirSync(join(folder, 'home'));
    calls = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const env = (): Record<string, string> => ({
    PATH: process.env.PATH ?? '',
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'd',
    GIT_AUTHOR_EMAIL: 'd@example.com',
    GIT_COMMITTER_NAME: 'd',
    GIT_COMMITTER_EMAIL: 'd@example.com',
  });
  async function git(cwd: string, ...args: string[]): Promise<string> {
    const result = await systemExec('git', ['-c', 'protocol.file.allow=always', ...args], { cwd, env: env() });
    if (result.code !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderrTail}`);
    return result.stdoutTail.trim();
  }
  async function repository(name: string, files: Record<string, string> = {}): Promise<string> {
    const root = join(folder, name);
    mkdirSync(root, { recursive: true });
    await git(root, 'init', '-q', '-b', 'main', '.');
    await commit(root, files);
    return root;
  }
  async function commit(root: string, files: Record<string, string | null>): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      const at = join(root, path);
      mkdirSync(dirname(at), { recursive: true });
      if (text === null) rmSync(at);
      else writeFileSync(at, text);
    }
    await git(root, 'add', '-A');
    await git(root, 'commit', '-q', '--allow-empty', '-m', 'x');
    return git(root, 'rev-parse', 'HEAD');
  }
  const spying: Exec = (file, args, options) => {
    calls.push([...args]);
    return systemExec(file, args, options);
  };
  async function open(
    root: string,
    wanted: Partial<BaseWanted>,
    over: { exec?: Exec; env?: object } = {},
  ): Promise<Base> {
    using deadline = new Deadline(60, fakeClock());
    return openBase(
      { mode: 'diff', paths: ['.'], ...wanted },
      { exec: over.exec ?? spying, env: { ...env(), ...over.env }, root, home: join(folder, 'home'), deadline },
    );
  }
  async function side(root: string, wanted: Partial<BaseWanted>) {
    const base = await open(root, wanted);
    if (base.mode !== 'diff') throw new Error(base.why);
    const paths = wanted.paths ?? ['.'];
    const { reports } = await discover(paths, [], openWorkspace(root, systemExec, env()));
    const found = await baseSide({ paths, exclude: [] }, base.store, reports);
    return {
      store: base.store as Store,
      unread: found.unread,
      deps: found.deps.map((d) => `${d.file} ${d.name} ${d.version}`).sort(),
    };
  }
  const fetched = (): string[][] => calls.filter((args) => args.includes('fetch'));

  test('a branch, a tag, a short id, a full ref, a branch of the origin', async () => {
    const root = await repository('work', { 'requirements.txt': 'a==1\n' });
    const first = await git(root, 'rev-parse', 'HEAD');
    await git(root, 'tag', '-m', 'v1', 'v1');
    await git(root, 'branch', 'stable');
    await git(root, 'update-ref', 'refs/remotes/origin/far', first);
    await commit(root, { 'requirements.txt': 'a==2\n' });
    for (const base of ['v1', 'stable', first, first.slice(0, 10), 'refs/heads/stable', 'origin/far', 'far']) {
      expect(await open(root, { base })).toMatchObject({ mode: 'diff', sha: first });
    }
    expect(fetched()).toEqual([]);
    expect(await open(root, { base: 'main' })).toMatchObject({ mode: 'full', notices: [{ code: 'W_FULL_SCAN' }] });
  });

  test('a base that is not here is fetched once; a clone that has all history keeps it', async () => {
    const far = await repository('far', { 'requirements.txt': 'a==1\n' });
    const root = join(folder, 'work');
    await git(folder, 'clone', '-q', far, root);
    await commit(root, { 'requirements.txt': 'a==3\n' });
    const late = await commit(far, { 'requirements.txt': 'a==2\n' });
    const byBranch = await open(root, { base: 'main2' }).catch((error: Error) => error);
    expect(byBranch).toMatchObject({ code: 'E_INPUT' });
    await git(far, 'branch', 'late');
    calls = [];
    expect(await open(root, { base: 'late' })).toMatchObject({ mode: 'diff', sha: late });
    expect(fetched()).toHaveLength(1);
    expect(fetched()[0]).not.toContain('--depth=1');
    expect(await git(root, 'rev-parse', '--is-shallow-repository')).toBe('false');
    expect((await side(root, { base: late })).deps).toEqual(['requirements.txt a 2']);
  });

  test('a shallow clone fetches one commit, without what leads to it', async () => {
    const far = await repository('far', { 'requirements.txt': 'a==1\n' });
    const old = await commit(far, { 'requirements.txt': 'a==2\n' });
    await commit(far, { 'requirements.txt': 'a==3\n' });
    const root = join(folder, 'work');
    await git(folder, 'clone', '-q', '--depth=1', `file://${far}`, root);
    expect((await side(root, { base: old })).deps).toEqual(['requirements.txt a 2']);
    expect(fetched()[0]?.join(' ')).toMatch(/ fetch --no-tags --depth=1 .*--end-of-options origin [0-9a-f]{40}$/);
    expect(await git(root, 'rev-list', '--count', old)).toBe('1');
  });

  test.each([
    ['no remote', undefined, 'there is no remote origin'],
    ['an address that names a program', 'ext::sh -c "touch hacked"', 'of no known kind'],
    ['an address of an unknown scheme', 'foo://host/x', 'of no known kind'],
    ['nobody there', 'http://127.0.0.1:1/x.git', 'could not be fetched'],
    ['a password in the address', 'http://user:hunter2@127.0.0.1:1/x.git', 'could not be fetched'],
  ])('E_DIFF_BASE: %s', async (_name, url, why) => {
    const root = await repository('work', { 'requirements.txt': 'a==1\n' });
    if (url !== undefined) await git(root, 'remote', 'add', 'origin', url);
    const error = (await open(root, { base: A }).catch((e: Error) => e)) as Error;
    expect(error).toMatchObject({ code: 'E_DIFF_BASE' });
    expect(error.message).toContain(why);
    expect(error.message).not.toContain('hunter2');
  });

  test('no checkout of git, no git, no base named', async () => {
    mkdirSync(join(folder, 'plain'));
    await expect(open(join(folder, 'plain'), { base: A })).rejects.toMatchObject({ code: 'E_DIFF_BASE' });
    const root = await repository('work');
    const exec: Exec = () => Promise.reject(new Error('ENOENT'));
    await expect(open(root, { base: A }, { exec })).rejects.toMatchObject({ code: 'E_DIFF_BASE' });
    await expect(open(root, {})).rejects.toMatchObject({ code: 'E_INPUT' });
    expect(await open(root, { mode: 'full' }, { exec })).toMatchObject({ mode: 'full', notices: [] });
  });

  test('git is sealed: no hook, no monitor, no helper of the scanned tree runs', async () => {
    const far = await repository('far', { 'requirements.txt': 'a==1\n' });
    const old = await git(far, 'rev-parse', 'HEAD');
    await commit(far, { 'requirements.txt': 'a==2\n' });
    const root = join(folder, 'work');
    await git(folder, 'clone', '-q', '--depth=1', `file://${far}`, root);
    const trap = join(folder, 'trap.sh');
    writeFileSync(trap, `#!/bin/sh\ntouch ${join(folder, 'sprung')}\n`, { mode: 0o755 });
    mkdirSync(join(root, '.git/hooks'), { recursive: true });
    for (const hook of ['post-checkout', 'reference-transaction', 'pre-auto-gc', 'post-rewrite']) {
      symlinkSync(trap, join(root, '.git/hooks', hook));
    }
    writeFileSync(join(root, '.gitattributes'), '* diff=x filter=x\n');
    for (const key of [
      'core.fsmonitor',
      'remote.origin.uploadpack',
      'diff.x.command',
      'diff.x.textconv',
      'diff.external',
    ]) {
      await git(root, '-c', 'core.fsmonitor=false', 'config', key, trap);
    }
    rmSync(join(folder, 'sprung'), { force: true });
    const base = await open(root, { base: old });
    expect(base).toMatchObject({ mode: 'diff', sha: old });
    if (base.mode === 'diff') await baseSide({ paths: ['.'], exclude: [] }, base.store, []);
    expect(() => rmSync(join(folder, 'sprung'))).toThrow('ENOENT');
  });

  test('a checkout below the workspace, and two of them', async () => {
    const root = await repository('ws/service', { 'requirements.txt': 'a==1\n', 'lib/requirements.txt': 'b==1\n' });
    const first = await git(root, 'rev-parse', 'HEAD');
    await commit(root, { 'requirements.txt': 'a==2\n' });
    await repository('ws/other');
    const workspace = join(folder, 'ws');
    const found = await side(workspace, { base: first, paths: ['service'] });
    expect(found.deps).toEqual(['service/lib/requirements.txt b 1', 'service/requirements.txt a 1']);
    expect((await side(workspace, { base: first, paths: ['service/lib'] })).deps).toHaveLength(1);
    await expect(open(workspace, { base: first, paths: ['service', 'other'] })).rejects.toMatchObject({
      code: 'E_DIFF_BASE',
    });
    expect(findPlace(root, ['.'])?.toTree('lib/x')).toBe('lib/x');
    expect(findPlace(join(root, 'lib'), ['.'])).toBeUndefined();
  });

  test('links, submodules, files that were not there, folders that became files', async () => {
    const sub = await repository('sub', { 'requirements.txt': 's==1\n' });
    const root = await repository('work', { 'real/x.txt': 'a==1\n', 'pins/requirements.txt': 'p==1\n' });
    symlinkSync('real/x.txt', join(root, 'requirements.txt'));
    symlinkSync('../../outside', join(root, 'out-requirements.txt'));
    symlinkSync('loop-requirements.txt', join(root, 'loop-requirements.txt'));
    await git(root, 'submodule', '--quiet', 'add', sub, 'sub');
    const first = await commit(root, {});
    await git(root, 'rm', '-q', '--cached', 'pins/requirements.txt');
    rmSync(join(root, 'pins'), { recursive: true });
    rmSync(join(root, 'loop-requirements.txt'));
    rmSync(join(root, 'out-requirements.txt'));
    await commit(root, { 'new/requirements.txt': 'n==1\n' });
    const found = await side(root, { base: first, paths: ['.', 'new/requirements.txt'] });
    expect(found.deps).toEqual(['pins/requirements.txt p 1', 'requirements.txt a 1', 'sub/requirements.txt s 1']);
    expect(found.unread.sort()).toEqual(['loop-requirements.txt', 'out-requirements.txt']);
    expect(Buffer.from((await readBase(found.store, 'real/x.txt')) as Uint8Array).toString()).toBe('a==1\n');
    expect(await readBase(found.store, 'gone')).toBe('missing');
    // A submodule that moved cannot be read at the base.
    await commit(join(root, 'sub'), { 'requirements.txt': 's==2\n' });
    await commit(root, {});
    const moved = await side(root, { base: first });
    expect([moved.unread, moved.deps.filter((d) => d.startsWith('sub'))]).toEqual([
      expect.arrayContaining(['sub']),
      [],
    ]);
  });

  test('renames: into another folder, of an included file, not what only looks alike elsewhere', async () => {
    const many = (version: string): string =>
      `${Array.from({ length: 20 }, (_, i) => `p${i}==1`).join('\n')}\nq==${version}\n`;
    const root = await repository('work', {
      'a/requirements.txt': '-r more.pip\n',
      'a/more.pip': many('1'),
      'c/requirements.txt': many('7'),
    });
    const first = await git(root, 'rev-parse', 'HEAD');
    await commit(root, {
      'a/requirements.txt': null,
      'a/more.pip': null,
      'b/requirements.txt': '-r more.pip\n',
      'b/more.pip': many('2'),
    });
    const { deps } = await side(root, { base: first, paths: ['b'] });
    expect(deps.filter((d) => !/ p\d/.test(d))).toEqual(['b/more.pip q 1']);
    const all = await side(root, { base: first });
    expect(all.deps.filter((d) => d.includes(' q '))).toEqual(['b/more.pip q 1', 'c/requirements.txt q 7']);
  });
});
