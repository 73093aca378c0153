/** Index: to build it from real PyPI and from made-up npm of the real size, to look into it, and to do without it. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, spread } from '../lib/measure.ts';
import { realDatabase, syntheticNpm, world } from './_world.ts';

const SYNTHETIC = 320e6;

interface Told {
  seconds: number[];
  cpu: number;
  peak: number;
}

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice(7) ?? 5);
  const pypi = join(realDatabase(), 'PyPI/all.zip');
  using place = world({ x: '' });
  const { zip, records } = syntheticNpm(SYNTHETIC);
  const npm = join(place.root, 'npm.zip');
  writeFileSync(npm, zip);
  mkdirSync(join(place.root, 'out'));
  const rows: string[][] = [];
  const facts: Record<string, unknown> = { records, zip: zip.length };
  const limits: { name: string; measured: number; most: number; unit: string }[] = [];
  const cases = [
    { name: 'archive read without an index, PyPI', job: 'archive', eco: 'PyPI', path: pypi, runs, most: 1.5 },
    { name: 'index built, PyPI', job: 'build', eco: 'PyPI', path: pypi, runs, most: 4 },
    { name: '100 packages looked up in the index, PyPI', job: 'lookup', eco: 'PyPI', path: pypi, runs, most: 0.25 },
    { name: '100 packages nobody asked for before, PyPI', job: 'others', eco: 'PyPI', path: pypi, runs, most: 0.25 },
    { name: `index built, npm, ${records} made-up records`, job: 'build', eco: 'npm', path: npm, runs: 1, most: 20 },
    { name: '100 packages looked up in the index, npm', job: 'lookup', eco: 'npm', path: npm, runs, most: 0.25 },
  ];
  for (const { name, job, eco, path, runs: times, most } of cases) {
    const out = join(place.root, 'out', `${eco}.bin`);
    const told = await inProcess(job, eco, path, out, times);
    const { median, least, most: worst } = spread(told.seconds);
    const size = job === 'build' ? (statSync(out).size / 1e6).toFixed(1) : '';
    rows.push([
      name,
      `${median.toFixed(3)} (${least.toFixed(3)} - ${worst.toFixed(3)})`,
      told.cpu.toFixed(3),
      (told.peak / 1e6).toFixed(0),
      size,
    ]);
    facts[name] = told;
    limits.push({ name, measured: Number(median.toFixed(3)), most, unit: 's' });
    if (eco === 'npm' && job === 'build')
      limits.push({ name: `memory: ${name}`, measured: Math.round(told.peak / 1e6), most: 400, unit: 'MB' });
  }
  return {
    about: `From source, each case in a process of its own; median of ${runs} (least - most), one for the large archive. CPU seconds are of one run on average, peak memory of the process.`,
    columns: ['what', 's', 'CPU s', 'peak MB', 'index MB'],
    rows,
    facts,
    limits,
    notes: ['CPU seconds tell more than wall seconds on a machine that others use.'],
  };
};

async function inProcess(job: string, eco: string, path: string, out: string, runs: number): Promise<Told> {
  const file = join(import.meta.dirname, '_index-job.ts');
  const { code, output, peak } = await measureProcess(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    file,
    job,
    eco,
    path,
    out,
    String(runs),
  ]);
  if (code !== 0) throw new Error(`${job} ${eco}: ${output.slice(-1000)}`);
  return { ...(JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as Omit<Told, 'peak'>), peak };
}
