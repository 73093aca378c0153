/** A run that is watched: every git call with its arguments and environment, and whatever is left on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionResult } from '../support/bundle.ts';
import { installShims, leaksIn, leftIn, withoutMasks } from '../support/watch.ts';
import type { World } from './world.ts';

export interface Watched extends ActionResult {
  /** Arguments of every git call, and of what git itself started. */
  argv: string;
  /** Environment of every git call, `NAME=value` lines. */
  environment: string[];
  /** Files and folders left in RUNNER_TEMP and HOME. */
  left: string[];
}

export async function watched(
  world: World,
  inputs: Record<string, string>,
  options: { env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Watched> {
  const dir = await mkdtemp(join(tmpdir(), 'watched-'));
  try {
    const [temp, home] = [await mkdtemp(join(dir, 'temp-')), await mkdtemp(join(dir, 'home-'))];
    const path = process.env.PATH ?? '';
    const shims = await installShims(dir, ['git'], path, { GIT_TRACE: '%argv' });
    const env = { PATH: `${shims.bin}:${path}`, RUNNER_TEMP: temp, HOME: home, ...options.env };
    const run = await world.bump(inputs, env, options.signal);
    const left = await leftIn(temp, home);
    return { ...run, argv: await shims.argv(), environment: await shims.environment(), left };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export const basicOf = (token: string, user = 'x-access-token'): string =>
  Buffer.from(`${user}:${token}`).toString('base64');

/** Where a secret can be read. Only the command that masks it, and the variable that hands it to git, may hold it. */
export function leaksOf(run: Watched, world: World, secrets: readonly string[]): string[] {
  const places = {
    log: withoutMasks(run.log),
    outputs: JSON.stringify(run.outputs),
    // As a reader sees it, without the marks of the writers.
    summary: run.summary + run.summary.replaceAll('\\', ''),
    argv: run.argv,
    environment: run.environment.filter((line) => !/^GIT_CONFIG_VALUE_\d+=Authorization: /.test(line)).join('\n'),
    addresses: JSON.stringify(world.forge.requests().map((r) => r.path + r.query)),
    left: run.left.join('\n'),
  };
  return leaksIn(places, Object.fromEntries(secrets.map((secret, i) => [`secret ${i + 1}`, secret])));
}
