/** Does the canary get the share of traffic that Git asks for? */
import { GRID, logAddExp, logSumExp } from './log.ts';

/** What one request counts for against each effect, above and below; it depends on the rules and the weight alone. */
interface Terms {
  above: readonly number[];
  below: readonly number[];
}

let last: { weight: number; tolerance: number; terms: Terms } | null = null;

/** Asked at every line of a step with the same weight: worked out once. */
function termsOf(weight: number, tolerance: number): Terms {
  if (last !== null && last.weight === weight && last.tolerance === tolerance) return last.terms;
  const odds = weight / (100 - weight);
  const above = (odds * tolerance) / (1 + odds * tolerance);
  const below = odds / tolerance / (1 + odds / tolerance);
  const terms = {
    above: GRID.map((g) => Math.log1p(above * Math.expm1(g))),
    below: GRID.map((g) => Math.log1p(below * Math.expm1(-g))),
  };
  last = { weight, tolerance, terms };
  return terms;
}

/**
 * ln evidence against "the canary's odds are within a factor `tolerance` of weight/(100-weight)".
 * @param n0 stable requests of the step @param n1 canary requests
 * @param phi requests that travel together (one connection), when balancing is by connection
 */
export function logShare(n0: number, n1: number, weight: number, tolerance: number, phi: number): number {
  const total = n0 + n1;
  const { above, below } = termsOf(weight, tolerance);
  const side = (terms: readonly number[], sign: 1 | -1): number =>
    logSumExp(terms.map((term, i) => (n1 * sign * (GRID[i] ?? 0) - total * term) / phi)) - Math.log(GRID.length);
  return logAddExp(side(above, 1), side(below, -1)) - Math.LN2;
}

/** Evidence at which the share counts as wrong. */
export const SHARE_LIMIT = Math.log(100);

/** True when the observed odds lie within the tolerance of the weight's. */
export function withinTolerance(n0: number, n1: number, weight: number, tolerance: number): boolean {
  const odds = weight / (100 - weight);
  return n1 <= n0 * odds * tolerance && n1 >= (n0 * odds) / tolerance;
}
