/** The contract of the config repository, for each transport, against real Git repositories behind the forge. */
import { describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import type { ActionError } from '../../src/runner/index.ts';
import { bytes, codeOf, contractKit, signal, TRANSPORTS, text, want } from './contract-kit.ts';

const kit = contractKit();

describe.each(TRANSPORTS)('transport %s', (transport) => {
  const write =
    transport === 'github'
      ? { operation: 'BumpCommit' }
      : { method: transport === 'git over SSH' ? 'SSH' : 'POST', path: /git-receive-pack$/ };
  const read = transport === 'github' ? { operation: 'BumpRead' } : { path: /info\/refs$|git-upload-pack$/ };

  test('reads all files from one commit, byte by byte; what is not there is null', () =>
    kit.using(transport, async (r) => {
      const snapshot = await r.read(['a.yaml', 'env/dev/b.yaml', 'nope/x.yaml'], signal);
      expect(snapshot.head).toBe(await kit.tip());
      expect([...snapshot.files].map(([p, f]) => [p, f && text(f.bytes), f?.mode])).toEqual([
        ['a.yaml', 'tag: v1\n', '100644'],
        ['env/dev/b.yaml', '\ufeffx: 1\r\ny: 2', '100644'],
        ['nope/x.yaml', null, undefined],
      ]);
    }));

  test('a commit has the head as its one parent, the message, and nothing else changed', () =>
    kit.using(transport, async (r) => {
      const { head } = await r.read(['env/dev/b.yaml'], signal);
      const result = await r.commit(want(head, 'x: 2\r\n', 'env/dev/b.yaml'), signal);
      expect(result).toMatchObject({ kind: 'committed', verified: transport === 'github' });
      expect(result.kind === 'committed' && result.oid).toBe(await kit.tip());
      expect((await git(kit.path, ['log', '-1', '--format=%P%n%B', 'main'])).toString().trim()).toBe(
        `${head}\nbump x\n\nwhy\n\nBump-Id: id-1`,
      );
      expect((await git(kit.path, ['diff', '--name-status', head, 'main'])).toString()).toBe('M\tenv/dev/b.yaml\n');
      expect((await git(kit.path, ['show', 'main:env/dev/b.yaml'])).toString()).toBe('x: 2\r\n');
      expect((await git(kit.path, ['fsck', '--strict'])).toString()).not.toContain('error');
    }));

  test('somebody was faster: conflict, and their commit stays', () =>
    kit.using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      const theirs = await kit.put('a.yaml', 'tag: theirs\n');
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('conflict');
      expect(await kit.tip()).toBe(theirs);
    }));

  test('the race is lost inside the write: conflict or unknown, never lost', () =>
    kit.using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      let theirs = '';
      const meanwhile = async (): Promise<void> => {
        theirs = await kit.put('a.yaml', 'tag: theirs\n');
      };
      kit.forge.faults.add({ match: write, meanwhile });
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('conflict');
      expect(await kit.tip()).toBe(theirs);
    }));

  test('history sees every commit since an earlier head, over several reads', () =>
    kit.using(transport, async (r) => {
      const first = await r.read(['a.yaml'], signal);
      const made = [await kit.put('a.yaml', 'tag: 1\n'), await kit.put('b.yaml', 'b\n')];
      await r.read(['a.yaml'], signal);
      made.push(await kit.put('a.yaml', 'tag: 2\n'));
      const second = await r.read(['a.yaml'], signal);
      const history = await r.history(first.head, signal);
      expect(history.commits.map((c) => c.oid)).toEqual([...made].reverse());
      expect([history.head, history.complete]).toEqual([second.head, true]);
      expect((await r.history(second.head, signal)).commits).toEqual([]);
    }));

  test('a rewritten branch: the history says that it is not complete', () =>
    kit.using(transport, async (r) => {
      const root = await kit.tip();
      await kit.put('a.yaml', 'tag: 1\n');
      const { head } = await r.read(['a.yaml'], signal);
      await git(kit.path, ['update-ref', 'refs/heads/main', root]);
      await kit.put('a.yaml', 'tag: other\n');
      expect((await r.history(head, signal)).complete).toBe(false);
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('conflict');
      const again = await r.read(['a.yaml'], signal);
      expect(text(again.files.get('a.yaml')?.bytes)).toBe('tag: other\n');
    }));

  test('the log holds the messages of commits before the head', () =>
    kit.using(transport, async (r) => {
      await kit.put('a.yaml', 'tag: 1\n');
      const snapshot = await r.read(['a.yaml'], signal);
      expect((await snapshot.log()).map((c) => c.message)).toEqual(['put a.yaml', 'initial']);
    }));

  test('the answer is lost after the effect: never an error; the history has our id; sending again does not write twice', () =>
    kit.using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      kit.forge.faults.add({ match: write, reset: 'after' });
      const sent = want(head, 'tag: ours\n');
      expect(['unknown', 'conflict']).toContain((await r.commit(sent, signal)).kind);
      const { commits } = await r.history(head, signal);
      expect(commits.map((c) => c.message.includes('Bump-Id: id-1'))).toEqual([true]);
      expect(['committed', 'conflict']).toContain((await r.commit(sent, signal)).kind);
      expect(await kit.tip()).toBe(commits[0]?.oid);
    }));

  test('502 before the effect is unknown, and the history shows that nothing landed', () =>
    kit.using(transport, async (r) => {
      const { head } = await r.read(['a.yaml'], signal);
      kit.forge.faults.add({ match: write, answer: { status: 502 } });
      expect((await r.commit(want(head, 'tag: ours\n'), signal)).kind).toBe('unknown');
      expect(await r.history(head, signal)).toEqual({ head, commits: [], complete: true });
    }));

  test('a read that fails for a moment is repeated', () =>
    kit.using(transport, async (r) => {
      kit.forge.faults.add({ match: read, answer: { status: 502 } });
      kit.forge.faults.add({ match: read, skip: 1, reset: 'before' });
      expect(text((await r.read(['a.yaml'], signal)).files.get('a.yaml')?.bytes)).toBe('tag: v1\n');
    }));

  test.each([
    ['a symbolic link', '120000', 'a.yaml'],
    ['a submodule', '160000', '1'.repeat(40)],
  ])('trap 36: %s is refused', (_name, mode, content) =>
    kit.using(transport, async (r) => {
      await kit.put('odd.yaml', content, mode);
      expect(await codeOf(r.read(['odd.yaml'], signal))).toBe('E_FILE_MODE');
    }),
  );

  test('trap 36: a folder is refused', () =>
    kit.using(transport, async (r) => {
      await kit.put('dir.yaml/x', 'x');
      expect(await codeOf(r.read(['dir.yaml'], signal))).toBe('E_FILE_MODE');
    }));

  test('trap 37: an executable file is kept by git, and refused where the bit would be lost', () =>
    kit.using(transport, async (r) => {
      await kit.put('run.yaml', 'tag: v1\n', '100755');
      const snapshot = await r.read(['run.yaml'], signal).catch((error: unknown) => (error as ActionError).code);
      if (transport === 'github') return expect(snapshot).toBe('E_FILE_MODE');
      if (typeof snapshot === 'string') throw new Error(snapshot);
      const changes = [{ path: 'run.yaml', mode: '100755', bytes: bytes('tag: v2\n') }];
      expect((await r.commit({ ...want(snapshot.head, ''), changes }, signal)).kind).toBe('committed');
      expect((await git(kit.path, ['ls-tree', 'main', 'run.yaml'])).toString()).toMatch(/^100755 /);
    }));

  test('trap 38: a file of 600 kB is read whole', () =>
    kit.using(transport, async (r) => {
      const big = `x: ${'é'.repeat(300_000)}\n`;
      await kit.put('big.yaml', big);
      expect(text((await r.read(['big.yaml'], signal)).files.get('big.yaml')?.bytes)).toBe(big);
    }));

  test('what is not there, not allowed or protected is refused by name; no secret in any message', async () => {
    const reader = kit.createToken({ contents: 'read' });
    expect(await codeOf(kit.using(transport, (r) => r.read(['a.yaml'], signal), { branch: 'nope' }))).toBe(
      'E_BRANCH_NOT_FOUND',
    );
    expect(await codeOf(kit.using(transport, (r) => r.read(['a.yaml'], signal), { name: 'nope' }))).toBe(
      'E_REPOSITORY_NOT_FOUND',
    );
    const bad = await kit
      .using(transport, (r) => r.read(['a.yaml'], signal), { token: 'ghs_secret' })
      .catch((error: unknown) => error as ActionError);
    expect(bad).toMatchObject({ code: 'E_PERMISSION_MISSING' });
    expect(JSON.stringify([(bad as ActionError).message, (bad as ActionError).facts])).not.toContain('ghs_secret');
    const head = await kit.tip();
    const refused = kit.using(
      transport,
      (r) => r.read(['a.yaml'], signal).then(() => r.commit(want(head, 'x'), signal)),
      {
        token: reader,
      },
    );
    expect(await codeOf(refused)).toBe('E_PERMISSION_MISSING');
    kit.forge.repository(`org/${kit.name}`).rulesets.push({
      id: 1,
      name: 'main',
      target: 'branch',
      enforcement: 'active',
      rules: [{ type: 'pull_request' }],
    });
    const ruled = kit.using(transport, (r) => r.read(['a.yaml'], signal).then(() => r.commit(want(head, 'x'), signal)));
    expect(await codeOf(ruled)).toBe('E_BRANCH_PROTECTED');
    expect(await kit.tip()).toBe(head);
  });
});
