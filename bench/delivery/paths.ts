/** Every path through the workflows, in the lab's runner. */
import type { Bench } from '../lib/bench.ts';
import { ratio } from '../lib/measure.ts';
import { runTests } from './_suite.ts';

const SUITES = ['deliver-paths', 'deliver-handoff', 'other-ways', 'strategies', 'judged-ways', 'rollout-way', 'rerun'];
const MOST = 30;

export const run: Bench = async () => {
  const rows: string[][] = [];
  const seconds: Record<string, number> = {};
  for (const suite of SUITES) {
    const ran = await runTests(`__tests__/lab/runner/${suite}.test.ts`);
    seconds[suite] = ran.seconds;
    rows.push([suite, String(ran.passed), ran.seconds.toFixed(1), (ran.seconds / ran.passed).toFixed(2)]);
  }
  const all = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  const tests = rows.reduce((sum, row) => sum + Number(row[1]), 0);
  rows.push(['all', String(tests), all.toFixed(1), (all / tests).toFixed(2)]);
  return {
    about: 'Runs of the real workflow files by the lab, one after the other, each path a test.',
    columns: ['suite', 'tests', 's', 's a test'],
    rows,
    facts: { seconds, ratio: ratio(all, MOST) },
    limits: [{ name: 'all paths', measured: Number(all.toFixed(1)), most: MOST, unit: 's' }],
    notes: [
      'A test may run several workflows. Every step of an action is a Node process of its own, as on GitHub.',
      'With the start of the test runner, once a suite.',
    ],
  };
};
