/** Does the canary get the share of traffic that Git asks for? */
import { GRID, logAddExp, logSumExp } from './log.ts';

/**
 * ln evidence against "the canary's odds are within a factor `tolerance` of weight/(100-weight)".
 * @param n0 stable requests of the step @param n1 canary requests
 * @param phi requests that travel together (one connection), when balancing is by connection
 */
export function logShare(n0: number, n1: number, weight: number, tolerance: number, phi: number): number {
  const total = n0 + n1;
  const odds = weight / (100 - weight);
  const above = (odds * tolerance) / (1 + odds * tolerance);
  const below = odds / tolerance / (1 + odds / tolerance);
  const side = (t: number, sign: 1 | -1): number =>
    logSumExp(GRID.map((g) => (n1 * sign * g - total * Math.log1p(t * Math.expm1(sign * g))) / phi)) -
    Math.log(GRID.length);
  return logAddExp(side(above, 1), side(below, -1)) - Math.LN2;
}

/** Evidence at which the share counts as wrong. */
export const SHARE_LIMIT = Math.log(100);

/** True when the observed odds lie within the tolerance of the weight's. */
export function withinTolerance(n0: number, n1: number, weight: number, tolerance: number): boolean {
  const odds = weight / (100 - weight);
  return n1 <= n0 * odds * tolerance && n1 >= (n0 * odds) / tolerance;
}
