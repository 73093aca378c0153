/** Judges that compare time series by ranks. */
import { type ArmWindow, type Model, type Window, windowed } from './model.ts';
import { mannWhitney, shift } from './stats.ts';

type Series = { stable: number[]; canary: number[] };

/**
 * What a dashboard has per reading: error rate and share over half a second. CPU is left out in favour of these judges: a
 * canary carries its idle cost on few requests, and by ranks alone that fails every one.
 */
function values(arm: ArmWindow): [number, number] {
  return [arm.e / arm.n, (arm.slow[1] ?? 0) / arm.n];
}

function append(series: readonly Series[], stable: ArmWindow, canary: ArmWindow): boolean {
  if (stable.n === 0 || canary.n === 0) return false;
  const [a, b] = [values(stable), values(canary)];
  for (const [i, one] of series.entries()) {
    one.stable.push(a[i] ?? 0);
    one.canary.push(b[i] ?? 0);
  }
  return true;
}

const twoSeries = (): Series[] => [0, 1].map(() => ({ stable: [], canary: [] }));

/** Normal quantile of a two-sided level of 98 %. */
const Z98 = 2.3263478740408408;
const TOLERANCE = 0.25;

/** Kayenta's classifier: high when the 98 % interval of the shift lies above a quarter of the Hodges-Lehmann estimate. */
export function isHigh(canary: readonly number[], stable: readonly number[]): boolean {
  const { estimate, low } = shift(canary, stable, Z98);
  return low > TOLERANCE * Math.abs(estimate);
}

/**
 * Kayenta: one value a minute, judged every minute over all of the rollout so far; the score is the share of metrics that
 * are not high, below 75 it fails, from 95 it passes.
 */
export function kayenta(): Model {
  const series = twoSeries();
  return windowed(60, ({ stable, canary }) => {
    if (!append(series, stable, canary)) return 'bad';
    const high = series.filter((s) => isHigh(s.canary, s.stable)).length;
    const score = (100 * (series.length - high)) / series.length;
    return score < 75 ? 'fail' : score >= 95 ? 'ok' : 'bad';
  });
}

/**
 * PipeCD's ANALYSIS stage, strategy CANARY_BASELINE: every five minutes the readings of these five minutes, Mann-Whitney at
 * p <= 0.05 in either direction, failureLimit 0.
 */
export function pipecd(): Model {
  let series = twoSeries();
  let seconds = 0;
  const begin = (): void => {
    series = twoSeries();
    seconds = 0;
  };
  const look = (window: Window): 'ok' | 'bad' | 'fail' => {
    append(series, window.stable, window.canary);
    seconds += window.seconds;
    if (seconds < 300) return 'bad';
    const full = series;
    begin();
    // No value on either side: the comparison is skipped.
    return full.some((s) => mannWhitney(s.canary, s.stable) <= 0.05) ? 'fail' : 'ok';
  };
  return windowed(1, look, begin);
}
