/** Secrets in the hands of a real engine, whose RUN reads them, and says them. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { leaksIn } from '../support/watch.ts';
import { expectSealed, type LeakBench, leakBench, MARKS } from './leaks-kit.ts';

/** Copies a shell of this machine, with what it is linked to: there may be no registry with a base image. */
async function copyShell(to: string): Promise<void> {
  for (const program of ['/bin/sh', '/bin/cat']) {
    const { stdout } = await systemExec('ldd', [program]);
    for (const path of [program, ...stdout.toString('utf8').matchAll(/\/[^\s)]+/g)].map(String)) {
      await mkdir(dirname(join(to, path)), { recursive: true });
      await copyFile(path, join(to, path));
    }
  }
}

const { 'secrets, first line': first, 'secret-envs': variable } = MARKS;
// It must have them: by its exit code, for what a RUN says last does not always reach the log of buildah.
const LENGTHS = `[ "\${#one}" = ${first.length} ] && [ "\${#two}" = ${variable.length} ] || exit 9`;
const READ = `read -r one < /run/secrets/a; read -r two < /run/secrets/b; ${LENGTHS}`;
const TELL = 'cat /run/secrets/a /run/secrets/b /run/secrets/c; cat /run/secrets/* >&2';

async function service(w: LeakBench, ending: string): Promise<void> {
  const mounts = ['a', 'b', 'c'].map((id) => `--mount=type=secret,id=${id}`).join(' ');
  await w.b.write({ Dockerfile: `FROM scratch\nCOPY rootfs /\nRUN ${mounts} ${READ}; ${TELL}; ${ending}\n` });
  await copyShell(join(w.b.workspace, 'rootfs'));
}

async function textsBelow(folder: string): Promise<Record<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((f) => f.isFile())
    .map(async (f) => [f.name, await readFile(join(f.parentPath, f.name), 'latin1')] as const);
  return Object.fromEntries(await Promise.all(texts));
}

describe('buildah', () => {
  test.each([
    ['the build goes well', 'true', ''],
    ['the instruction fails', 'exit 3', 'E_BUILD'],
  ])('%s: no secret in the log, the image, or what the engine keeps', async (_name, ending, code) => {
    await using w = await leakBench();
    await service(w, ending);
    const store = await mkdtemp(join(tmpdir(), 'buildah-store-'));
    try {
      const run = await w.run(
        { reuse: 'off' },
        { script: `exec /usr/bin/buildah --storage-driver vfs --root ${store}/root --runroot ${store}/run "$@"` },
      );
      expect(run.failure).toBe(code);
      if (code !== '') expect(run.log).toMatch(/exit status 3|code: 3/);
      expectSealed(run);
      expect(leaksIn(await textsBelow(store), MARKS)).toEqual([]);
    } finally {
      await rm(store, { recursive: true, force: true });
    }
  });
});

// Further tests where somebody runs a docker daemon that can start containers; buildah's stand for every engine.
const withDocker: typeof test.each = process.env.DOCKER_HOST ? test.each : () => () => {};
withDocker([
  ['the build goes well', 'true', ''],
  ['the instruction fails', 'exit 3', 'E_BUILD'],
])('docker (needs DOCKER_HOST), %s: no secret in the log or the image', async (_name, ending, code) => {
  await using w = await leakBench();
  await service(w, ending);
  const host = process.env.DOCKER_HOST ?? '';
  const run = await w.run({ engine: 'docker', 'engine-options': 'network=none' }, { env: { DOCKER_HOST: host } });
  expect(run.failure).toBe(code);
  if (code !== '') expect(run.log).toMatch(/exit status 3|code: 3/);
  expectSealed(run);
});
