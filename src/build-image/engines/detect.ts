/** Finds an engine that works here. */
import { ActionError, type Exec, type ExecResult } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { buildah } from './buildah.ts';
import { findBuildx } from './builders.ts';
import { docker } from './docker.ts';
import type { Engine } from './port.ts';

export type EngineName = 'auto' | 'buildx' | 'docker' | 'buildah';

export type EnvMap = Readonly<Record<string, string | undefined>>;

/** What of a build decides which builder will do. */
export interface EngineWish {
  engine: EngineName;
  /** `auto`, `new`, or a name. */
  builder: string;
  /** Full name with digest of the image for a builder of this run. @throws ActionError when it cannot be resolved */
  builderImage(): Promise<string>;
  /** What the builder of a docker daemon may lack. */
  needs: readonly ('platforms' | 'cache' | 'attestations' | 'reproducible')[];
  /** Unique among the builders of this machine. */
  id: string;
  /** Path of a buildx that was installed for this run. */
  installed: string | undefined;
}

export interface Detect {
  wish: EngineWish;
  exec: Exec;
  env: EnvMap;
  signal: AbortSignal;
  /** False: it is only asked which engine it would be; no builder is made or woken for that. */
  wake: boolean;
  /** Gets each attempt with its reason. */
  note(text: string): void;
}

/**
 * `auto`: buildx with a builder that answers, else docker whose server answers, else buildah.
 * @throws ActionError E_ENGINE_NONE with all reasons
 */
export async function detectEngine(detect: Detect): Promise<Engine> {
  const { wish, note } = detect;
  const reasons: string[] = [];
  const tries = {
    buildx: () => findBuildx(detect),
    docker: () => tryDocker(detect),
    buildah: () => tryBuildah(detect),
  };
  // A builder that was asked for by name is no other engine's.
  const names =
    wish.engine !== 'auto'
      ? [wish.engine]
      : wish.builder === 'auto'
        ? (['buildx', 'docker', 'buildah'] as const)
        : (['buildx'] as const);
  for (const name of names) {
    const found = await tries[name]();
    if (typeof found !== 'string') return found;
    reasons.push(`${name}: ${found}`);
    note(`engine ${name}: ${found}`);
  }
  throw new ActionError('E_ENGINE_NONE', {
    what: `engine ${wish.engine}`,
    why: `none works here (${reasons.join('; ')})`,
    fix: 'Start docker, point BUILDKIT_HOST at a BuildKit, or install buildah (on Debian as root: apt-get install buildah)',
  });
}

/** @returns the result of a question that went well, else the reason in words */
export async function ask(
  { exec, env, signal }: Pick<Detect, 'exec' | 'env' | 'signal'>,
  file: string,
  args: readonly string[],
  seconds = 30,
): Promise<ExecResult | string> {
  const result = await exec(file, args, { env, timeout: seconds, signal }).catch(() => undefined);
  if (result === undefined) return 'not installed';
  if (result.code === 0) return result;
  const said = result.stderrTail.trim().split('\n').at(-1) ?? '';
  return `${args[0]} ended with ${result.code ?? result.signal}${said === '' ? '' : ` (${oneLine(said, 200)})`}`;
}

async function tryDocker(detect: Detect): Promise<Engine | string> {
  // The 20.10 client knows no shorthand `json`, but this template it does.
  const versions = await ask(detect, 'docker', ['version', '--format', '{{.Client.Version}} {{.Server.Version}}']);
  if (typeof versions === 'string') return versions;
  const [client = '', server = ''] = versions.stdout.toString('utf8').trim().split(' ');
  if (server === '') return 'its server does not answer';
  const plugin = typeof (await ask(detect, 'docker', ['buildx', 'version'])) !== 'string';
  const old = Number(client.split('.')[0]) < 23;
  const served = Number(server.split('.')[0]) >= 19 || server.startsWith('18.09');
  return docker({ client, plugin, buildKit: plugin || (old && served) });
}

async function tryBuildah(detect: Detect): Promise<Engine | string> {
  const version = await ask(detect, 'buildah', ['version']);
  if (typeof version === 'string') return version;
  const number = /^Version:\s*(\d+\.\d+(?:\.\d+)?)/m.exec(version.stdout.toString('utf8'))?.[1];
  if (number === undefined) return 'its version cannot be read';
  const [major = 0, minor = 0] = number.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < 28)) return `version ${number} is older than 1.28`;
  const isolation = detect.env.BUILDAH_ISOLATION ?? 'chroot';
  const info = await ask(detect, 'buildah', ['info']);
  if (typeof info !== 'string') return buildah({ version: number, globals: [], isolation });
  // Inside containers the default storage driver often cannot mount.
  const globals = ['--storage-driver', 'vfs'];
  const second = await ask(detect, 'buildah', [...globals, 'info']);
  return typeof second === 'string' ? info : buildah({ version: number, globals, isolation });
}
