/** Reading a metrics page of 2 MB for 12 names, beside the parser of the registry that reads all of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseExposition, type Sample } from '../../src/verify-canary/collect/exposition.ts';
import type { Bench } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { metricsPage, WANTED } from './_page.ts';

const PEER = 'parse-prometheus-text-format';
const VERSION = '1.1';
const RUNS = 15;
const BYTES = 2_000_000;
const LEAST_TIMES = 5;

type Peer = (text: string) => Family[];

interface Family {
  name: string;
  metrics: {
    labels?: Record<string, string>;
    value?: string;
    buckets?: Record<string, string>;
    count?: string;
    sum?: string;
  }[];
}

export const run: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-exposition-'));
  try {
    const npm = ['install', '--silent', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder];
    execFileSync('npm', [...npm, `${PEER}@${VERSION}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    return compare(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

function compare(folder: string): Awaited<ReturnType<Bench>> {
  const require = createRequire(join(folder, 'package.json'));
  const loaded = require(PEER) as Peer | { default: Peer };
  const peer = typeof loaded === 'function' ? loaded : loaded.default;
  const manifest = join(folder, 'node_modules', PEER, 'package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const wanted = new Set(WANTED);
  const [same, many] = [metricsPage(BYTES, false), metricsPage(BYTES)];
  const own = parseExposition(same, wanted);
  const [a, b] = [own.map(ownText), peer(same).flatMap(peerTexts)].map((all) => all.sort()) as [string[], string[]];
  if (a.length === 0 || a.join('\n') !== b.join('\n'))
    throw new Error(`the two read different things: ${a.length} and ${b.length} samples`);

  const runs = {
    ours: cpuOf(RUNS, () => parseExposition(same, wanted)),
    theirs: cpuOf(RUNS, () => peer(same)),
    oursMany: cpuOf(RUNS, () => parseExposition(many, wanted)),
    theirsMany: cpuOf(RUNS, () => peer(many)),
  };
  const least = (all: readonly number[]): number => spread(all).least;
  const times = least(runs.theirs) / least(runs.ours);
  const row = (name: string, page: string, text: string, all: readonly number[]): string[] => {
    const s = spread(all);
    const ms = (seconds: number): string => (1000 * seconds).toFixed(1);
    return [name, page, ms(s.median), ms(s.least), ms(s.most), (text.length / 1e6 / s.least).toFixed(0)];
  };
  const [one, other] = ['one series a histogram', '20 series a histogram'];
  const name = `${PEER} ${version}`;
  return {
    about: `Processor time to read a page of ${(same.length / 1e6).toFixed(1)} MB (${same.split('\n').length} lines) for ${WANTED.length} names; ${RUNS} runs.`,
    columns: ['parser', 'wanted histograms', 'median ms', 'least ms', 'most ms', 'MB/s at best'],
    rows: [
      row('verify-canary', one, same, runs.ours),
      row(name, one, same, runs.theirs),
      row('verify-canary', other, many, runs.oursMany),
      row(name, other, many, runs.theirsMany),
    ],
    facts: { version, bytes: same.length, samples: own.length, ...runs, times },
    limits: [
      {
        name: `time beside the other parser, least against least (${times.toFixed(1)} times as fast),`,
        measured: Number((1 / times).toFixed(3)),
        most: 1 / LEAST_TIMES,
        unit: '',
      },
    ],
    notes: [
      `Both give the same ${own.length} samples of the wanted names of the first page (checked in this run). Of the second page they cannot: the other parser makes one series of all series of a histogram.`,
      'The other parser has no choice of names: it reads the whole page. It checks neither for a series that stands there twice nor for a page that was cut.',
    ],
  };
}

/** Seconds of each run. */
function cpuOf(runs: number, body: () => unknown): number[] {
  return Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    body();
    const used = process.cpuUsage(before);
    return (used.user + used.system) / 1e6;
  });
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([key, v]) => `${key}=${v}`);
  return `${name} ${pairs.sort().join(' ')} ${value}`;
}

function ownText({ name, labels, value }: Sample): string {
  return line(name, labels, value);
}

/** Its families as samples of the wanted names. */
function peerTexts({ name, metrics }: Family): string[] {
  const wanted = (full: string): boolean => WANTED.includes(full);
  return metrics.flatMap(({ labels = {}, value, buckets, count, sum }) => [
    ...(value !== undefined && wanted(name) ? [line(name, labels, Number(value))] : []),
    ...(buckets !== undefined && wanted(`${name}_bucket`)
      ? Object.entries(buckets).map(([le, v]) => line(`${name}_bucket`, { ...labels, le }, Number(v)))
      : []),
    ...(count !== undefined && wanted(`${name}_count`) ? [line(`${name}_count`, labels, Number(count))] : []),
    ...(sum !== undefined && wanted(`${name}_sum`) ? [line(`${name}_sum`, labels, Number(sum))] : []),
  ]);
}
