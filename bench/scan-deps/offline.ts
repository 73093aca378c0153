/**
 * Whole scans offline: a service of 100 packages, a lock of 10,000, from the archive and from the index; beside osv-scanner
 * on the same files and the same database, where it is on the PATH.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, ratio, spread } from '../lib/measure.ts';
import { BUNDLE, npmLock, onPath, realDatabase, requirements, scan, world } from './_world.ts';

interface Affected {
  affected?: {
    package?: { ecosystem: string; name: string };
    versions?: string[];
    ranges?: { events: { introduced?: string }[] }[];
  }[];
}

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice(7) ?? 9);
  const database = realDatabase();
  const vulnerable = packagesOf(join(database, 'PyPI/all.zip'), 'PyPI', 20);
  const pypi = [...vulnerable, ...Array.from({ length: 80 }, (_, i) => [`made-up-package-${i}`, `1.${i}.0`] as const)];
  const npm = packagesOf(join(database, 'npm/all.zip'), 'npm', 60);
  const padding = Array.from(
    { length: 10_000 - npm.length },
    (_, i) => [`made-up-package-${i}`, `1.${i % 50}.0`] as const,
  );
  using service = world({ 'requirements.txt': requirements(pypi) });
  using large = world({ 'package-lock.json': npmLock([...npm, ...padding]) });
  const cache = join(service.root, '..', 'tools');
  mkdirSync(cache);
  const offline = { database };
  const cases = [
    { name: '100 packages, PyPI, warm index', root: service.root, cache, cold: false },
    { name: '100 packages, PyPI, no index yet', root: service.root, cache, cold: true },
    { name: '10,000 packages in a package-lock, npm, warm index', root: large.root, cache, cold: false },
  ];
  const peer = onPath('osv-scanner');
  const peerCache = join(service.root, '..', 'peer');
  for (const eco of ['PyPI', 'npm']) {
    mkdirSync(join(peerCache, 'osv-scalibr', eco), { recursive: true });
    mkdirSync(join(peerCache, 'osv-scanner', eco), { recursive: true });
    for (const folder of ['osv-scalibr', 'osv-scanner'])
      await import('node:fs/promises').then((fs) =>
        fs.copyFile(join(database, eco, 'all.zip'), join(peerCache, folder, eco, 'all.zip')),
      );
  }
  const peerRun = (root: string) =>
    measureProcess(peer ?? '', ['scan', 'source', '--offline-vulnerabilities', '--recursive', '.'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: peerCache, OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY: peerCache },
    });
  const rows: string[][] = [];
  const facts: Record<string, unknown> = { bundle: BUNDLE, peer: peer ?? 'not on PATH' };
  const limits: { name: string; measured: number; most: number; unit: string }[] = [];
  const most: Readonly<Record<string, number>> = { [cases[0]?.name ?? '']: 250, [cases[2]?.name ?? '']: 1000 };
  for (const { name, root, cache: tools, cold } of cases) {
    const ours: number[] = [];
    const theirs: number[] = [];
    let peak = 0;
    let peerPeak = 0;
    // In turn, so that a busy moment of the machine meets both.
    for (let n = 0; n <= runs; n += 1) {
      if (cold) rmSync(tools, { recursive: true, force: true });
      const own = await scan(root, offline, tools);
      // The first run builds the index where there is none: its memory is the next row's.
      if (n > 0) ours.push(own.seconds * 1000);
      if (n > 0) peak = Math.max(peak, own.peak);
      if (peer === undefined) continue;
      const other = await peerRun(root);
      if (other.code !== 0 && other.code !== 1)
        throw new Error(`osv-scanner: exit ${other.code}: ${other.output.slice(-500)}`);
      if (n > 0) theirs.push(other.seconds * 1000);
      peerPeak = Math.max(peerPeak, other.peak);
    }
    const own = spread(ours);
    const other = theirs.length === 0 ? undefined : spread(theirs);
    rows.push([
      name,
      `${own.median.toFixed(0)} (${own.least.toFixed(0)} - ${own.most.toFixed(0)})`,
      mega(peak),
      other === undefined
        ? 'not on PATH'
        : `${other.median.toFixed(0)} (${other.least.toFixed(0)} - ${other.most.toFixed(0)})`,
      other === undefined ? '-' : mega(peerPeak),
      other === undefined ? '-' : ratio(own.median, other.median),
    ]);
    facts[name] = { ours, theirs, peak, peerPeak };
    const limit = most[name];
    if (limit !== undefined) limits.push({ name, measured: Math.round(own.median), most: limit, unit: 'ms' });
    if (cold && other !== undefined) {
      const measured = Number((own.median / other.median).toFixed(2));
      limits.push({ name: `${name}, beside osv-scanner`, measured, most: 1, unit: 'times' });
    }
    if (limit === 250)
      limits.push({ name: `memory of ${name}`, measured: Math.round(peak / 1e6), most: 150, unit: 'MB' });
  }
  return {
    about: `Whole processes, median of ${runs} (least - most); the first run of each is not counted.`,
    columns: ['scan', 'scan-deps ms', 'MB', 'osv-scanner ms', 'MB', 'ratio'],
    rows,
    facts,
    limits,
    notes: [
      `Of the 100 packages 20 have advisories, of the 10,000 ${npm.length}.`,
      'osv-scanner reads the same files with --offline-vulnerabilities and the same all.zip.',
    ],
  };
};

const mega = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** Packages with advisories, each in a version that is affected where the archive names one. */
function packagesOf(zip: string, eco: string, count: number): [string, string][] {
  const found = new Map<string, string>();
  for (const bytes of Object.values(unzipSync(readFileSync(zip)))) {
    for (const { package: about, versions, ranges } of (JSON.parse(Buffer.from(bytes).toString()) as Affected)
      .affected ?? []) {
      if (about?.ecosystem !== eco || found.has(about.name)) continue;
      const version = versions?.at(-1) ?? ranges?.flatMap((r) => r.events.flatMap((e) => e.introduced ?? []))[0];
      if (version !== undefined) found.set(about.name, version === '0' ? '0.0.1' : version);
    }
  }
  return [...found].slice(0, count);
}
