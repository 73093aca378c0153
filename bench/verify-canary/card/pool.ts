/** All cells over all cores. The number of threads changes nothing but the time. */
import { Worker } from 'node:worker_threads';
import { ZOO } from '../zoo/index.ts';
import { CELLS } from './cells.ts';
import { emptyTally, type Tally, type Task } from './work.ts';

const CHUNK = 50;

export interface CardOptions {
  seed: number;
  rollouts: number;
  threads: number;
  /** Names of the cells; empty: all. */
  cells: readonly string[];
}

/** @returns a tally for each judge in the order of the zoo, by cell */
export async function deal(
  options: CardOptions,
  progress: (done: number, all: number) => void = () => {},
): Promise<Map<string, Tally[]>> {
  const { seed, rollouts, cells } = options;
  const names = CELLS.map((cell) => cell.name).filter((name) => cells.length === 0 || cells.includes(name));
  const tasks: Task[] = names.flatMap((cell) =>
    Array.from({ length: Math.ceil(rollouts / CHUNK) }, (_, i) => ({
      cell,
      seed,
      from: i * CHUNK,
      to: Math.min(rollouts, (i + 1) * CHUNK),
    })),
  );
  const results: Tally[][] = new Array(tasks.length);
  let next = 0;
  let done = 0;
  const workers = Array.from({ length: Math.min(options.threads, tasks.length) }, async () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    try {
      while (next < tasks.length) {
        const index = next;
        next += 1;
        results[index] = await ask(worker, tasks[index] as Task);
        done += 1;
        progress(done, tasks.length);
      }
    } finally {
      await worker.terminate();
    }
  });
  await Promise.all(workers);
  const card = new Map<string, Tally[]>(names.map((name) => [name, ZOO.map(emptyTally)]));
  // In the order of the tasks, whoever was first.
  for (const [i, task] of tasks.entries())
    for (const [j, tally] of (results[i] ?? []).entries()) merge(card.get(task.cell)?.[j] ?? emptyTally(), tally);
  return card;
}

function ask(worker: Worker, task: Task): Promise<Tally[]> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off('error', failed).off('exit', gone).off('message', answered);
    };
    const failed = (error: unknown): void => {
      end();
      reject(error);
    };
    const gone = (code: number): void => failed(new Error(`a thread ended with ${code} at ${task.cell}`));
    const answered = (tallies: Tally[]): void => {
      end();
      resolve(tallies);
    };
    worker.on('error', failed).on('exit', gone).on('message', answered);
    worker.postMessage(task);
  });
}

function merge(sum: Tally, more: Tally): void {
  for (const key of ['rollouts', 'failed', 'held', 'promoted', 'early', 'harmed'] as const) sum[key] += more[key];
  for (const delay of more.delays) sum.delays.push(delay);
  for (const key of ['firstFailed', 'firstPromoted'] as const) sum[key] = [...sum[key], ...more[key]].slice(0, 3);
}
