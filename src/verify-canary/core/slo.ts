/** Evidence about an objective from the canary's counts alone: e events in n requests, objective s. */
import { logSumExp } from './log.ts';

/** ln evidence against "the event rate is s or more". */
export function logCertificate(e: number, n: number, s: number, phi: number): number {
  return mean([0, s / 4, s / 2], e, n, s, phi);
}

/** ln evidence against "the event rate is s or less". */
export function logViolation(e: number, n: number, s: number, phi: number): number {
  const cap = (1 + s) / 2;
  return mean(
    [1.5 * s, 2 * s, 4 * s, 8 * s].map((p) => Math.min(p, cap)),
    e,
    n,
    s,
    phi,
  );
}

/** ln of the mean likelihood ratio of Bernoulli(p) against Bernoulli(s), with 0^0 = 1. */
function mean(alternatives: readonly number[], e: number, counted: number, s: number, phi: number): number {
  const n = Math.max(counted, e);
  const logs = alternatives.map((p) => {
    const events = e === 0 ? 0 : e * Math.log(p / s);
    const others = n === e ? 0 : (n - e) * (Math.log1p(-p) - Math.log1p(-s));
    return (events + others) / phi;
  });
  return logSumExp(logs) - Math.log(logs.length);
}
