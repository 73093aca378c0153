/** Judges with fixed limits on the canary alone. */
import { BOUNDS } from '../scenario/scenario.ts';
import { type Model, windowed } from './model.ts';
import { histogramQuantile } from './stats.ts';

/**
 * Flagger: success rate at least 99 % and p99 at most 500 ms, looked at every minute; a failed or an empty check does not
 * move the weight, and `threshold` of them, in a row or not, roll back.
 */
export function flagger(threshold: number): Model {
  let failed = 0;
  return windowed(60, ({ canary }) => {
    const good =
      canary.n > 0 && 1 - canary.e / canary.n >= 0.99 && histogramQuantile(0.99, canary.n, BOUNDS, canary.slow) <= 0.5;
    if (good) return 'ok';
    failed += 1;
    return failed >= threshold ? 'fail' : 'bad';
  });
}

/**
 * Argo Rollouts: `successCondition: result[0] >= 0.95` every five minutes; more than `failureLimit` failures abort.
 * A measurement without a number is an error, not a failure.
 */
export function argo(failureLimit: number): Model {
  let failures = 0;
  return windowed(300, ({ canary }) => {
    if (canary.n === 0) return 'bad';
    if (1 - canary.e / canary.n >= 0.95) return 'ok';
    failures += 1;
    // Up to its limit a failed measurement stops nothing: the pauses of the rollout go on.
    return failures > failureLimit ? 'fail' : 'ok';
  });
}

/** A rule that many write themselves: p99 of the last minute more than 1.2 times stable's. */
export function p99Ratio(): Model {
  return windowed(60, ({ stable, canary }) => {
    const base = histogramQuantile(0.99, stable.n, BOUNDS, stable.slow);
    const own = histogramQuantile(0.99, canary.n, BOUNDS, canary.slow);
    if (Number.isNaN(base) || Number.isNaN(own)) return 'bad';
    return own > 1.2 * base ? 'fail' : 'ok';
  });
}
