/** Size and cold start of the bundle, beside a module that does nothing. */
import { access, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, spread } from '../lib/measure.ts';
import { BUNDLE } from './_lab.ts';

const SYSTEM_NODE = '/usr/bin/node';

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice('--runs='.length) ?? 21);
  const temp = await mkdtemp(join(tmpdir(), 'bench-start-'));
  try {
    const empty = join(temp, 'empty.mjs');
    await writeFile(empty, '');
    const nodes = [process.execPath, ...((await exists(SYSTEM_NODE)) ? [SYSTEM_NODE] : [])];
    const rows: string[][] = [];
    const facts: Record<string, unknown> = {};
    let cold = 0;
    for (const node of nodes) {
      const version = (await measureProcess(node, ['--version'])).output.trim();
      const seconds: Record<string, number[]> = { bundle: [], empty: [] };
      const start = async (name: string, file: string, n: number): Promise<void> => {
        // Without inputs the bundle loads everything it starts with, finds the inputs bad and ends.
        const result = await measureProcess(node, [file], { env: { PATH: process.env.PATH, HOME: temp } });
        if (name === 'bundle' && !/\[E_INPUT\]/.test(result.output))
          throw new Error(`it did not start: ${result.output}`);
        if (n > 0) seconds[name]?.push(result.seconds * 1000);
      };
      for (let n = 0; n <= runs; n += 1) {
        await start('bundle', BUNDLE, n);
        await start('empty', empty, n);
      }
      const [bundle, nothing] = [spread(seconds.bundle ?? []), spread(seconds.empty ?? [])];
      if (version.startsWith('v24.')) cold = bundle.median;
      facts[version] = seconds;
      rows.push([
        version,
        bundle.median.toFixed(0),
        `${bundle.least.toFixed(0)} - ${bundle.most.toFixed(0)}`,
        nothing.median.toFixed(0),
        (bundle.median - nothing.median).toFixed(0),
      ]);
    }
    const size = (await stat(BUNDLE)).size;
    const packed = gzipSync(await readFile(BUNDLE)).length;
    return {
      about: `Start of the committed bundle (${Math.round(size / 1000)} kB, ${Math.round(packed / 1000)} kB gzipped) up to the check of its inputs; ${runs} cold starts each, in turn with an empty module.`,
      columns: ['Node', 'bundle ms', 'least - most', 'empty module ms', 'difference ms'],
      rows,
      facts: { size, packed, ...facts },
      limits: [
        { name: 'bundle', measured: Math.round(size / 1000), most: 1000, unit: 'kB' },
        { name: 'cold start, Node 24, median', measured: Math.round(cold), most: 120, unit: 'ms' },
      ],
      notes: ['Times are of whole processes, from spawn to exit.'],
    };
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
};

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
