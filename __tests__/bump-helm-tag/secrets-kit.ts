/** A run that is watched: every git call with its arguments and environment, and whatever is left on disk. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionResult } from '../support/bundle.ts';
import type { World } from './world.ts';

export interface Watched extends ActionResult {
  /** Arguments of every git call, and of what git itself started. */
  argv: string;
  /** Environment of every git call, `NAME=value` lines. */
  environment: string[];
  /** Files and folders left in RUNNER_TEMP and HOME. */
  left: string[];
}

const SHIM = (git: string, dir: string): string => `#!/bin/sh
printf '%s\\n' "$@" >> '${dir}/argv'
env >> '${dir}/env'
GIT_TRACE='${dir}/argv' exec '${git}' "$@"
`;

export async function watched(
  world: World,
  inputs: Record<string, string>,
  options: { env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Watched> {
  const dir = await mkdtemp(join(tmpdir(), 'watched-'));
  try {
    const [temp, home] = [await mkdtemp(join(dir, 'temp-')), await mkdtemp(join(dir, 'home-'))];
    const git = execFileSync('sh', ['-c', 'command -v git']).toString().trim();
    const bin = await mkdtemp(join(dir, 'bin-'));
    await writeFile(join(bin, 'git'), SHIM(git, dir));
    await chmod(join(bin, 'git'), 0o755);
    const env = { PATH: `${bin}:${process.env.PATH}`, RUNNER_TEMP: temp, HOME: home, ...options.env };
    const run = await world.bump(inputs, env, options.signal);
    const read = (name: string): Promise<string> => readFile(join(dir, name), 'utf8').catch(() => '');
    const left = [...(await readdir(temp, { recursive: true })), ...(await readdir(home, { recursive: true }))];
    return { ...run, argv: await read('argv'), environment: (await read('env')).split('\n'), left };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export const basicOf = (token: string, user = 'x-access-token'): string =>
  Buffer.from(`${user}:${token}`).toString('base64');

/** Where a secret can be read. Only the command that masks it, and the variable that hands it to git, may hold it. */
export function leaksOf(run: Watched, world: World, secrets: readonly string[]): string[] {
  const places: Record<string, string> = {
    log: run.log.replace(/^::add-mask::.*$/gm, ''),
    outputs: JSON.stringify(run.outputs),
    // As a reader sees it, without the marks of the writers.
    summary: run.summary + run.summary.replaceAll('\\', ''),
    argv: run.argv,
    environment: run.environment.filter((line) => !/^GIT_CONFIG_VALUE_\d+=Authorization: /.test(line)).join('\n'),
    addresses: JSON.stringify(world.forge.requests().map((r) => r.path + r.query)),
    left: run.left.join('\n'),
  };
  return Object.entries(places).flatMap(([name, text]) =>
    secrets.flatMap((secret, i) => (text.includes(secret) ? [`secret ${i + 1} in ${name}`] : [])),
  );
}
