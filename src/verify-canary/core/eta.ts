/** How long until a pass, if evidence keeps coming at the step's mean rate. */
import { GRID, logAddExp, logSumExp } from './log.ts';
import { logCertificate } from './slo.ts';
import type { Stream } from './stream.ts';

type Pending = NonNullable<ReturnType<Stream['pending']>>;

const MOST = 1000;

/**
 * All sums scale by c when time does; the smallest c in [1, 1000] with which every stream passes, by bisection.
 * @param elapsed seconds since the step's clock
 * @returns seconds; null when no c does
 */
export function eta(streams: readonly Pending[], beta: number, elapsed: number): number | null {
  const passes = (c: number): boolean => streams.every((s) => scaled(s, c) >= Math.log(1 / beta));
  if (passes(1)) return 0;
  if (!passes(MOST)) return null;
  let [no, yes] = [1, MOST];
  while (yes - no > 1e-3) {
    const middle = (no + yes) / 2;
    if (passes(middle)) yes = middle;
    else no = middle;
  }
  return (yes - 1) * elapsed;
}

function scaled(stream: Pending, c: number): number {
  const ratio = logSumExp(stream.sums.map((s) => s * c)) - Math.log(GRID.length);
  const { certificate } = stream;
  if (certificate === null) return ratio;
  return (
    logAddExp(ratio, logCertificate(certificate.e * c, certificate.n * c, certificate.s, certificate.phi)) - Math.LN2
  );
}
