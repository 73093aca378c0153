/** Finds or makes a builder for buildx. */
import { ActionError } from '../../runner/index.ts';
import { type BuildxFacts, buildx, buildxCaps, isOlder } from './buildx.ts';
import { ask, type Detect } from './detect.ts';
import type { Capabilities, Engine } from './port.ts';

type Command = BuildxFacts['command'];

/** @returns the engine, or the reason why there is none in words */
export async function findBuildx(detect: Detect): Promise<Engine | string> {
  const { wish, env } = detect;
  const found = await findCommand(detect);
  if (typeof found === 'string') return found;
  const canLoad = typeof (await ask(detect, 'docker', ['version', '--format', '{{.Server.Version}}'])) !== 'string';
  const known = { ...found, canLoad, containerdStore: false };
  if (wish.builder === 'new') return await makeContainer(detect, known);
  const named = wish.builder === 'auto' ? env.BUILDX_BUILDER || undefined : wish.builder;
  // buildx reads this variable in `create` alone.
  const host = env.BUILDKIT_HOST || undefined;
  if (named === undefined && host !== undefined) {
    if (!detect.wake) return buildx({ ...known, driver: 'remote', builder: undefined, buildKit: undefined });
    return makeBuilder(detect, known, ['--driver', 'remote', host]);
  }
  const builder = await inspect(detect, known.command, named);
  if (typeof builder === 'string') return builder;
  const containerdStore = builder.driver === 'docker' && (await hasContainerdStore(detect));
  const facts: BuildxFacts = { ...known, ...builder, builder: named, containerdStore };
  const missing = lacking(buildxCaps(facts), wish.needs);
  if (missing === undefined || named !== undefined || !canLoad) return buildx(facts);
  try {
    return await makeContainer(detect, known);
  } catch (error) {
    if (!(error instanceof ActionError) || error.code === 'E_CANCELLED' || error.code === 'E_TIMEOUT') throw error;
    throw new ActionError('E_ENGINE_FEATURE', {
      what: `engine ${buildx(facts).name}`,
      why: `it has no ${missing}, and no container builder could be made (${error.facts.why})`,
      fix: 'Set builder-image to a mirror that can be reached, or BUILDKIT_HOST to a BuildKit',
      cause: error,
    });
  }
}

const WORDS = {
  platforms: 'builds for several platforms',
  cache: 'export of its cache',
  attestations: 'provenance and SBOM',
  reproducible: 'rewriting of times',
} as const;

function lacking(caps: Capabilities, needs: Detect['wish']['needs']): string | undefined {
  const has = { ...caps, cache: caps.cache.length > 0 };
  const missing = needs.find((need) => !has[need]);
  return missing === undefined ? undefined : WORDS[missing];
}

async function findCommand(detect: Detect): Promise<{ command: Command; version: string } | string> {
  const { installed } = detect.wish;
  const commands: Command[] = installed === undefined ? [['docker', 'buildx'], ['buildx']] : [[installed]];
  let reason = 'not installed';
  for (const command of commands) {
    const [file, ...first] = command;
    const answer = await ask(detect, file, [...first, 'version']);
    if (typeof answer === 'string') continue;
    const version = /^\S+ v?(\d+\.\d+\S*)/.exec(answer.stdout.toString('utf8'))?.[1];
    if (version === undefined) reason = 'its version cannot be read';
    else if (isOlder(version, [0, 10, 0])) reason = `version ${version} is older than 0.10`;
    else return { command, version };
  }
  return reason;
}

interface Builder {
  driver: string;
  buildKit: string | undefined;
}

/** Starts the builder when it is at rest. */
async function inspect(detect: Detect, command: Command, name: string | undefined): Promise<Builder | string> {
  const [file, ...first] = command;
  const bootstrap = detect.wake ? ['--bootstrap'] : [];
  const args = [...first, 'inspect', ...bootstrap, ...(name === undefined ? [] : [name])];
  const answer = await ask(detect, file, args, 180);
  if (typeof answer === 'string') return answer;
  const text = answer.stdout.toString('utf8');
  const value = (key: string): string | undefined => new RegExp(`^${key}:\\s+(\\S.*)$`, 'im').exec(text)?.[1]?.trim();
  const driver = value('Driver');
  if (driver === undefined) return 'its builder has no driver';
  // Asleep is good enough for who only wants to know what it is.
  const asleep = !detect.wake && driver !== 'docker';
  if (!asleep && !/^Status:\s+running/im.test(text))
    return `its builder is not running (${value('Error') ?? value('Status') ?? 'no status'})`;
  return { driver, buildKit: value('BuildKit(?: version)?') ?? value('Buildkit') };
}

async function hasContainerdStore(detect: Detect): Promise<boolean> {
  const answer = await ask(detect, 'docker', ['info', '--format', '{{json .DriverStatus}}']);
  return typeof answer !== 'string' && answer.stdout.includes('io.containerd.snapshotter');
}

type Known = Pick<BuildxFacts, 'command' | 'version' | 'canLoad' | 'containerdStore'>;

// By digest, and said in the log: nothing mutable is pulled as a helper.
async function makeContainer(detect: Detect, known: Known): Promise<Engine> {
  if (!detect.wake) return buildx({ ...known, driver: 'docker-container', builder: undefined, buildKit: undefined });
  const image = await detect.wish.builderImage();
  detect.note(`builder image ${image}`);
  const made = await makeBuilder(detect, known, ['--driver', 'docker-container', '--driver-opt', `image=${image}`]);
  if (typeof made !== 'string') return made;
  throw new ActionError('E_ENGINE_FEATURE', {
    what: 'container builder',
    why: made,
    fix: 'Start docker, or point BUILDKIT_HOST at a BuildKit',
  });
}

/** A builder of this run: known to the config folder of the engine alone, which is ours. */
async function makeBuilder(detect: Detect, known: Known, args: readonly string[]): Promise<Engine | string> {
  const { wish, exec } = detect;
  const [file, ...first] = known.command;
  const name = `build-image-${wish.id}`;
  const env = { ...detect.env, BUILDX_BUILDER: undefined };
  const own: Detect = { ...detect, env };
  const close = async (): Promise<void> => {
    // Also after a cancel, so without its signal.
    await exec(file, [...first, 'rm', '--force', name], { env, timeout: 30 }).catch(() => undefined);
  };
  const created = await ask(own, file, [...first, 'create', '--name', name, ...args]);
  if (typeof created === 'string') return created;
  const builder = await inspect(own, known.command, name);
  if (typeof builder === 'string') {
    await close();
    return builder;
  }
  return buildx({ ...known, ...builder, builder: name, close });
}
