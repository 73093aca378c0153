/**
 * All judges before the same made rollouts. --rollouts=N (10,000), --cells=a,b (all), --seed=N, --threads=N.
 * With --save it writes SCORECARD.md and SCORECARD.json beside this file.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Bench, Limit } from '../lib/bench.ts';
import { environment } from '../lib/bench.ts';
import { CELLS } from './card/cells.ts';
import { type CardFacts, promises, promiseText, SUMMARY_COLUMNS, scoreCard, summaryRows } from './card/markdown.ts';
import { deal } from './card/pool.ts';
import { type Kept, score } from './card/score.ts';
import type { Card } from './card/summary.ts';
import { ZOO } from './zoo/index.ts';

const SEED = 20_260;

export const run: Bench = async (args) => {
  const option = (name: string): string | undefined =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const rollouts = Number(option('rollouts') ?? 10_000);
  const seed = Number(option('seed') ?? SEED);
  const threads = Number(option('threads') ?? availableParallelism());
  const wanted = option('cells')?.split(',') ?? [];
  const unknown = wanted.filter((name) => !CELLS.some((cell) => cell.name === name));
  if (unknown.length > 0) throw new Error(`there is no cell ${unknown.join(', ')}`);

  const [begin, before] = [performance.now(), process.cpuUsage()];
  const tallies = await deal({ seed, rollouts, threads, cells: wanted }, progress);
  const used = process.cpuUsage(before);
  const facts: CardFacts = {
    seed,
    rollouts,
    threads,
    seconds: Math.round((performance.now() - begin) / 1000),
    cpuSeconds: Math.round((used.user + used.system) / 1e6),
  };
  const cards: Card[] = CELLS.filter((cell) => tallies.has(cell.name)).map((cell) => ({
    cell,
    scores: (tallies.get(cell.name) ?? []).map((tally, i) => score(ZOO[i]?.name ?? '', cell.truth, tally)),
  }));
  if (process.argv.includes('--save') && wanted.length === 0) await save(cards, facts);
  const kept = promises(cards);
  return {
    about: `${rollouts} made rollouts in each of ${cards.length} cells, seed ${seed}; summary over the cells in which the assumptions of verify-canary hold.`,
    columns: SUMMARY_COLUMNS,
    rows: summaryRows(cards),
    facts: { ...facts, cells: cards.map(({ cell, scores }) => ({ cell: cell.name, scores })) },
    limits: kept.map(limitOf),
    notes: [
      'Every cell, the settings of every judge, and what happens where assumptions do not hold: SCORECARD.md.',
      `${facts.cpuSeconds} s of processor time, ${facts.seconds} s on ${threads} threads.`,
    ],
  };
};

/** As a limit: a promise that was kept shows as within it. */
function limitOf(k: Kept): Limit {
  const name = `${k.cell}: ${promiseText(k.promise)}, measured ${k.measured === null ? 'never' : Number(k.measured.toPrecision(4))}; broken`;
  return { name, measured: k.kept ? 0 : 1, most: 0, unit: 'times' };
}

async function save(all: readonly Card[], facts: CardFacts): Promise<void> {
  // The page is made of what the file says, so that a test can tell that the two belong together.
  const cards = rounded(all);
  const data = {
    ...environment(),
    ...facts,
    judges: ZOO.map(({ name, settings }) => ({ name, settings })),
    promises: rounded(promises(cards)),
    cells: cards.map(({ cell, scores }) => ({ ...cell, scores })),
  };
  const [page, file] = ['SCORECARD.md', 'SCORECARD.json'].map((name) => join(import.meta.dirname, name)) as [
    string,
    string,
  ];
  await writeFile(page, scoreCard(cards, facts));
  await writeFile(file, `${JSON.stringify(data, undefined, 2)}\n`);
  // They lie in the tree, where everything has one style.
  execFileSync(join(import.meta.dirname, '../../node_modules/.bin/biome'), ['format', '--write', page, file], {
    stdio: 'ignore',
  });
}

function rounded<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, v) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v)) as T;
}

let shown = 0;

function progress(done: number, all: number): void {
  const tenths = Math.floor((20 * done) / all);
  if (tenths === shown) return;
  shown = tenths;
  process.stderr.write(`${5 * tenths} % of ${all} parts\n`);
}
