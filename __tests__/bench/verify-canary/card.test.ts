/** The score card: how a rollout ends, how ends are counted, and what the page says. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { Cell } from '../../../bench/verify-canary/card/cell.ts';
import { CELLS } from '../../../bench/verify-canary/card/cells.ts';
import { type CardFacts, promises, scoreCard, summaryRows } from '../../../bench/verify-canary/card/markdown.ts';
import { deal } from '../../../bench/verify-canary/card/pool.ts';
import { judgeRollout } from '../../../bench/verify-canary/card/rollout.ts';
import { keep, type Score, score } from '../../../bench/verify-canary/card/score.ts';
import type { Card } from '../../../bench/verify-canary/card/summary.ts';
import { emptyTally, type Tally } from '../../../bench/verify-canary/card/work.ts';
import { ZOO } from '../../../bench/verify-canary/zoo/index.ts';
import type { Model, Word } from '../../../bench/verify-canary/zoo/model.ts';
import type { TraceLine } from '../../../src/verify-canary/core/index.ts';

/** Two steps of two readings; each time the canary has 2 errors and 3 requests over half a second. */
const LINES: TraceLine[] = [5, 10].flatMap((weight, s) => [
  { v: 1 as const, type: 'event' as const, at: 60 * s, event: 'run' as const },
  ...[0, 30].map((at) => ({
    v: 1 as const,
    step: String(weight),
    weight,
    start: 60 * s + at,
    end: 60 * s + at + 30,
    metrics: {
      errors: { stable: { n: 90, e: 9 }, canary: { n: 10, e: 2 } },
      latency: { stable: { n: 90, le: { '0.5': 90 } }, canary: { n: 10, le: { '0.5': 7 } } },
    },
  })),
]);

/** Says one word after each line. */
function scripted(...words: Word[]): Model {
  let i = -1;
  return {
    observe: () => {
      i += 1;
    },
    verdict: () => words[i] ?? 'go-on',
  };
}

describe('a rollout', () => {
  test.each<[string, Word[], number, object]>([
    [
      'passes both steps',
      ['go-on', 'go-on', 'pass', 'go-on', 'go-on', 'pass'],
      0,
      { end: 'promoted', at: 120, harmed: 20 },
    ],
    [
      'has no pass at the end of a step',
      ['go-on', 'pass', 'go-on', 'go-on', 'pass', 'pass'],
      0,
      { end: 'held', at: 60, harmed: 10 },
    ],
    [
      'has none at the end of the last one',
      ['go-on', 'pass', 'pass', 'go-on', 'pass', 'go-on'],
      0,
      { end: 'held', at: 120, harmed: 20 },
    ],
    ['fails', ['go-on', 'pass', 'pass', 'go-on', 'fail'], 0, { end: 'failed', at: 90, harmed: 15 }],
    ['fails after a pass of the same step', ['go-on', 'pass', 'fail'], 0, { end: 'failed', at: 60, harmed: 10 }],
    ['is held at once', ['go-on', 'hold'], 0, { end: 'held', at: 30, harmed: 5 }],
    [
      'counts harm from the onset on',
      ['go-on', 'pass', 'pass', 'go-on', 'fail'],
      60,
      { end: 'failed', at: 90, harmed: 5 },
    ],
  ])('%s', (_, words, from, outcome) => expect(judgeRollout(LINES, scripted(...words), from)).toEqual(outcome));
});

const tally = (some: Partial<Tally>): Tally => ({ ...emptyTally(), ...some });

describe('figures', () => {
  test('quantiles are over all rollouts: one that never fails is later than any', () => {
    const s = score('x', 'worse', tally({ rollouts: 10, failed: 7, delays: [60, 70, 80, 90, 100, 110, 120], held: 3 }));
    expect([s.median, s.p95, s.failed.rate, s.held.rate]).toEqual([100, null, 0.7, 0.3]);
  });

  test('a fail before anything is wrong finds nothing', () => {
    const s = score('x', 'worse', tally({ rollouts: 10, failed: 6, early: 2, delays: [1, 2, 3, 4], promoted: 4 }));
    expect([s.failed.rate, s.early.rate, s.median]).toEqual([0.4, 0.2, 4]);
  });

  const cell = (promises: Cell['promises']): Cell => ({ ...(CELLS[0] as Cell), promises });
  const own = (some: Partial<Tally>, truth: Cell['truth'] = 'healthy'): Score =>
    score('x', truth, tally({ rollouts: 1000, ...some }));

  test.each<[Cell['promises'][number], Partial<Tally>, boolean]>([
    [{ what: 'false-rollback', limit: 0.01 }, { failed: 19 }, true],
    [{ what: 'false-rollback', limit: 0.01 }, { failed: 20 }, false],
    [{ what: 'false-pass', limit: 0.05 }, { promoted: 70 }, true],
    [{ what: 'false-pass', limit: 0.05 }, { promoted: 71 }, false],
    [{ what: 'promoted', limit: 0.99 }, { promoted: 981 }, true],
    [{ what: 'promoted', limit: 0.99 }, { promoted: 980 }, false],
    [{ what: 'held', limit: 0.01 }, { held: 20 }, false],
  ])('%j with %j is kept: %p', (promise, counts, kept) => {
    expect(keep(cell([promise]), own(counts)).map((k) => k.kept)).toEqual([kept]);
  });

  test('a delay is kept to the second; never found is broken', () => {
    const promise = { what: 'median-delay' as const, limit: 90 };
    const of = (delays: number[]): boolean | undefined =>
      keep(cell([promise]), own({ rollouts: 3, failed: delays.length, delays }, 'worse'))[0]?.kept;
    expect([of([90, 90, 95]), of([91, 91, 91]), of([60])]).toEqual([true, false, false]);
  });
});

describe('a small card', () => {
  const cells = ['outage-8', 'duplicates'];
  const dealt = deal({ seed: 1, rollouts: 3, threads: 1, cells });

  test('does not hang on the number of threads', async () => {
    expect(await deal({ seed: 1, rollouts: 3, threads: 2, cells })).toEqual(await dealt);
  });

  test('another seed is another card', async () => {
    expect(await deal({ seed: 2, rollouts: 3, threads: 2, cells })).not.toEqual(await dealt);
  });

  test('shows every judge in every cell, its settings, and the promises of the cells that have some', async () => {
    const tallies = await dealt;
    const cards: Card[] = CELLS.filter((c) => tallies.has(c.name)).map((c) => ({
      cell: c,
      scores: (tallies.get(c.name) ?? []).map((t, i) => score(ZOO[i]?.name ?? '', c.truth, t)),
    }));
    const page = scoreCard(cards, { seed: 1, rollouts: 3, threads: 1, seconds: 60, cpuSeconds: 60 });
    for (const { name, settings } of ZOO) {
      expect(page).toContain(`| ${name} | ${settings} |`);
      expect(page.split(`\n| ${name} | `).length - 1).toBeGreaterThanOrEqual(2 + cells.length);
    }
    expect(summaryRows(cards)).toHaveLength(ZOO.length);
    expect(new Set(promises(cards).map((k) => k.cell))).toEqual(new Set(['outage-8']));
    expect(page).toContain('10,000 rollouts a cell on four such cores: 833.3 min');
    const [ours] = cards.find((c) => c.cell.name === 'outage-8')?.scores ?? [];
    expect(ours?.failed.rate).toBe(1);
  });

  test('a broken promise stands out', async () => {
    const c = CELLS.find((one) => one.name === 'healthy') as Cell;
    const broken = score('x', c.truth, tally({ rollouts: 100, failed: 100 }));
    const page = scoreCard([{ cell: c, scores: [broken] }], {
      seed: 1,
      rollouts: 1,
      threads: 1,
      seconds: 1,
      cpuSeconds: 1,
    });
    expect(page).toContain('**BROKEN**');
  });
});

test('cells with a broken assumption promise nothing, healthy ones few false rollbacks; names are unique', () => {
  for (const { broken, promises: all, truth } of CELLS) {
    if (broken !== null) expect(all).toEqual([]);
    else if (truth !== 'worse') expect(all[0]?.limit).toBe(truth === 'margin' ? 0.05 : 0.01);
  }
  expect(new Set(CELLS.map((cell) => cell.name)).size).toBe(CELLS.length);
});

test('the committed page is what its data says', async () => {
  const folder = new URL('../../../bench/verify-canary/', import.meta.url);
  const data = JSON.parse(await readFile(new URL('SCORECARD.json', folder), 'utf8')) as CardFacts & {
    cells: (Cell & { scores: Score[] })[];
  };
  const cards: Card[] = data.cells.map(({ scores, ...cell }) => ({ cell, scores }));
  // The formatter aligns tables.
  const plain = (text: string): string => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---').trim();
  const page = await readFile(new URL('SCORECARD.md', folder), 'utf8');
  expect(plain(page)).toBe(plain(scoreCard(cards, data)));
  expect(promises(cards).filter((k) => !k.kept)).toEqual([]);
});
