/** Sums in the log domain, and the two grids of the mixtures. */

const NOTHING = -45;

/** ln Σ exp(a_i), without overflow. Of nothing: -Infinity. */
export function logSumExp(values: ArrayLike<number>): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    // Also true of what is no number, which then is the sum.
    if (!(value <= max)) max = value;
  }
  if (!Number.isFinite(max)) return max;
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) {
    const below = (values[i] as number) - max;
    // Less than 1e-19 of the sum each: not worth an exponential.
    if (below > NOTHING) sum += Math.exp(below);
  }
  return max + Math.log(sum) + 0;
}

export function logAddExp(a: number, b: number): number {
  const max = Math.max(a, b);
  if (!Number.isFinite(max)) return max;
  return max + Math.log1p(Math.exp(Math.min(a, b) - max)) + 0;
}

/** 64 effects from 0.05 to 4 on the ln scale: rate ratios from 1.05 to 55. */
export const GRID: readonly number[] = Array.from({ length: 64 }, (_, i) => 0.05 + (i * 3.95) / 63);

/** 129 log ratios from -4 to 4, for the interval that is shown. */
export const CI_GRID: readonly number[] = Array.from({ length: 129 }, (_, i) => -4 + i / 16);
