/** How large the judge is as a library, and the action as it ships. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Bench } from '../lib/bench.ts';
import { BUNDLE } from './_action.ts';

const MOST_CORE = 25_000;
const MOST_BUNDLE = 1_000_000;

export const run: Bench = async () => {
  const entry = join(import.meta.dirname, '../../src/verify-canary/core/index.ts');
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'node20',
    write: false,
    metafile: true,
  });
  const [core] = outputFiles;
  if (core === undefined) throw new Error('esbuild wrote nothing');
  const parts = Object.values(metafile.outputs)[0]?.inputs ?? {};
  const largest = Object.entries(parts)
    .map(([path, { bytesInOutput }]) => [path.slice(path.lastIndexOf('/') + 1), bytesInOutput] as const)
    .sort((a, b) => b[1] - a[1]);
  const bundle = statSync(BUNDLE).size;
  const kb = (bytes: number): string => (bytes / 1000).toFixed(1);
  return {
    about: 'Minified size of the judge (core/, by esbuild) and of the bundle that runs in a workflow.',
    columns: ['what', 'kB', 'kB gzipped'],
    rows: [
      ['core/', kb(core.contents.length), kb(gzipSync(core.contents).length)],
      ...largest.slice(0, 6).map(([name, bytes]) => [`of it ${name}`, kb(bytes), '']),
      ['the whole bundle', kb(bundle), ''],
    ],
    facts: { core: core.contents.length, parts: Object.fromEntries(largest), bundle },
    limits: [
      { name: 'core/', measured: core.contents.length, most: MOST_CORE, unit: 'bytes' },
      { name: 'the bundle', measured: bundle, most: MOST_BUNDLE, unit: 'bytes' },
    ],
    notes: [],
  };
};
