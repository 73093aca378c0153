/** Every cell of the sample chart rendered by real helm, validated against the schemas of Kubernetes, and type-checked. */
import type { Bench } from '../lib/bench.ts';
import { runTests } from './_suite.ts';

export const run: Bench = async () => {
  const { seconds, passed } = await runTests('__tests__/examples/chart/cells.test.ts');
  return {
    about: 'The chart check: strategies x environments x autoscaler x weights, as in `npm test`.',
    columns: ['tests', 's'],
    rows: [[String(passed), seconds.toFixed(1)]],
    facts: { passed, seconds },
    limits: [{ name: 'all cells', measured: Number(seconds.toFixed(1)), most: 20, unit: 's' }],
    notes: ['With the start of the test runner.'],
  };
};
