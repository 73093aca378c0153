/** Runs the engine: private directory, its environment, its output, its failures as errors of the suite. */
import { type Credentials, type Digest, nameOf } from '../oci/index.ts';
import { ActionError, type Env, type ExecResult } from '../runner/index.ts';
import { CACHE_VARIABLES, type CachePlan, planCache } from './cache.ts';
import { diskFull, engineError, failedInstruction, StageTaken } from './engine-errors.ts';
import { checkFeatures } from './engine-features.ts';
import { openHome } from './engine-home.ts';
import { wishOf } from './engine-wish.ts';
import { classifyEngine } from './engines/classify.ts';
import { detectEngine } from './engines/detect.ts';
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
import { authFile } from './workdir.ts';

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
  try {
    return await buildInHome(inputs, plan, secrets, stageTag, ports);
  } catch (error) {
    // The directory is gone by now.
    throw diskFull(error);
  }
}

async function buildInHome(
  inputs: BuildInputs,
  plan: Plan,
  secrets: readonly Secret[],
  stageTag: string | undefined,
  ports: Ports,
): Promise<Built> {
  const { env, log, exec } = ports;
  const hosts = engineHosts(inputs, plan);
  const logins = await loginsFor(hosts, inputs, ports);
  await using home = await openHome(logins, plan.epoch, ports);
  const { workdir } = home;
  const wish = await wishOf(inputs, home, ports);
  const { signal } = ports.deadline;
  const engine = await detectEngine({
    wish,
    exec,
    env: home.env,
    signal,
    wake: true,
    note: (text) => log.debug(text),
  });
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
      () => engine.build(request, runner({ ...home.env, ...cacheEnv(cache, env) }, ports)),
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
      const kind = classifyEngine(error.result, hosts, error.step);
      if (kind === 'tag-exists') throw new StageTaken(engineError(engine.name, kind, error, attempt, undefined));
      if (kind !== 'transient' || attempt >= RUNS) {
        throw engineError(engine.name, kind, error, attempt, failedInstruction(error.result, plan));
      }
      ports.log.info(`the registry failed the engine; run ${attempt + 1} of ${RUNS}`);
      await ports.clock.sleep(attempt, ports.deadline.signal);
    }
  }
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
