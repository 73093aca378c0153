/** Sequential sign test. */
import { logSumExp } from './log.ts';

const factorials = [0];

/** ln n! */
function logFactorial(n: number): number {
  for (let i = factorials.length; i <= n; i += 1) factorials.push((factorials[i - 1] ?? 0) + Math.log(i));
  return factorials[n] ?? 0;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/**
 * ln M(a, b), M = Σ_{i=0..a} C(a+b+1, i) / ((a+b+1) C(a+b, a)): evidence against "the median, given the past, is 0 or less"
 * after `above` blocks above 0 and `notAbove` others (uniform mixture over success probabilities above one half).
 */
export function logSign(above: number, notAbove: number): number {
  const n = above + notAbove;
  const terms = new Float64Array(above + 1);
  for (let i = 0; i <= above; i += 1) terms[i] = logChoose(n + 1, i);
  return logSumExp(terms) - Math.log(n + 1) - logChoose(n, above) + 0;
}
