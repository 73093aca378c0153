/** Wall clock, spread and memory of what is measured. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Spread {
  median: number;
  p95: number;
  least: number;
  most: number;
}

/** @param values at least one */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return { median: at(0.5), p95: at(0.95), least: at(0), most: at(1) };
}

/** Seconds of each run, in order. @param before called ahead of each run, not measured */
export async function timed(
  runs: number,
  body: (n: number) => Promise<unknown>,
  before: (n: number) => Promise<unknown> = async () => {},
): Promise<number[]> {
  const seconds: number[] = [];
  for (let n = 0; n < runs; n += 1) {
    await before(n);
    const start = performance.now();
    await body(n);
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}

/** How many times as long (or large) ours is; below 1 ours is better. */
export function ratio(ours: number, theirs: number): string {
  return theirs > 0 ? `${(ours / theirs).toFixed(2)}x` : '-';
}

export interface MeasuredProcess {
  /** Of wall time. */
  seconds: number;
  /** Seconds of processor time; like `peak` of its process, not of its children, and 0 where /proc is missing. */
  cpu: number;
  /** Most resident memory, bytes. */
  peak: number;
  code: number | null;
  output: string;
  /** Seconds until it wrote anything. */
  first: number;
  /** It came to its limit. */
  late: boolean;
}

/** Clock ticks a second of /proc; the same on every Linux that Node runs on. */
const TICKS = 100;

/** Runs a program to its end, or to its limit in seconds: then it and its children are killed, and `late` is true. */
export async function measureProcess(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string | undefined>>; limit?: number } = {},
): Promise<MeasuredProcess> {
  const { limit, ...rest } = options;
  const start = performance.now();
  const child = spawn(file, [...args], {
    ...rest,
    // With a limit it leads a group of its own, so that its children end with it.
    detached: limit !== undefined,
    env: { ...(options.env ?? process.env) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let first = Number.NaN;
  const keep = (chunk: Buffer): void => {
    if (output === '') first = (performance.now() - start) / 1000;
    output = (output + chunk.toString('utf8')).slice(-100_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let peak = 0;
  let cpu = 0;
  // The kernel keeps the high-water mark; it is gone with the process, so it is read while that runs.
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => '');
    // Behind the name in brackets, which may hold anything: utime and stime are the 12th and 13th field.
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    cpu = Math.max(cpu, (user + system) / TICKS);
  }, 20);
  let late = false;
  const killer =
    limit === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        }, limit * 1000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(timer);
  clearTimeout(killer);
  return { seconds: (performance.now() - start) / 1000, cpu, peak, code, output, first, late };
}
