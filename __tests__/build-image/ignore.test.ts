/** Ignore files that engines read in different ways: what any of them copies is hashed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { contextEntries } from '../../src/build-image/context.ts';
import { compileIgnore } from '../../src/build-image/ignore.ts';
import { inside } from './inprocess.ts';

const TREE = ['a.md', 'app.py', 'a/b', 'a/c', 'src/main.py', 'src/.py', 'src/x.py/y', 'src/other', 'lib/ab/c'];

async function hashed(ignore: string): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'ignore-'));
  try {
    for (const name of TREE) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), name);
    }
    const entries = await contextEntries(root, compileIgnore(ignore));
    return entries.flatMap((e) => (e.type === 'd' ? [] : [e.path])).sort();
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const without = (...names: string[]): string[] => TREE.filter((name) => !names.includes(name)).sort();
const PYTHON = ['app.py', 'src/.py', 'src/main.py', 'src/x.py/y'];

test.each<[string, string, string[]]>([
  // `**` with literals behind it: "ends with" to BuildKit, a whole name to the expression of others.
  ['a `!` includes by either reading', '*\n!**.py', PYTHON],
  ['a folder that ends so comes with all in it', 'src\n!**.py', without('src/other')],
  ['without a `!` only what both exclude', '**.py', without('src/.py')],
  ['with a slash in the ending', '*\n!**b/c', ['lib/ab/c']],
  ['behind `**/` both readings are one', '*\n!**/main.py', ['src/main.py']],
  // BuildKit does not try a pattern that cannot change the state, nor remembers it for the children.
  ['the last line is skipped for a folder that is out already', '*\n!src/main.py\nsrc', ['src/main.py']],
  ['the same folder twice', 'a\n!a/b\na', without('a/c')],
  [
    'a `!` on a folder that is not out: skipped, yet the plain reading includes',
    '!src\nsrc/*',
    without(...TREE.filter((n) => n.startsWith('src/'))),
  ],
  ['both at once', '*\n!**.py\nsrc', PYTHON],
])('T18 %s', async (_name, ignore, expected) => {
  expect(await hashed(ignore)).toEqual(expected);
});

test.each(['*\n!**.txt\n', '*\n!app/main.txt\napp\n'])(
  'T18 %j: a change of what is copied is built',
  async (ignore) => {
    await using i = await inside();
    await i.write({ '.dockerignore': ignore });
    const first = await i.run({ tags: 'raw:dev' });
    expect(first.message).toBe('');
    await i.write({ 'app/main.txt': 'two\n' });
    const next = await i.run({ tags: 'raw:dev' });
    expect(next.outputs).toMatchObject({ reused: false });
    expect(next.outputs.digest).not.toBe(first.outputs.digest);
  },
);
