/** What an engine takes for the user's home: a private folder with our logins, and copies of what else it would look up. */
import { cp, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import type { Credentials } from '../oci/index.ts';
import { childEnv } from '../runner/index.ts';
import type { Ports } from './ports.ts';
import { dockerConfig, Workdir } from './workdir.ts';

export interface EngineHome extends AsyncDisposable {
  workdir: Workdir;
  /** Unique among the runs of this machine. */
  id: string;
  /** Environment of the engine. */
  env: Record<string, string | undefined>;
}

// What buildx writes down about builds, not what it needs for one.
const HISTORY = new Set(['refs', 'activity', '.lock']);

/** @param epoch unix seconds for SOURCE_DATE_EPOCH */
export async function openHome(
  logins: ReadonlyMap<string, Credentials>,
  epoch: number | undefined,
  { env, randomHex }: Pick<Ports, 'env' | 'randomHex'>,
): Promise<EngineHome> {
  const id = randomHex(8);
  const workdir = await Workdir.open(env.RUNNER_TEMP || '/tmp', id);
  const user = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  const config = await readFile(join(user, 'config.json'), 'utf8').catch(() => '');
  await workdir.write('config.json', dockerConfig(config, logins, join(user, 'cli-plugins')));
  await workdir.link('contexts', join(user, 'contexts'));
  // A copy, for buildx writes into this folder whatever it is asked: the user's builders, and which is the current one.
  const builders = workdir.file('buildx');
  await cp(env.BUILDX_CONFIG || join(user, 'buildx'), builders, {
    recursive: true,
    filter: (from) => !HISTORY.has(basename(from)),
  }).catch(() => undefined);
  return {
    workdir,
    id,
    env: {
      ...childEnv(env),
      DOCKER_CONFIG: workdir.path,
      BUILDX_CONFIG: builders,
      ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(epoch) }),
    },
    [Symbol.asyncDispose]: () => workdir[Symbol.asyncDispose](),
  };
}
