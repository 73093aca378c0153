/** A Python with the packages of the sample service, whatever this machine offers. Kept in `<cacheDir>/python`. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ActionError, type Log } from '../../src/runner/index.ts';
import { findInterpreter, type Interpreter, versionOf } from './interpreter.ts';
import { withLock } from './lock.ts';
import { debianRoute, type Outcome, pipRoute, preinstalledRoute } from './routes.ts';

export interface PythonEnv {
  /** Absolute path of an interpreter that has everything of requirements-dev.txt. */
  python: string;
  /** How it got that: the hashed pins by pip, or packages that the machine (its distribution) has. */
  install: 'pip' | 'preinstalled';
}

const SERVICE = fileURLToPath(new URL('../../examples/histogram-eq/', import.meta.url));
const WAIT_SECONDS = 900;

/**
 * Prepares that Python once for each set of pins; later calls, also of other processes at the same time, find it.
 * Tried in order: hashed pins when an index answers within 5 s, packages that are already there, the distribution's packages
 * (as root on a Debian-like machine).
 * @param cacheDir folder for what is kept between runs, such as `.lab`
 * @throws ActionError E_LAB_PYTHON when no way leads there; the text says why each one failed
 */
export async function ensurePython(cacheDir: string, log: Pick<Log, 'info'>): Promise<PythonEnv> {
  const base = await findInterpreter();
  const requirements = path.join(SERVICE, 'requirements-dev.txt');
  const pins = await Promise.all(
    [requirements, path.join(SERVICE, 'requirements.txt')].map((file) => readFile(file, 'utf8')),
  );
  const key = createHash('sha256')
    .update(JSON.stringify([base?.version ?? '', ...pins]))
    .digest('hex')
    .slice(0, 16);
  const folder = path.resolve(cacheDir, 'python', key);
  const known = await readReady(folder);
  if (known !== undefined) return known;
  return withLock(folder, WAIT_SECONDS, async () => {
    const meanwhile = await readReady(folder);
    if (meanwhile !== undefined) return meanwhile;
    await mkdir(folder, { recursive: true });
    const env = await prepare(base, path.join(folder, 'venv'), requirements, log);
    await writeFile(path.join(folder, 'ready.tmp'), JSON.stringify(env));
    // Written last and whole: an interrupted set-up starts again from nothing.
    await rename(path.join(folder, 'ready.tmp'), path.join(folder, 'ready.json'));
    return env;
  });
}

async function prepare(
  base: Interpreter | undefined,
  venv: string,
  requirements: string,
  log: Pick<Log, 'info'>,
): Promise<PythonEnv> {
  const reasons: string[] = [];
  const attempt = async (install: PythonEnv['install'], route: Promise<Outcome>): Promise<PythonEnv | undefined> => {
    const outcome = await route;
    if ('python' in outcome) return { python: outcome.python, install };
    reasons.push(outcome.why);
    return undefined;
  };
  const found =
    base === undefined
      ? undefined
      : ((await attempt('pip', pipRoute(base, venv, requirements, log))) ??
        (await attempt('preinstalled', preinstalledRoute(base, venv))));
  if (base === undefined) reasons.push('no Python 3.11 or newer on PATH');
  const env = found ?? (await attempt('preinstalled', debianRoute(venv, log)));
  if (env !== undefined) return env;
  throw new ActionError('E_LAB_PYTHON', {
    what: 'prepare Python',
    why: reasons.join('; '),
    fix: 'Install Python 3.11 or newer with venv and pip and give it a package index (PIP_INDEX_URL), or install the packages of examples/histogram-eq/requirements-dev.txt',
  });
}

async function readReady(folder: string): Promise<PythonEnv | undefined> {
  let env: PythonEnv;
  try {
    env = JSON.parse(await readFile(path.join(folder, 'ready.json'), 'utf8')) as PythonEnv;
  } catch {
    return undefined;
  }
  // A venv is a set of links: it breaks when its base Python goes, or when the folder is moved.
  return env.python.startsWith(folder) && (await versionOf(env.python)) !== undefined ? env : undefined;
}
