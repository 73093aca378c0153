/** A checkout, a registry and the engine stand-in: build-image as a runner starts it. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installEngineStandin } from '../../lab/engine/install.ts';
import { type RegistryHandle, type RegistryOptions, startRegistry } from '../../lab/registry/server.ts';
import { systemExec } from '../../src/runner/index.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';

export interface Bench extends AsyncDisposable {
  lab: RegistryHandle;
  workspace: string;
  temp: string;
  image: string;
  write(files: Record<string, string>): Promise<void>;
  /** Commits all; @returns the revision */
  commit(message: string): Promise<string>;
  run(inputs?: Record<string, string>, env?: Record<string, string>, signal?: AbortSignal): Promise<ActionResult>;
  /** What is left in RUNNER_TEMP. */
  leftovers(): Promise<string[]>;
}

/** @param path PATH of the action; default: the stand-in first */
export async function bench(options: RegistryOptions = {}): Promise<Bench> {
  const lab = await startRegistry(options);
  const root = await mkdtemp(join(tmpdir(), 'build-image-test-'));
  const workspace = join(root, 'ws');
  const temp = join(root, 'temp');
  const bin = await installEngineStandin(join(root, 'engine'));
  await mkdir(workspace);
  await mkdir(temp);
  // docker is hidden, whatever this machine has.
  await writeFile(join(bin, 'docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const image = `${lab.host}/o/app`;
  const git = async (...args: string[]): Promise<string> => {
    const id = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    const result = await systemExec('git', ['-C', workspace, ...id, ...args]);
    if (result.code !== 0) throw new Error(result.stderrTail);
    return result.stdout.toString('utf8').trim();
  };
  await git('init', '-q', '-b', 'main');
  const self: Bench = {
    lab,
    workspace,
    temp,
    image,
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(workspace, name)), { recursive: true });
        await writeFile(join(workspace, name), text);
      }
    },
    async commit(message) {
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    run: (inputs = {}, env = {}, signal) =>
      runAction(
        'build-image',
        { image, ...inputs },
        {
          cwd: workspace,
          env: { PATH: `${bin}:${process.env.PATH}`, RUNNER_TEMP: temp, ...env },
          ...(signal === undefined ? {} : { signal }),
        },
      ),
    leftovers: () => readdir(temp),
    async [Symbol.asyncDispose]() {
      await lab.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  await self.write({ Dockerfile: 'FROM scratch\nCOPY app /app\n', '.dockerignore': '.git\n', 'app/main.txt': 'one\n' });
  await self.commit('first');
  return self;
}

export function writes(lab: RegistryHandle): string[] {
  return lab
    .requests()
    .filter((r) => !['GET', 'HEAD'].includes(r.method))
    .map((r) => r.operation);
}
