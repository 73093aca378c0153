/** Finds an engine that works here. */
import { ActionError, type Exec, type ExecResult } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { buildah } from './buildah.ts';
import { docker } from './docker.ts';
import type { Engine } from './port.ts';

export type EngineName = 'auto' | 'docker' | 'buildah';

/**
 * `auto`: docker whose server answers, else buildah.
 * @param note gets each attempt with its reason
 * @throws ActionError E_ENGINE_NONE with all reasons
 */
export async function detectEngine(
  wanted: EngineName,
  exec: Exec,
  env: Readonly<Record<string, string | undefined>>,
  note: (text: string) => void,
): Promise<Engine> {
  const reasons: string[] = [];
  const tries = { docker: () => tryDocker(exec, env), buildah: () => tryBuildah(exec, env) };
  for (const name of wanted === 'auto' ? (['docker', 'buildah'] as const) : [wanted]) {
    const found = await tries[name]();
    if (typeof found !== 'string') return found;
    reasons.push(`${name}: ${found}`);
    note(`engine ${name}: ${found}`);
  }
  throw new ActionError('E_ENGINE_NONE', {
    what: `engine ${wanted}`,
    why: `none works here (${reasons.join('; ')})`,
    fix: 'Start docker, or install buildah (on Debian as root: apt-get install buildah)',
  });
}

type EnvMap = Readonly<Record<string, string | undefined>>;

async function ask(exec: Exec, env: EnvMap, file: string, args: readonly string[]): Promise<ExecResult | string> {
  const result = await exec(file, args, { env, timeout: 30 }).catch(() => undefined);
  if (result === undefined) return 'not installed';
  if (result.code === 0) return result;
  const said = result.stderrTail.trim().split('\n').at(-1) ?? '';
  return `${args[0]} ended with ${result.code ?? result.signal}${said === '' ? '' : ` (${oneLine(said, 200)})`}`;
}

async function tryDocker(exec: Exec, env: EnvMap): Promise<Engine | string> {
  // The 20.10 client knows no shorthand `json`, but this template it does.
  const versions = await ask(exec, env, 'docker', ['version', '--format', '{{.Client.Version}} {{.Server.Version}}']);
  if (typeof versions === 'string') return versions;
  const [client = '', server = ''] = versions.stdout.toString('utf8').trim().split(' ');
  if (server === '') return 'its server does not answer';
  const plugin = typeof (await ask(exec, env, 'docker', ['buildx', 'version'])) !== 'string';
  const old = Number(client.split('.')[0]) < 23;
  const served = Number(server.split('.')[0]) >= 19;
  return docker({ client, buildKit: plugin || (old && served) });
}

async function tryBuildah(exec: Exec, env: EnvMap): Promise<Engine | string> {
  const version = await ask(exec, env, 'buildah', ['version']);
  if (typeof version === 'string') return version;
  const number = /^Version:\s*(\d+\.\d+(?:\.\d+)?)/m.exec(version.stdout.toString('utf8'))?.[1];
  if (number === undefined) return 'its version cannot be read';
  const [major = 0, minor = 0] = number.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < 28)) return `version ${number} is older than 1.28`;
  const isolation = env.BUILDAH_ISOLATION ?? 'chroot';
  const info = await ask(exec, env, 'buildah', ['info']);
  if (typeof info !== 'string') return buildah({ version: number, globals: [], isolation });
  // Inside containers the default storage driver often cannot mount.
  const globals = ['--storage-driver', 'vfs'];
  const second = await ask(exec, env, 'buildah', [...globals, 'info']);
  return typeof second === 'string' ? info : buildah({ version: number, globals, isolation });
}
