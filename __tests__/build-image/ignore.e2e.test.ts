/** T18: what our matcher keeps of a tree against what the engines copy, for every ignore file of the list. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { contextEntries } from '../../src/build-image/context.ts';
import { compileIgnore } from '../../src/build-image/ignore.ts';
import { systemExec } from '../../src/runner/index.ts';

const TREE = [
  'README.md',
  'a.md',
  'abs',
  'x',
  '#x',
  '!bang',
  'a/b',
  'a/c',
  'a/README.md',
  'a/c1/d/b',
  'a/c1/x',
  'b/x/y',
  'b/x.txt',
  'docs/one.md',
  'docs/two.txt',
  'docs/sub/three.md',
  'src/main.py',
  'src/main.pyc',
  'src/__pycache__/m.pyc',
  'src/lib/__pycache__/n.pyc',
  'build/out.bin',
  'build/keep/me.txt',
  'node_modules/p/index.js',
  'ab',
  'ac',
  '[z]',
  'a b/c d',
  '.env',
  '.config/y',
  'deep/er/and/deeper/file',
  'ü/ö',
];

const IGNORES = [
  '',
  '*.md\n!README.md',
  '!README.md\n*.md',
  '**/x',
  'a/**/b',
  ' #x',
  '#x',
  '\\#x',
  '/abs',
  'a/',
  '[!a]*',
  '[^a]b',
  'build\n!build/keep/me.txt',
  'build/*\n!build/keep',
  '*\n!src',
  '*\n!src/main.py',
  '**\n!src/**',
  '*\n!src\nsrc/*.pyc',
  '**/*.pyc',
  '**/__pycache__',
  '**/__pycache__/',
  '**/__pycache__/**',
  '*.txt',
  '**/*.txt',
  '*/*.txt',
  '?',
  'a?',
  '[ab]',
  '[a-c]b',
  'docs',
  'docs/',
  './docs',
  '/docs/',
  'docs/*',
  'docs/**',
  'docs/**/*.md',
  'docs/../src',
  '**/three.md',
  '**/sub',
  'deep/**/file',
  'deep/*/and',
  'deep/er/**',
  '**/deeper/**',
  '.env',
  '.*',
  '**/.*',
  '\\!bang',
  '!*',
  '*\n!.env\n.env',
  'node_modules',
  '*/node_modules',
  '**/node_modules',
  'a b',
  'a b/c d',
  'ü',
  '\u00fc/*',
  '\ufeffx',
  'x\r\na.md\r\n',
  '   x   ',
  '\n\n# comment\n\nx\n',
  'src/**/*.pyc\n!src/lib/**',
  '*\n!a\na/c1\n!a/c1/x',
  '.',
  '/',
  '**',
  '*\n!**/*.md',
  'b/x*',
  'b/x',
  'a/c?',
  '\\[z\\]',
  '*\n!**.py',
  '*\n!src/main.py\nsrc',
  'a\n!a/b\na',
];

// buildah does not look into an ignored folder for what `!**/…` includes again, takes `**.py` for `**/.py`, and lets the
// last line win where BuildKit skips it. We hash what either copies: a miss too many at worst.
const BUILDAH_KEEPS_LESS = ['*\n!**/*.md', '*\n!**.py', '*\n!src/main.py\nsrc', 'a\n!a/b\na'];

let root: string;
let tree: string;
const host = process.env.BUILDKIT_HOST ?? '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ignore-'));
  tree = join(root, 'tree');
  for (const name of TREE) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), name);
  }
  await symlink('docs/one.md', join(tree, 'link.md'));
  await mkdir(join(root, 'df'));
  await writeFile(join(root, 'df/Dockerfile'), 'FROM scratch\nCOPY . /\n');
  if (host !== '') {
    await systemExec('buildx', ['create', '--name', 'ignore-test', '--driver', 'remote', host], { env: environment() });
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

function environment(): Record<string, string | undefined> {
  return { ...process.env, BUILDX_CONFIG: join(root, 'buildx'), STORAGE_DRIVER: 'vfs' };
}

/** Files and links, sorted. An engine that keeps nothing fails on COPY: that is an empty list. */
async function copied(program: string, args: readonly string[]): Promise<string[]> {
  const out = join(root, 'out');
  await rm(out, { recursive: true, force: true });
  await mkdir(out);
  const result = await systemExec(program, [...args, '--output', `type=local,dest=${out}`, tree], {
    env: environment(),
  });
  const nothing = /no items matching|no such file or directory|excluded|not found|all files were/i;
  if (result.code !== 0 && !nothing.test(result.stderrTail)) throw new Error(result.stderrTail);
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => !e.isDirectory())
    .map((e) => join(e.parentPath, e.name).slice(out.length + 1))
    .sort();
}

async function ours(ignore: string): Promise<string[]> {
  const entries = await contextEntries(tree, compileIgnore(ignore));
  return entries.flatMap((e) => (e.type === 'd' ? [] : [e.path])).sort();
}

test('there are at least 60 ignore files', () => {
  expect(new Set(IGNORES).size).toBeGreaterThanOrEqual(60);
});

describe.each(IGNORES)('%j', (ignore) => {
  test('buildah copies what is hashed', async () => {
    const file = join(root, 'ignore');
    await writeFile(file, ignore);
    const args = ['build', '--isolation', 'chroot', '--ignorefile', file, '-f', join(root, 'df/Dockerfile')];
    const kept = await copied('buildah', args);
    expect(await ours(ignore)).toEqual(BUILDAH_KEEPS_LESS.includes(ignore) ? expect.arrayContaining(kept) : kept);
  });

  // A further test where somebody runs a BuildKit: it is in no package of Debian.
  const withBuildKit: (name: string, body: () => Promise<void>) => void = host === '' ? () => {} : test;
  withBuildKit('BuildKit copies what is hashed (needs BUILDKIT_HOST and buildx)', async () => {
    await writeFile(join(root, 'df/Dockerfile.dockerignore'), ignore);
    const args = ['build', '--builder', 'ignore-test', '--file', join(root, 'df/Dockerfile')];
    expect(await ours(ignore)).toEqual(await copied('buildx', args));
  });
});
