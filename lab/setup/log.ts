/** Set-up steps, each with its seconds. */
import type { Log } from '../../src/runner/index.ts';
import { formatSeconds } from '../../src/text/index.ts';

export type StepLog = Pick<Log, 'info'>;

/** Runs a step and prints how long it took. */
export async function step<T>(log: StepLog, name: string, body: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await body();
  log.info(`${name}: ${formatSeconds((performance.now() - start) / 1000)}`);
  return result;
}
