import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { hashContext } from '../../src/build-image/context.ts';
import { compileIgnore } from '../../src/build-image/ignore.ts';
import { ageBucket, type KeyParts, sourceKey } from '../../src/build-image/source-key.ts';
import { sha256 } from '../../src/oci/index.ts';

async function tree(): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'context-'));
  await mkdir(join(root, 'app'));
  await chmod(join(root, 'app'), 0o755);
  await writeFile(join(root, 'app/main.py'), 'print("hi")\n');
  await chmod(join(root, 'app/main.py'), 0o644);
  await symlink('app/main.py', join(root, 'run'));
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

const parts = (context: KeyParts['context']): KeyParts => ({
  tier: 'trusted',
  engine: 'auto',
  file: sha256('FROM scratch\nCOPY . /\n'),
  context,
  contexts: [],
  target: '',
  args: [['V', '1']],
  platforms: ['linux/amd64'],
  labels: [],
  secrets: [],
  options: [],
  attest: ['none', false],
  bases: [],
  bucket: null,
});
const all = compileIgnore('');

test('the vector of the specification is exact', async () => {
  await using t = await tree();
  const { digest, files } = await hashContext(t.root, all);
  expect(files).toBe(1);
  expect(digest).toBe('sha256:0e450e7da840ab7e7bd9e8de011c1cc88f710375ffdaa068ed0d8018ff373e9a');
  expect(sourceKey(parts(digest))).toEqual({
    source: 'f10e39afa8c6c5cfef07afd7d943e15a07410be30634536e7a05362d7f370149',
    key: '00689c3c5f5f771825b64323dde65758d1595d0a707872f1d4992bbc486b9878',
  });
});

test('T5 all times new -> same digest', async () => {
  await using t = await tree();
  const before = await hashContext(t.root, all);
  await utimes(join(t.root, 'app/main.py'), 1, 1);
  expect((await hashContext(t.root, all)).digest).toBe(before.digest);
});

test.each<[string, (root: string) => Promise<unknown>]>([
  ['chmod +x', (root) => chmod(join(root, 'app/main.py'), 0o755)],
  ['rename', (root) => rename(join(root, 'app/main.py'), join(root, 'app/main2.py'))],
  ['link target', (root) => rm(join(root, 'run')).then(() => symlink('app', join(root, 'run')))],
  ['new empty directory', (root) => mkdir(join(root, 'empty'))],
])('T6 %s -> new digest', async (_name, change) => {
  await using t = await tree();
  const before = await hashContext(t.root, all);
  await change(t.root);
  expect((await hashContext(t.root, all)).digest).not.toBe(before.digest);
});

test('T7 an ignored file changes -> same digest; T8 a generated file -> new one', async () => {
  await using t = await tree();
  const ignore = compileIgnore('*.log\n');
  const before = await hashContext(t.root, ignore);
  await writeFile(join(t.root, 'x.log'), 'noise');
  expect((await hashContext(t.root, ignore)).digest).toBe(before.digest);
  await writeFile(join(t.root, 'generated.py'), 'x = 1');
  expect((await hashContext(t.root, ignore)).digest).not.toBe(before.digest);
});

test('T9 .git in the context is seen and hashed', async () => {
  await using t = await tree();
  await mkdir(join(t.root, '.git'));
  expect((await hashContext(t.root, all)).hasGit).toBe(true);
  expect((await hashContext(t.root, compileIgnore('.git'))).hasGit).toBe(false);
});

test('a base, an argument, the tier and the bucket count; the order of arguments does not', () => {
  const base = parts(sha256('x'));
  const key = sourceKey(base);
  expect(sourceKey({ ...base, bases: [['a', sha256('1')]] })).toMatchObject({ source: key.source });
  expect(sourceKey({ ...base, bases: [['a', sha256('1')]] }).key).not.toBe(key.key);
  expect(sourceKey({ ...base, tier: 'pr' }).source).not.toBe(key.source);
  const two = (args: [string, string][]) => sourceKey({ ...base, args }).key;
  expect(
    two([
      ['A', '1'],
      ['B', '2'],
    ]),
  ).toBe(
    two([
      ['B', '2'],
      ['A', '1'],
    ]),
  );
});

test('the age bucket changes once in the time, at different moments for different images', () => {
  expect(ageBucket(0, undefined, 'a')).toBeNull();
  const hour = Array.from({ length: 3601 }, (_, s) => ageBucket(s, 3600, 'ghcr.io/o/app'));
  expect(new Set(hour).size).toBe(2);
});
