/** The contract of the config repository: commits and folders of earlier times, which the way back and the validation read. */
import { describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { importFile } from '../../lab/forge/store.ts';
import { codeOf, contractKit, FILES, signal, TRANSPORTS, text } from './contract-kit.ts';

const kit = contractKit();
const LIMITS = { files: 500, bytes: 5_000_000 };
const requests = (): number => kit.forge.requests().length + kit.door.calls.length;
const texts = (files: ReadonlyMap<string, Uint8Array | null>): [string, string | null][] =>
  [...files].map(([path, b]): [string, string | null] => [path, b && text(b)]).sort(([x], [y]) => (x < y ? -1 : 1));

/** So many commits of somebody else, quickly; each changes n.yaml. */
async function grow(commits: number): Promise<void> {
  const parts: Buffer[] = [];
  for (let i = 0; i < commits; i += 1) {
    const from = i === 0 ? 'from refs/heads/main^0\n' : '';
    parts.push(
      Buffer.from(
        `commit refs/heads/main\ncommitter p <p@example.org> ${1_700_000_000 + i} +0000\ndata 4\nmore\n${from}`,
      ),
      ...importFile('n.yaml', Buffer.from(`n: ${i}\n`)),
    );
  }
  await git(kit.path, ['fast-import', '--quiet', '--force'], Buffer.concat(parts));
}

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test('files of an older commit, byte by byte, whatever their mode; null for what is not there or no file', () =>
    kit.using(transport, async (r) => {
      const old = await kit.put('run.yaml', 'x: 1\n', '100755');
      await kit.put('a.yaml', 'tag: v2\n');
      await kit.put('run.yaml', 'x: 2\n', '100755');
      await r.read(['a.yaml'], signal);
      const paths = ['a.yaml', 'run.yaml', 'env/dev/b.yaml', 'nope.yaml', 'nope/x.yaml', 'env/dev'];
      expect([...(await r.readAt(old, paths, signal))].map(([path, b]) => [path, b && text(b)])).toEqual([
        ['a.yaml', 'tag: v1\n'],
        ['run.yaml', 'x: 1\n'],
        ['env/dev/b.yaml', '\ufeffx: 1\r\ny: 2'],
        ['nope.yaml', null],
        ['nope/x.yaml', null],
        ['env/dev', null],
      ]);
    }));

  test('files of an older commit without a read before, and of the head', () =>
    kit.using(transport, async (r) => {
      const old = await kit.tip();
      const head = await kit.put('a.yaml', 'tag: v2\n');
      expect(texts(await r.readAt(old, ['a.yaml'], signal))).toEqual([['a.yaml', 'tag: v1\n']]);
      expect(texts(await r.readAt(head, ['a.yaml'], signal))).toEqual([['a.yaml', 'tag: v2\n']]);
    }));

  test('a commit that is nowhere is no empty answer', () =>
    kit.using(transport, async (r) => {
      expect(await codeOf(r.readAt('1'.repeat(40), ['a.yaml'], signal))).toBe('E_CONFIG_UNREADABLE');
    }));

  test('a commit with its message, its time and its parents, also of a merge', () =>
    kit.using(transport, async (r) => {
      const first = await kit.tip();
      const second = await kit.put('a.yaml', 'tag: v2\n');
      const side = await kit.commit(`${first}^{tree}`, [first], 'side');
      const merge = await kit.commit(`${second}^{tree}`, [second, side], 'bump x\n\nwhy\n\nBump-Id: 1');
      await git(kit.path, ['update-ref', 'refs/heads/main', merge]);
      await r.read(['a.yaml'], signal);
      const time = async (oid: string): Promise<number> =>
        Number((await git(kit.path, ['log', '-1', '--format=%ct', oid])).toString()) * 1000;
      const found = await r.commitAt(merge, signal);
      expect(found).toMatchObject({ oid: merge, message: 'bump x\n\nwhy\n\nBump-Id: 1', parents: [second, side] });
      expect(Date.parse(found?.time ?? '')).toBe(await time(merge));
      expect(await r.commitAt(second, signal)).toMatchObject({ message: 'put a.yaml', parents: [first] });
      expect(await r.commitAt(side, signal)).toMatchObject({ oid: side, parents: [first] });
      expect(await r.commitAt(first, signal)).toMatchObject({ oid: first, message: 'initial', parents: [] });
    }));

  test('no commit: unknown, of another branch, taken off the branch, a short id, an option', () =>
    kit.using(transport, async (r) => {
      await git(kit.path, ['branch', 'other', 'main']);
      const other = await kit.put('o.yaml', 'o\n', '100644', 'other');
      const dropped = await kit.put('a.yaml', 'tag: v2\n');
      await r.read(['a.yaml'], signal);
      await git(kit.path, ['update-ref', 'refs/heads/main', `${dropped}^`]);
      const { head } = await r.read(['a.yaml'], signal);
      for (const id of ['1'.repeat(40), other, dropped, head.slice(0, 12), '--all', 'main'])
        expect([id, await r.commitAt(id, signal)]).toEqual([id, undefined]);
      expect(await r.commitAt(head, signal)).toMatchObject({ oid: head });
    }));

  test('the first of 700 commits is found, and what the run knew before it still holds', () =>
    kit.using(transport, async (r) => {
      const first = await kit.tip();
      await grow(700);
      const { head } = await r.read(['n.yaml'], signal);
      expect(await r.commitAt(first, signal)).toMatchObject({ oid: first, parents: [] });
      expect(texts(await r.readAt(first, ['a.yaml', 'n.yaml'], signal))).toEqual([
        ['a.yaml', 'tag: v1\n'],
        ['n.yaml', null],
      ]);
      const next = await kit.put('n.yaml', 'n: last\n');
      expect(await r.history(head, signal)).toMatchObject({ head: next, complete: true, commits: [{ oid: next }] });
      expect(texts(await r.readAt(next, ['n.yaml'], signal))).toEqual([['n.yaml', 'n: last\n']]);
    }));

  test('somebody goes back to an older tree: it is read whole', () =>
    kit.using(transport, async (r) => {
      const old = await kit.tip();
      await kit.put('env/dev/b.yaml', 'x: 2\n');
      const snapshot = await r.read(['a.yaml'], signal);
      await snapshot.log();
      await r.commitAt(old, signal);
      const back = await kit.commit(`${old}^{tree}`, [snapshot.head], 'back');
      await git(kit.path, ['update-ref', 'refs/heads/main', back]);
      const again = await r.read(['env/dev/b.yaml'], signal);
      expect([again.head, text(again.files.get('env/dev/b.yaml')?.bytes)]).toEqual([back, FILES['env/dev/b.yaml']]);
    }));

  describe('a folder', () => {
    test('all regular files below it, none of a link or submodule, none beside it', () =>
      kit.using(transport, async (r) => {
        await kit.put('env/dev/deep/er/c.yaml', 'c: 1\n');
        await kit.put('env/dev/run.sh', '#!/bin/sh\n', '100755');
        await kit.put('env/dev/link.yaml', '../../../../etc/passwd', '120000');
        await kit.put('env/dev/sub', '1'.repeat(40), '160000');
        await kit.put('env/devil/x.yaml', 'x\n');
        const old = await kit.put('env/dev/größe: 1.yaml', 'ä\n');
        await kit.put('env/dev/late.yaml', 'late\n');
        await r.read(['a.yaml'], signal);
        expect(texts(await r.folder(old, 'env/dev', LIMITS, signal))).toEqual([
          ['env/dev/b.yaml', '\ufeffx: 1\r\ny: 2'],
          ['env/dev/deep/er/c.yaml', 'c: 1\n'],
          ['env/dev/größe: 1.yaml', 'ä\n'],
          ['env/dev/run.sh', '#!/bin/sh\n'],
        ]);
      }));

    test('the root is a folder too', () =>
      kit.using(transport, async (r) => {
        const { head } = await r.read(['a.yaml'], signal);
        expect(texts(await r.folder(head, '', LIMITS, signal))).toEqual(Object.entries(FILES).sort());
      }));

    test.each(['nope', 'env/nope', 'a.yaml'])('%s is none', (path) =>
      kit.using(transport, async (r) => {
        const { head } = await r.read(['a.yaml'], signal);
        expect(await codeOf(r.folder(head, path, LIMITS, signal))).toBe('E_PATH_MISSING');
      }),
    );

    test('limits hold to the file and to the byte', () =>
      kit.using(transport, async (r) => {
        await kit.put('env/dev/d.yaml', '12345\n');
        const { head } = await r.read(['a.yaml'], signal);
        const size = Buffer.byteLength(FILES['env/dev/b.yaml']) + 6;
        const within = (files: number, max: number): Promise<unknown> =>
          r.folder(head, 'env/dev', { files, bytes: max }, signal);
        expect(await codeOf(within(2, size))).toBe('none');
        expect(await codeOf(within(1, size))).toBe('E_FILE_TOO_LARGE');
        expect(await codeOf(within(2, size - 1))).toBe('E_FILE_TOO_LARGE');
      }));

    test('150 files are a handful of requests', () =>
      kit.using(transport, async (r) => {
        const files = Array.from({ length: 150 }, (_, i) => importFile(`chart/t/${i}.yaml`, Buffer.from(`n: ${i}\n`)));
        const head = 'commit refs/heads/main\ncommitter p <p@example.org> 1700000000 +0000\ndata 4\nmany\n';
        const parts = [Buffer.from(`${head}from refs/heads/main^0\n`), ...files.flat()];
        await git(kit.path, ['fast-import', '--quiet'], Buffer.concat(parts));
        await r.read(['a.yaml'], signal);
        const before = requests();
        const found = await r.folder(await kit.tip(), 'chart', LIMITS, signal);
        expect([found.size, text(found.get('chart/t/149.yaml'))]).toEqual([150, 'n: 149\n']);
        expect(requests() - before).toBeLessThanOrEqual(5);
      }));
  });
});
