/** Runs the engine: private directory, its environment, its output, its failures as errors of the suite. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Credentials, type Digest, nameOf } from '../oci/index.ts';
import { ActionError, childEnv, type Env, type ExecResult } from '../runner/index.ts';
import { resolveRef } from './bases.ts';
import { CACHE_VARIABLES, type CachePlan, planCache } from './cache.ts';
import { engineError, failedInstruction, StageTaken } from './engine-errors.ts';
import { checkFeatures } from './engine-features.ts';
import { classifyEngine } from './engines/classify.ts';
import { detectEngine, type EngineWish } from './engines/detect.ts';
import {
  type Engine,
  EngineFailure,
  EngineOutputMissing,
  type EngineResult,
  type Note,
  type RunEngine,
} from './engines/port.ts';
import type { BuildInputs } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';
import { engineHosts, prepare } from './request.ts';
import type { Secret } from './secrets.ts';
import { authFile, dockerConfig, Workdir } from './workdir.ts';

export interface Built {
  engine: string;
  /** undefined without a push. */
  digest: Digest | undefined;
  /** The staging tag that was pushed; undefined after a push by digest. */
  stage: string | undefined;
}

const RUNS = 3;
const QUIET_MS = 30_000;

/**
 * @param stageTag where the engine pushes to; undefined: it loads the image under the final names
 * @throws ActionError by the table of engine failures, StageTaken
 */
export async function buildImage(
  inputs: BuildInputs,
  plan: Plan,
  secrets: readonly Secret[],
  stageTag: string | undefined,
  ports: Ports,
): Promise<Built> {
  const { env, log, exec } = ports;
  const id = ports.randomHex(8);
  await using workdir = await Workdir.open(env.RUNNER_TEMP || '/tmp', id);
  const userConfig = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
  const childEnv = engineEnv(env, workdir.path, userConfig, plan);
  const hosts = engineHosts(inputs, plan);
  const logins = await loginsFor(hosts, inputs, ports);
  const config = await readFile(join(userConfig, 'config.json'), 'utf8').catch(() => '');
  await workdir.write('config.json', dockerConfig(config, logins, join(userConfig, 'cli-plugins')));
  await workdir.link('contexts', join(userConfig, 'contexts'));
  const wish = await wishOf(inputs, workdir, id, ports);
  const { signal } = ports.deadline;
  const engine = await detectEngine({ wish, exec, env: childEnv, signal, note: (text) => log.debug(text) });
  try {
    ports.deadline.check('build');
    const cache = planCache(inputs, nameOf(inputs.images[0]), plan.event.tier, engine, env);
    checkFeatures(engine, plan, inputs, cache);
    log.info(`engine ${engine.name}`);
    if (engine.old !== undefined) log.warning('W_ENGINE_OLD', engine.old);
    const auth = await workdir.write('auth.json', authFile(logins));
    const request = await prepare(inputs, plan, secrets, stageTag, cache, auth, workdir);
    const result = await repeat(
      engine,
      () => engine.build(request, runner({ ...childEnv, ...cacheEnv(cache, env) }, ports)),
      hosts,
      plan,
      ports,
    );
    tellNotes(result.notes, plan, ports);
    return { engine: engine.name, digest: result.digest, stage: result.tagged ? stageTag : undefined };
  } finally {
    await engine.close?.();
  }
}

/** Faults of a registry are tried again, for the engine's cache makes that cheap; a failing instruction never is. */
async function repeat(
  engine: Engine,
  build: () => Promise<EngineResult>,
  hosts: readonly string[],
  plan: Plan,
  ports: Ports,
): Promise<EngineResult> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await build();
    } catch (error) {
      ports.deadline.check('build');
      if (error instanceof EngineOutputMissing) throw outputMissing(engine, error);
      if (!(error instanceof EngineFailure)) throw error;
      const kind = classifyEngine(error.result, hosts);
      if (kind === 'tag-exists') throw new StageTaken(engineError(engine.name, kind, error, attempt, undefined));
      if (kind !== 'transient' || attempt >= RUNS) {
        throw engineError(engine.name, kind, error, attempt, failedInstruction(error.result, plan));
      }
      ports.log.info(`the registry failed the engine; run ${attempt + 1} of ${RUNS}`);
      await ports.clock.sleep(attempt, ports.deadline.signal);
    }
  }
}

async function wishOf(inputs: BuildInputs, workdir: Workdir, id: string, ports: Ports): Promise<EngineWish> {
  const needs: EngineWish['needs'][number][] = [];
  if (inputs.platforms.length > 1) needs.push('platforms');
  if (inputs.provenance !== 'none' || inputs.sbom) needs.push('attestations');
  if (inputs.reproducible) needs.push('reproducible');
  if (inputs.cache === 'gha' || inputs.cache === 'registry' || inputs.cacheTo.length > 0) needs.push('cache');
  const pin = inputs.installBuildx;
  return {
    engine: inputs.engine,
    builder: inputs.builder,
    needs,
    folder: workdir.path,
    id,
    installed:
      pin === undefined ? undefined : await ports.installBuildx(pin, ports.env.RUNNER_TOOL_CACHE || workdir.path),
    async builderImage() {
      const base = await resolveRef(inputs.builderImage, ports.registryFor);
      if (base.digest !== undefined) return `${nameOf(inputs.builderImage)}@${base.digest}`;
      throw new ActionError('E_ENGINE_FEATURE', {
        what: `builder image ${base.name}`,
        why: base.problem ?? 'it has no digest',
        fix: 'Set builder-image to a mirror that can be reached',
      });
    },
  };
}

/** Logins for every host that the engine will speak to, and those of the inputs. */
async function loginsFor(
  hosts: readonly string[],
  inputs: BuildInputs,
  ports: Ports,
): Promise<ReadonlyMap<string, Credentials>> {
  const found = await Promise.all(
    [...new Set(hosts)].map(async (host): Promise<[string, Credentials][]> => {
      const login = await ports.loginFor(host);
      return login === undefined ? [] : [[host, login]];
    }),
  );
  return new Map([...inputs.logins, ...found.flat()]);
}

function engineEnv(env: Env, workdir: string, userConfig: string, plan: Plan): Record<string, string | undefined> {
  return {
    ...childEnv(env),
    DOCKER_CONFIG: workdir,
    // Its builders would move with the config folder.
    BUILDX_CONFIG: env.BUILDX_CONFIG || join(userConfig, 'buildx'),
    ...(plan.epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(plan.epoch) }),
  };
}

function cacheEnv(cache: CachePlan, env: Env): Record<string, string | undefined> {
  return cache.runtime ? Object.fromEntries(CACHE_VARIABLES.map((name) => [name, env[name]])) : {};
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

function tellNotes(notes: readonly Note[], plan: Plan, { log }: Ports): void {
  for (const note of notes) if (note.line === undefined) log.warning(note.code, note.text);
  log.annotate(
    notes.flatMap(({ code, text, line }) =>
      line === undefined
        ? []
        : [{ level: 'warning' as const, code, message: text, at: { file: plan.files.dockerfile, line } }],
    ),
  );
}

function outputMissing(engine: Engine, cause: Error): ActionError {
  return new ActionError('E_ENGINE_OUTPUT', {
    what: `engine ${engine.name}`,
    why: `${cause.message}, though it ended with success`,
    fix: 'Run again; when it stays, update the engine',
    cause,
  });
}
