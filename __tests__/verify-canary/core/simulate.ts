import { Worker } from 'node:worker_threads';
import type { Scenario, Task } from './simulation.ts';

const THREADS = 2;

/** One number a rollout; seed 1 is the first. The number of threads changes nothing but the time. */
export async function simulate(scenario: Scenario, runs: number, ...args: number[]): Promise<number[]> {
  const size = Math.ceil(runs / THREADS);
  const parts = Array.from({ length: THREADS }, (_, i) =>
    inThread({ scenario, args, from: 1 + i * size, to: 1 + Math.min(runs, (i + 1) * size) }),
  );
  return (await Promise.all(parts)).flat();
}

export async function rateOf(scenario: Scenario, runs: number, ...args: number[]): Promise<number> {
  const results = await simulate(scenario, runs, ...args);
  return results.reduce((sum, one) => sum + one, 0) / results.length;
}

function inThread(task: Task): Promise<number[]> {
  return new Promise((done, refuse) => {
    const worker = new Worker(new URL('./simulation.ts', import.meta.url), { workerData: task });
    worker.once('message', done).once('error', refuse);
    worker.once('exit', (code) => refuse(new Error(`${task.scenario} ended without an answer, exit code ${code}`)));
  });
}
