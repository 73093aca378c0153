import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Exec, systemExec } from '../../../src/runner/index.ts';
import { ensurePython } from '../../../tools/python-env/index.ts';
import { findInterpreter, isNewEnough, versionOf } from '../../../tools/python-env/interpreter.ts';
import { withLock } from '../../../tools/python-env/lock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'python-env-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('interpreter', () => {
  test.each([
    ['3.11.0', true],
    ['3.14.2', true],
    ['4.0.0', true],
    ['3.10.13', false],
    ['2.7.18', false],
  ])('%s is new enough: %s', (version, good) => {
    expect(isNewEnough(version)).toBe(good);
  });

  test('an old one, a broken shim and a missing one are passed over', async () => {
    const script = async (name: string, body: string): Promise<string> => {
      const file = path.join(folder, name);
      await writeFile(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return file;
    };
    const old = await script('old', 'echo 3.10.1');
    const shim = await script('shim', 'echo 3.12.0; exit 127');
    const good = await script('good', 'echo 3.12.1');
    const names = [old, shim, path.join(folder, 'missing'), good];
    expect(await findInterpreter(systemExec, names)).toEqual({ command: good, version: '3.12.1' });
    expect(await findInterpreter(systemExec, names.slice(0, 3))).toBeUndefined();
  });

  test('a program that prints something else has no version', async () => {
    const exec: Exec = async () => ({ ...(await systemExec('true', [])), stdoutTail: 'hello' });
    expect(await versionOf('anything', exec)).toBeUndefined();
  });
});

describe('lock', () => {
  test('bodies never overlap', async () => {
    let inside = 0;
    let most = 0;
    const body = async (): Promise<void> => {
      inside++;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };
    await Promise.all(Array.from({ length: 4 }, () => withLock(path.join(folder, 'a'), 20, body)));
    expect(most).toBe(1);
    expect(await readdir(folder)).not.toContain('a.lock');
  });

  test('a lock of a process that is gone is taken over, one of a living process is waited for', async () => {
    const gone = path.join(folder, 'gone.lock');
    await mkdir(gone);
    // Above the largest process id of Linux.
    await writeFile(path.join(gone, 'pid'), '4194305');
    expect(await withLock(path.join(folder, 'gone'), 5, async () => 'done')).toBe('done');
    const held = path.join(folder, 'held.lock');
    await mkdir(held);
    await writeFile(path.join(held, 'pid'), String(process.pid));
    const waiting = withLock(path.join(folder, 'held'), 0.3, async () => 'done');
    await expect(waiting).rejects.toMatchObject({ code: 'E_TIMEOUT' });
  });

  test('an old lock without an owner is taken over', async () => {
    const lock = path.join(folder, 'empty.lock');
    await mkdir(lock);
    await utimes(lock, 1, 1);
    expect(await withLock(path.join(folder, 'empty'), 5, async () => 'done')).toBe('done');
  });

  test('the lock goes also when the body throws', async () => {
    const failing = withLock(path.join(folder, 'b'), 5, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(folder)).not.toContain('b.lock');
  });
});

test('the prepared Python has everything that the service and its tests import', async () => {
  const cache = fileURLToPath(new URL('../../../.lab', import.meta.url));
  const [first, second] = await Promise.all([1, 2].map(() => ensurePython(cache, { info: () => {} })));
  expect(second).toEqual(first);
  const code = 'import aiohttp, numpy, PIL, prometheus_client, pytest, coverage, flake8';
  const result = await systemExec(first?.python ?? '', ['-I', '-c', code], { timeout: 240 });
  expect(result.stderrTail).toBe('');
  expect(result.code).toBe(0);
}, 900_000);
