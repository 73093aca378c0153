/** The ways to a Python that has what the sample service and its tests import. Each answers with the interpreter, or why not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ExecResult, type Log, systemExec } from '../../src/runner/index.ts';
import { oneLine } from '../../src/text/index.ts';
import { type Interpreter, isNewEnough, versionOf } from './interpreter.ts';

export type Outcome = { python: string } | { why: string };

/** The import names of everything in requirements-dev.txt that is imported by name. */
const MODULES = 'aiohttp, numpy, PIL, prometheus_client, pytest, coverage, flake8';
/** One small pure wheel out of the pins: asking for it is how an index is found to answer. */
const PROBE = 'iniconfig==2.3.0';
const PROBE_SECONDS = 5;
const DEBIAN_PYTHON = '/usr/bin/python3';
const DEBIAN_PACKAGES = ['aiohttp', 'numpy', 'pil', 'prometheus-client', 'pytest', 'coverage', 'flake8'].map(
  (name) => `python3-${name}`,
);

/** A venv with the hashed pins, when a package index answers within 5 s. */
export async function pipRoute(
  base: Interpreter,
  venv: string,
  requirements: string,
  log: Pick<Log, 'info'>,
): Promise<Outcome> {
  const made = await systemExec(base.command, ['-m', 'venv', '--clear', venv], { timeout: 120 });
  if (made.code !== 0) return { why: `${base.command} -m venv: ${lastLine(made)}` };
  const python = venvPython(venv);
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input'];
  const scratch = await mkdtemp(path.join(tmpdir(), 'pip-probe-'));
  try {
    const probe = ['download', '--quiet', '--no-deps', '--no-cache-dir', '--dest', scratch];
    const limits = ['--timeout', String(PROBE_SECONDS), '--retries', '0'];
    // pip itself takes a second or two to start on a busy machine; that is not the index's time.
    const answer = await systemExec(python, [...pip, ...probe, ...limits, PROBE], { timeout: PROBE_SECONDS * 3 });
    if (answer.code !== 0) return { why: `no package index answers within ${PROBE_SECONDS} s (${lastLine(answer)})` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  log.info(`pip install --require-hashes -r ${path.basename(requirements)} (Python ${base.version})`);
  // Wheels only: a Python that the pins have none for would compile numpy for an hour, and another way may lead there.
  const how = ['--quiet', '--require-hashes', '--only-binary=:all:', '--no-warn-script-location'];
  const args = [...pip, 'install', ...how, '-r', requirements];
  const installed = await systemExec(python, args, { timeout: 600 });
  return installed.code === 0 ? { python } : { why: `pip install: ${lastLine(installed)}` };
}

/** A venv over an interpreter that already has the packages (a runner image for closed networks). */
export async function preinstalledRoute(base: Interpreter, venv: string): Promise<Outcome> {
  const has = await systemExec(base.command, ['-I', '-c', `import ${MODULES}`], { timeout: 60 });
  if (has.code !== 0) return { why: `${base.command} lacks packages (${lastLine(has)})` };
  // Without pip: Debian leaves ensurepip out of python3, and nothing is to be installed here.
  const args = ['-m', 'venv', '--clear', '--without-pip', '--system-site-packages', venv];
  const made = await systemExec(base.command, args, { timeout: 120 });
  return made.code === 0 ? { python: venvPython(venv) } : { why: `${base.command} -m venv: ${lastLine(made)}` };
}

/** The distribution's own packages, as root on a Debian-like machine. */
export async function debianRoute(venv: string, log: Pick<Log, 'info'>): Promise<Outcome> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return { why: 'not root on a Debian-like machine' };
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = async (...args: string[]): Promise<ExecResult | undefined> => {
    try {
      return await systemExec('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], { env, timeout: 600 });
    } catch {
      return undefined;
    }
  };
  const install = ['install', '-y', '--no-install-recommends', 'python3', ...DEBIAN_PACKAGES];
  log.info(`apt-get install ${DEBIAN_PACKAGES.join(' ')}`);
  let done = await apt(...install);
  // Package lists are missing in a fresh container image and old in a kept one.
  if (done !== undefined && done.code !== 0 && (await apt('update'))?.code === 0) done = await apt(...install);
  if (done === undefined) return { why: 'there is no apt-get' };
  if (done.code !== 0) return { why: `apt-get install: ${lastLine(done)}` };
  // The distribution's packages belong to its own Python; the `python3` on PATH may be another one.
  const version = await versionOf(DEBIAN_PYTHON);
  if (version === undefined || !isNewEnough(version))
    return { why: `${DEBIAN_PYTHON} is ${version ?? 'not there'}, 3.11 is needed` };
  return preinstalledRoute({ command: DEBIAN_PYTHON, version }, venv);
}

function venvPython(venv: string): string {
  return process.platform === 'win32' ? path.join(venv, 'Scripts', 'python.exe') : path.join(venv, 'bin', 'python');
}

function lastLine(result: ExecResult): string {
  if (result.timedOut) return 'no end in time';
  const lines = `${result.stdoutTail}\n${result.stderrTail}`.trim().split('\n');
  return oneLine(lines.at(-1) ?? '', 200) || `exit ${result.code ?? result.signal}`;
}
