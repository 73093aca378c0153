/** From the start of the process to its first line, and what it takes before it has done anything. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, spread } from '../lib/measure.ts';
import { option, root } from './_lab.ts';

const MOST = 0.13;
const BUNDLE = 1000;

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 20);
  const bundle = option(args, 'bundle') ?? join(root, 'dist/build-image/index.js');
  const folder = await mkdtemp(join(tmpdir(), 'bench-start-'));
  // Nothing listens there: the first line comes before any request.
  const env = {
    ...{ PATH: process.env.PATH, RUNNER_TEMP: folder, GITHUB_WORKSPACE: folder },
    ...{ INPUT_IMAGE: '127.0.0.1:9/o/app', INPUT_MODE: 'plan', INPUT_PUSH: 'false' },
  };
  const ours: number[] = [];
  const empty: number[] = [];
  let peak = 0;
  try {
    for (let n = 0; n <= runs; n += 1) {
      const ran = await measureProcess(process.execPath, [bundle], { cwd: folder, env });
      const bare = await measureProcess(process.execPath, ['-e', 'console.log(0)'], { cwd: folder, env });
      if (n === 0) continue;
      ours.push(ran.first);
      empty.push(bare.first);
      peak = Math.max(peak, ran.peak);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const kilobytes = Math.round((await stat(bundle)).size / 1000);
  const line = (name: string, seconds: readonly number[], limit: string): string[] => {
    const { median, p95 } = spread(seconds);
    return [name, median.toFixed(3), p95.toFixed(3), limit];
  };
  const first = Number(spread(ours).median.toFixed(3));
  return {
    about: `From the start of the process to its first line; ${runs} runs each, in turn.`,
    columns: ['program', 'median s', 'p95 s', 'limit'],
    rows: [line('build-image', ours, `${MOST} s`), line('node -e "console.log(0)"', empty, '')],
    facts: { ours, empty, peak, kilobytes },
    limits: [
      { name: 'first line', measured: first, most: MOST, unit: 's' },
      { name: 'bundle', measured: kilobytes, most: BUNDLE, unit: 'kB' },
    ],
    notes: ['The peak memory of a whole run that finds its image stands in the bench "unchanged".'],
  };
};
