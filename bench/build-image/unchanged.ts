/** Source that has not changed: ours, which asks the registry, beside engines, which read their cache and push. */
import { stat } from 'node:fs/promises';
import type { Bench, Limit } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { engines } from './_engines.ts';
import { COLUMNS, type Facts, measureWays, openLab, option, row, runBundle, type Way } from './_lab.ts';
import { makeService } from './_service.ts';

const LIMITS: Readonly<Record<number, number>> = { 1000: 0.35, 20000: 0.9 };
const LATE = 40;
const FIRST = 900;
const OURS = 'ours';

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 10);
  const sizes = (option(args, 'files') ?? '1000,20000').split(',').map(Number);
  await using lab = await openLab(args);
  const rows: string[][] = [];
  const facts: Record<string, unknown> = { versions: lab.services.versions };
  const limits: Limit[] = [];
  const fixed = (n: number): number => Number(n.toFixed(2));
  let peak = 0;
  for (const files of sizes) {
    const service = await makeService(lab, files);
    const hands = engines(lab);
    const able = hands.find((hand) => hand.missing === undefined);
    if (able === undefined) throw new Error(`no engine for the first build: ${hands[0]?.missing}`);
    // The engine is part of the source key: it must be the same in every run.
    const ours = (limit?: number) =>
      runBundle(lab, service.folder, { image: service.image, ...able.inputs }, able.env, limit);
    // It builds, in the storage that the engines have here.
    const first = await ours(FIRST);
    if (first.code !== 0) throw new Error(`the first build ended with ${first.code}: ${first.output.slice(-2000)}`);
    const ways: Way[] = [
      { name: OURS, run: () => ours() },
      ...hands.map(({ name, missing, run: build }) => ({ name, missing, run: () => build(service, 'same') })),
    ];
    const seen = await measureWays(lab, ways, runs);
    const label = `${files} files`;
    const most = LIMITS[files];
    const asked = most === undefined ? '' : `${most} s`;
    for (const way of ways) {
      const mine = way.name === OURS;
      rows.push(row(`${label}: ${way.name}`, way, seen, mine ? undefined : OURS, mine ? asked : ''));
    }
    const mine = seen.get(OURS) as Facts;
    peak = Math.max(peak, ...mine.peaks);
    const median = spread(mine.seconds).median;
    facts[label] = Object.fromEntries(seen);
    limits.push({ name: `${label}: writes`, measured: mine.writes, most: 0, unit: '' });
    if (most !== undefined) limits.push({ name: `${label}: time`, measured: fixed(median), most, unit: 's' });
    if (files !== sizes[0]) continue;
    lab.delay(LATE);
    const far = await measureWays(lab, ways, Math.min(3, runs));
    lab.delay(0);
    for (const way of ways) {
      rows.push(row(`${label}, answers ${LATE} ms late: ${way.name}`, way, far, way.name === OURS ? undefined : OURS));
    }
    facts[`${label}, ${LATE} ms late`] = Object.fromEntries(far);
    // Requests bound the round trips in sequence, and depend on no clock.
    limits.push({ name: `${label}: requests`, measured: far.get(OURS)?.requests ?? Number.NaN, most: 8, unit: '' });
  }
  const { size } = await stat(lab.bundle);
  limits.push({ name: 'peak memory', measured: Math.round(peak / 1e6), most: 90, unit: 'MB' });
  limits.push({ name: 'bundle', measured: Math.round(size / 1000), most: 1000, unit: 'kB' });
  return {
    about: `A delivery of source that was delivered before, against docker-registry on loopback, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: COLUMNS,
    rows,
    facts: { ...facts, peak, size },
    limits,
    notes: [
      'The others end with a push of what their cache holds, and prove nothing of it; ours hashes the context, reads the image back and checks each of its blobs. No engine is started.',
      'Their caches are warm and local, which they are not on a fresh runner: there they build.',
      'Bytes are counted by a TCP proxy, both ways, headers included; it shares the cores with what is measured.',
    ],
  };
};
