/** Runs the engine: private directory, its environment, its output, its failures as errors of the suite. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isLoopbackHost } from '../http/index.ts';
import { type Credentials, type Digest, nameOf } from '../oci/index.ts';
import { ActionError, type Env, type ExecResult } from '../runner/index.ts';
import { checkFeatures, engineError, failedInstruction } from './engine-errors.ts';
import { classifyEngine } from './engines/classify.ts';
import { detectEngine } from './engines/detect.ts';
import { type BuildRequest, type Engine, EngineFailure, EngineOutputMissing, type RunEngine } from './engines/port.ts';
import type { BuildInputs } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { bad } from './secrets.ts';
import { authFile, dockerConfig, Workdir } from './workdir.ts';

export interface Built {
  engine: string;
  /** undefined without a push. */
  digest: Digest | undefined;
}

const RUNS = 3;
const QUIET_MS = 30_000;

/**
 * @param stageTag where the engine pushes to; undefined: it loads the image under the final names
 * @throws ActionError by the table of engine failures
 */
export async function buildImage(
  inputs: BuildInputs,
  plan: Plan,
  stageTag: string | undefined,
  logins: ReadonlyMap<string, Credentials>,
  ports: Ports,
): Promise<Built> {
  const { env, log, exec } = ports;
  const temp = env.RUNNER_TEMP || '/tmp';
  await using workdir = await Workdir.open(temp, ports.randomHex(8));
  const childEnv = engineEnv(env, workdir.path);
  const userConfig = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  const config = await readFile(join(userConfig, 'config.json'), 'utf8').catch(() => '');
  await workdir.write('config.json', dockerConfig(config, logins, join(userConfig, 'cli-plugins')));
  const engine = await detectEngine(inputs.engine, exec, childEnv, (text) => log.debug(text));
  checkFeatures(engine, plan, inputs);
  log.info(`engine ${engine.name}`);
  const request = await prepare(inputs, plan, stageTag, logins, workdir);
  const hosts = [...inputs.images.map((i) => i.host), ...plan.dockerfile.bases.flatMap((b) => b.ref?.host ?? [])];
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { digest } = await engine.build(request, runner(childEnv, ports));
      return { engine: engine.name, digest };
    } catch (error) {
      ports.deadline.check('build');
      if (error instanceof EngineOutputMissing) throw outputMissing(engine, error);
      if (!(error instanceof EngineFailure)) throw error;
      const kind = classifyEngine(error.result, hosts);
      if (kind !== 'transient' || attempt >= RUNS) {
        throw engineError(engine.name, kind, error, attempt, failedInstruction(error.result, plan));
      }
      log.info(`the registry failed the engine; run ${attempt + 1} of ${RUNS}`);
      await ports.clock.sleep(attempt, ports.deadline.signal);
    }
  }
}

async function prepare(
  inputs: BuildInputs,
  plan: Plan,
  stageTag: string | undefined,
  logins: ReadonlyMap<string, Credentials>,
  workdir: Workdir,
): Promise<BuildRequest> {
  const [primary] = inputs.images;
  // In a folder of its own, because a builder may read the whole folder.
  const dockerfile = await workdir.write('df/Dockerfile', plan.pinned);
  await workdir.write('df/Dockerfile.dockerignore', plan.files.ignoreText);
  const secrets: { id: string; file: string }[] = [];
  for (const [index, { id, value, file }] of inputs.secrets.entries()) {
    const path = workdir.file(`s${index}`);
    if (value !== undefined) await workdir.write(`s${index}`, value);
    else {
      await copyFile(resolve(inputs.workspace, file ?? ''), path).catch(() => {
        throw bad(`the file for ${id} cannot be read`);
      });
    }
    secrets.push({ id, file: path });
  }
  const out = workdir.file('out');
  await mkdir(out, { mode: 0o700 });
  const plain = (host: string): boolean =>
    isLoopbackHost(new URL(`http://${host}`).hostname) || inputs.insecure.includes(host);
  const hosts = [primary.host, ...plan.dockerfile.bases.flatMap((b) => b.ref?.host ?? [])];
  return {
    dockerfile,
    ignoreFile: await workdir.write('ignore', plan.files.ignoreText),
    context: plan.files.context,
    platform: inputs.platform,
    target: inputs.target,
    args: inputs.args,
    labels: plan.labels,
    annotations: baseAnnotations(plan),
    secrets,
    noCache: inputs.noCache,
    stage: stageTag === undefined ? undefined : `${nameOf(primary)}:${stageTag}`,
    load: inputs.images.flatMap((image) => plan.tags.map(({ tag }) => `${nameOf(image)}:${tag}`)),
    insecure: hosts.some(plain),
    authFile: await workdir.write('auth.json', authFile(logins)),
    out,
  };
}

// buildah writes these by itself from the private copy; on scratch it is left alone.
function baseAnnotations({ finalBase }: Plan): [string, string][] {
  if (finalBase?.digest === undefined) return [];
  return [
    ['org.opencontainers.image.base.name', finalBase.name],
    ['org.opencontainers.image.base.digest', finalBase.digest],
  ];
}

function engineEnv(env: Env, workdir: string): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !/^(INPUT_|STATE_|ACTIONS_)/.test(name) && name !== 'GITHUB_TOKEN',
  );
  return { ...Object.fromEntries(kept), DOCKER_CONFIG: workdir };
}

function runner(env: Record<string, string | undefined>, { exec, log, deadline, clock }: Ports): RunEngine {
  return async (file, args, options = {}): Promise<ExecResult> => {
    let last = clock.now();
    const quiet = setInterval(() => {
      if (clock.now() - last >= QUIET_MS / 1000) log.info(`still running: ${file} ${args[0]}`);
    }, QUIET_MS);
    try {
      return await exec(file, args, {
        ...options,
        env: { ...env, ...options.env },
        signal: deadline.signal,
        onLine: (line) => {
          last = clock.now();
          log.info(line);
        },
      });
    } finally {
      clearInterval(quiet);
    }
  };
}

function outputMissing(engine: Engine, cause: Error): ActionError {
  return new ActionError('E_ENGINE_OUTPUT', {
    what: `engine ${engine.name}`,
    why: `${cause.message}, though it ended with success`,
    fix: 'Run again; when it stays, update the engine',
    cause,
  });
}
