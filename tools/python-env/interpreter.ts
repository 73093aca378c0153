/** Which Python of this machine is new enough for the sample service. */
import { type Exec, systemExec } from '../../src/runner/index.ts';

export interface Interpreter {
  command: string;
  /** `3.11.2` */
  version: string;
}

/** Oldest Python that the sample service runs on. */
const OLDEST = [3, 11] as const;

// The plain name first: it is what the user means by "Python".
const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/** The first of the usual names that runs and is new enough, or undefined. */
export async function findInterpreter(
  exec: Exec = systemExec,
  names: readonly string[] = NAMES,
): Promise<Interpreter | undefined> {
  for (const command of names) {
    const version = await versionOf(command, exec);
    if (version !== undefined && isNewEnough(version)) return { command, version };
  }
  return undefined;
}

/** Its version, or undefined when it does not run (a shim of a version manager may exist and still not run). */
export async function versionOf(command: string, exec: Exec = systemExec): Promise<string | undefined> {
  const code = 'import sys; print("%d.%d.%d" % sys.version_info[:3])';
  try {
    const result = await exec(command, ['-I', '-c', code], { timeout: 20 });
    const text = result.stdoutTail.trim();
    return result.code === 0 && /^\d+\.\d+\.\d+$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}
