import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemExec } from '../../../src/runner/index.ts';
import { ensureHelm } from '../../../tools/helm/index.ts';

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(tmpdir(), 'helm-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

test('four callers at once get one helm that runs, and a later one the same file', async () => {
  const paths = await Promise.all(Array.from({ length: 4 }, () => ensureHelm(cache)));
  expect(new Set(paths).size).toBe(1);
  const helm = paths[0] ?? '';
  const version = await systemExec(helm, ['version', '--short'], { timeout: 240 });
  expect(version.stdoutTail).toMatch(/^v[34]\./);
  if (!helm.startsWith(cache)) return;
  expect(await readdir(path.join(cache, 'bin'))).toEqual([path.basename(helm)]);
  const before = (await stat(helm)).mtimeMs;
  expect(await ensureHelm(cache)).toBe(helm);
  expect((await stat(helm)).mtimeMs).toBe(before);
});
