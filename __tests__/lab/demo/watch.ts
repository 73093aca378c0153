/** Looks on while a command runs: the environments of the steps among the processes below this one. */
import { readdirSync, readFileSync } from 'node:fs';

const EVERY_MS = 50;

export interface Seen {
  /** `NAME=value` of every environment of a job's step. */
  variables: Set<string>;
}

/** @returns a handle that stops looking when it is let go of */
export function watchEnvironments(): Seen & Disposable {
  const seen: Seen = { variables: new Set() };
  const look = (): void => {
    const parents = new Map<number, number>();
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      // Behind the name in brackets, which may hold anything: the state, then the parent.
      const stat = read(`/proc/${pid}/stat`);
      parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    }
    const isOurs = (pid: number | undefined): boolean =>
      pid !== undefined && pid !== 0 && (pid === process.pid || isOurs(parents.get(pid)));
    for (const [pid, parent] of parents) {
      if (!isOurs(parent)) continue;
      const environment = read(`/proc/${pid}/environ`).split('\0');
      if (environment.includes('GITHUB_ACTIONS=true')) for (const one of environment) seen.variables.add(one);
    }
  };
  const timer = setInterval(look, EVERY_MS);
  return { ...seen, [Symbol.dispose]: () => clearInterval(timer) };
}

/** '' for a process that is gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
