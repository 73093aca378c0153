/** Laws of the version orders over 10^6 triples an order, and how long a comparison takes. No other program is run. */

import { ECOSYSTEMS } from '../../src/scan-deps/types.ts';
import type { Bench } from '../lib/bench.ts';
import { checkLaws } from './_versions.ts';

const TRIPLES = 1_000_000;
const SEED = 20260801;

export const run: Bench = async () => {
  const rows: string[][] = [];
  let broken = 0;
  for (const eco of ECOSYSTEMS) {
    const start = performance.now();
    const { equal, violations } = checkLaws(eco, TRIPLES, SEED, 4000);
    const seconds = (performance.now() - start) / 1000;
    broken += violations.length;
    const each = ((seconds / TRIPLES / 4) * 1e9).toFixed(0);
    rows.push([
      eco,
      String(TRIPLES),
      String(equal),
      String(violations.length),
      seconds.toFixed(1),
      each,
      violations.join('; '),
    ]);
  }
  return {
    about: 'Antisymmetry and transitivity of each version order over random triples of 4,000 random versions.',
    columns: ['order', 'triples', 'with an equal pair', 'violations', 's', 'ns a comparison', 'first violations'],
    rows,
    facts: { seed: SEED, triples: TRIPLES },
    limits: [{ name: 'violations of an order', measured: broken, most: 0, unit: 'triples' }],
    notes: ['The time holds four comparisons a triple and the choice of the triple.'],
  };
};
