/** Judges that compare pooled counts of errors and of requests over half a second. */
import type { TraceLine } from '../../../src/verify-canary/core/index.ts';
import { accumulate, emptyWindow, type Model, type Window, windowed, windowOf } from './model.ts';
import { pooledZ, probabilityWorse } from './stats.ts';

/** Normal quantile of 1 % on one side: the share of false alarms that is promised if one looks once. */
const Z99 = 2.3263478740408408;

function worseByZ({ stable, canary }: Window): boolean {
  const errors = pooledZ(stable.e, stable.n, canary.e, canary.n);
  const slow = pooledZ(stable.slow[1] ?? 0, stable.n, canary.slow[1] ?? 0, canary.n);
  return Math.max(errors, slow) > Z99;
}

/** Two-proportion z-test at 1 %, repeated after every reading over all counts so far. */
export function zPeeking(): Model {
  const sum = emptyWindow();
  return windowed(1, (window) => {
    accumulate(sum, window);
    return worseByZ(sum) ? 'fail' : 'ok';
  });
}

/** The same test once, at the last reading of the rollout. @param end seconds */
export function zOnce(end: number): Model {
  const sum = emptyWindow();
  let failed = false;
  return {
    observe(line: TraceLine) {
      const window = windowOf(line);
      if (window !== null) accumulate(sum, window);
      if (!('type' in line) && line.end >= end) failed = worseByZ(sum);
    },
    verdict: () => (failed ? 'fail' : 'pass'),
  };
}

/** P(canary worse) > 0.95 after a uniform prior, looked at every minute over all counts so far. */
export function bayes(): Model {
  const sum = emptyWindow();
  return windowed(60, (window) => {
    accumulate(sum, window);
    const { stable, canary } = sum;
    const errors = probabilityWorse(stable.e, stable.n, canary.e, canary.n);
    if (errors > 0.95) return 'fail';
    const slow = probabilityWorse(stable.slow[1] ?? 0, stable.n, canary.slow[1] ?? 0, canary.n);
    return slow > 0.95 ? 'fail' : 'ok';
  });
}
