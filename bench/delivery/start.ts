/** What the start of Node and of the bundles costs over a whole delivery. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, ratio, spread } from '../lib/measure.ts';

const root = join(import.meta.dirname, '../..');

/** Steps of a canary delivery over 5, 10, 25, 50 and 100 %, counted in its log: the gate, the build, six stages, the result. */
const STEPS: Readonly<Record<string, number>> = {
  'report-tests': 2,
  'scan-deps': 1,
  'build-image': 1,
  'plan-delivery': 1,
  'bump-helm-tag': 6,
  'verify-canary': 6,
  'report-delivery': 9,
};

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice('--runs='.length) ?? 11);
  const temp = await mkdtemp(join(tmpdir(), 'bench-start-'));
  try {
    const empty = join(temp, 'empty.mjs');
    await writeFile(empty, '');
    const env = { PATH: process.env.PATH, HOME: temp, RUNNER_TEMP: temp };
    const files = [empty, ...Object.keys(STEPS).map((name) => join(root, 'dist', name, 'index.js'))];
    const seen = new Map<string, number[]>(files.map((file) => [file, []]));
    // In turn, so that a busy moment falls on all of them.
    for (let n = 0; n <= runs; n += 1)
      for (const file of files) {
        // Without inputs a bundle loads everything it starts with, finds them bad and ends.
        const { seconds } = await measureProcess(process.execPath, [file], { cwd: temp, env });
        if (n > 0) seen.get(file)?.push(seconds * 1000);
      }
    const median = (file: string): number => spread(seen.get(file) ?? []).median;
    const nothing = median(empty);
    let all = 0;
    let own = 0;
    const rows = Object.entries(STEPS).map(([name, steps]) => {
      const ms = median(join(root, 'dist', name, 'index.js'));
      all += steps * ms;
      own += steps * (ms - nothing);
      return [name, String(steps), ms.toFixed(0), (steps * (ms - nothing)).toFixed(0), ratio(ms, nothing)];
    });
    rows.push(['all', String(Object.values(STEPS).reduce((a, b) => a + b)), all.toFixed(0), own.toFixed(0), '']);
    return {
      about: `Start of every step of a canary delivery, beside an empty module (${nothing.toFixed(0)} ms); ${runs} cold starts each.`,
      columns: ['bundle', 'steps', 'ms a start', 'ms of ours in all', 'ratio to an empty module'],
      rows,
      facts: { nothing, seen: Object.fromEntries(seen) },
      limits: [{ name: 'start of our code over a delivery', measured: Math.round(own), most: 1000, unit: 'ms' }],
      notes: ['"ms of ours" leaves out what Node itself takes, which every JavaScript action pays.'],
    };
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
};
