/** `helm template` of the runner's own helm: on a copy of the chart, in a sealed environment, without a cluster. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { lastWords, sealedEnv, valuesArgs } from '../helm/index.ts';
import { ActionError, type ExecResult } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { ValidationPorts } from './validate.ts';
import type { ValidationInputs } from './validate-inputs.ts';

const SECONDS = 60;
/** Kept of each stream; more is read and dropped. */
const MAX_OUTPUT = 1024 * 1024;

/** @throws ActionError E_VALIDATION_FAILED in helm's own words, E_HELM_MISSING, and the reason of the deadline */
export async function validateHelm(inputs: ValidationInputs, ports: ValidationPorts): Promise<void> {
  // mkdtemp makes it for us alone (0700): values may hold what not everybody on the machine should read.
  const folder = await mkdtemp(path.join(ports.temp, 'validate-'));
  try {
    const copy = path.join(folder, 'repository');
    await writeCopy(copy, inputs);
    const run = helmIn(folder, copy, ports);
    checkVersion(await run(['version', '--short']), ports);
    const result = await run(['template', 'validate', `./${inputs.chart}`, ...valuesArgs(inputs.values)]);
    if (result.code !== 0) throw refusal(result, ports);
    ports.log.info('validate: helm template renders the chart');
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The files where they are in the repository, so that helm's messages name them as people know them. */
async function writeCopy(root: string, { files, chart }: ValidationInputs): Promise<void> {
  await mkdir(path.join(root, ...chart.split('/')), { recursive: true });
  for (const [name, bytes] of files) {
    const target = path.join(root, ...name.split('/'));
    // The names are checked where they are read; this holds even if that is changed.
    if (!target.startsWith(root + path.sep)) throw collision(name, 'it leaves the folder');
    try {
      await mkdir(path.dirname(target), { recursive: true });
      // A new file each: two names that are one to this disk must not pass for the repository's.
      await writeFile(target, bytes, { flag: 'wx' });
    } catch (cause) {
      throw collision(name, (cause as NodeJS.ErrnoException).code ?? 'unknown', cause);
    }
  }
}

type Helm = (args: readonly string[]) => Promise<ExecResult>;

function helmIn(folder: string, cwd: string, ports: ValidationPorts): Helm {
  const env = sealedEnv(folder, ports.env);
  return async (args) => {
    const { signal } = ports.deadline;
    ports.deadline.check('validate');
    let result: ExecResult;
    try {
      result = await ports.exec('helm', args, { cwd, env, signal, timeout: SECONDS, maxBytes: MAX_OUTPUT });
    } catch (cause) {
      throw unusable('it could not be started', cause);
    }
    if (signal.aborted) throw signal.reason;
    if (!result.timedOut) return result;
    showTail(result, ports);
    throw failed(`helm ${args[0]} did not end within ${SECONDS} s`, 'Look for a template that does not end');
  };
}

function checkVersion(result: ExecResult, ports: ValidationPorts): void {
  const version = oneLine(result.stdoutTail.trim(), 80);
  const major = Number(/^v?(\d+)\./.exec(version)?.[1] ?? Number.NaN);
  if (result.code !== 0) throw unusable(`it does not tell its version: ${lastWords(result)}`);
  if (!(major >= 3)) throw unusable(`${version || 'it'} is not helm 3 or newer`);
  ports.log.info(`validate: helm ${version}`);
}

function refusal(result: ExecResult, ports: ValidationPorts): ActionError {
  showTail(result, ports);
  const end = result.code === null ? `helm was ended by ${result.signal}: ` : '';
  return failed(`${end}${lastWords(result)}`, 'Correct the values or the chart');
}

function showTail(result: ExecResult, ports: ValidationPorts): void {
  // The log makes what looks like a workflow command inert.
  for (const text of [result.stdoutTail, result.stderrTail]) if (text.trim() !== '') ports.log.info(text.trimEnd());
}

function collision(name: string, why: string, cause?: unknown): ActionError {
  return new ActionError('E_PATH_FORBIDDEN', {
    what: `file ${oneLine(name, 200)} of the chart`,
    why: `it cannot be written to a temporary folder: ${why}`,
    fix: 'Look for names that differ in case only, or for a file and a folder of one name',
    ...(cause === undefined ? {} : { cause }),
  });
}

function unusable(why: string, cause?: unknown): ActionError {
  return new ActionError('E_HELM_MISSING', {
    what: 'helm',
    why,
    fix: 'Put helm 3 or 4 on the PATH of the runner, or use validate: schema',
    ...(cause === undefined ? {} : { cause }),
  });
}

function failed(why: string, fix: string): ActionError {
  return new ActionError('E_VALIDATION_FAILED', { what: 'validate: helm', why: `${why}; nothing was written`, fix });
}
