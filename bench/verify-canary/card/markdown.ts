/** The score card as a page. */
import { ZOO } from '../zoo/index.ts';
import type { Cell, Promise_ } from './cell.ts';
import { type Kept, keep, type Rate, type Score } from './score.ts';
import { type Card, type Summary, summarize } from './summary.ts';

export interface CardFacts {
  seed: number;
  rollouts: number;
  threads: number;
  seconds: number;
  cpuSeconds: number;
}

export function scoreCard(cards: readonly Card[], facts: CardFacts): string {
  const kept = promises(cards);
  const broken = cards.filter((c) => c.cell.broken !== null);
  return [
    '# Score card of canary judges',
    '',
    `Made by \`npm run bench -- canary:judges --save --rollouts=${facts.rollouts}\`, seed ${facts.seed}: ${facts.rollouts} made rollouts in each of ${cards.length} cells, the same traces before every judge. ${timeOf(facts)}`,
    '',
    'A rollout goes 5, 10, 25, 50 % by a fixed schedule, ten minutes a step and a reading every 15 s where the cell says nothing else. It ends with a fail (rolled back), with a step that has no pass at its end (held: a person is asked), or promoted. The first minute is hidden from all judges. The peers are models of our own, built from their documentation, with the settings below; a fixed limit set closer to the rate of this service would find more, and be wrong more often when that rate moves.',
    '',
    '## Summary',
    '',
    'Over the cells in which the assumptions of verify-canary hold.',
    '',
    ...table(SUMMARY_COLUMNS, summaryRows(cards)),
    '',
    `Found: share of rollouts with a worse canary that end in a fail after it began. Median delay: over the cells in which at least half are found, of ${summarize(cards, 0).worseCells}. Harmed: requests of the canary that failed or took over half a second before the rollout ended, a rollout, in the cells with a worse canary. No judge but verify-canary is given the CPU metric: what they find in the two cells of CPU is chance. A held rollout is a question to a person; healthy ones are held where the traffic is too thin to tell (healthy-8), or where both versions miss the objective (many-errors).`,
    '',
    '## What verify-canary promises',
    '',
    'A share keeps its promise when it is within three standard errors of it.',
    '',
    ...table(
      ['cell', 'promise', 'measured', '95 % interval', ''],
      kept.map((k) => [
        k.cell,
        promiseText(k.promise),
        measuredText(k),
        k.interval === null ? '-' : range(k.interval),
        k.kept ? 'kept' : '**BROKEN**',
      ]),
    ),
    '',
    '## Where its assumptions do not hold',
    '',
    'Nothing is promised here. This is what happens.',
    '',
    ...table(
      ['cell', 'what happens', 'what does not hold', 'failed', 'held', 'promoted'],
      broken.map(({ cell, scores }) => {
        const own = scores[0];
        const rates = own === undefined ? ['-', '-', '-'] : [own.failed, own.held, own.promoted].map(percent);
        return [cell.name, cell.about, cell.broken ?? '', ...rates];
      }),
    ),
    '',
    '## Judges',
    '',
    ...table(
      ['judge', 'settings'],
      ZOO.map((entry) => [entry.name, entry.settings]),
    ),
    '',
    '## Cells',
    '',
    ...cards.flatMap(cellPart),
  ].join('\n');
}

export const SUMMARY_COLUMNS = [
  'judge',
  'false rollback, mean',
  'worst cell',
  'healthy promoted',
  'worse found',
  'worse promoted',
  'worst cell',
  'median delay',
  'harmed',
] as const;

export function summaryRows(cards: readonly Card[]): string[][] {
  return ZOO.map((_, i) => summaryRow(summarize(cards, i)));
}

function summaryRow(s: Summary): string[] {
  const share = (rate: number): string => `${(100 * rate).toFixed(1)} %`;
  const at = (one: { cell: string; rate: number }): string =>
    one.rate > 0 ? `${share(one.rate)} ${one.cell}` : '0.0 %';
  return [
    s.judge,
    share(s.falseRollback),
    at(s.worstFalseRollback),
    share(s.healthyPromoted),
    share(s.found),
    share(s.falsePass),
    at(s.worstFalsePass),
    s.medianDelay === null ? '-' : `${seconds(s.medianDelay)} in ${s.foundCells}`,
    s.harmed.toFixed(0),
  ];
}

export function promises(cards: readonly Card[]): Kept[] {
  return cards.flatMap(({ cell, scores }) => (scores[0] === undefined ? [] : keep(cell, scores[0])));
}

function timeOf(f: CardFacts): string {
  const minutes = (s: number): string => (s / 60).toFixed(1);
  const four = (f.cpuSeconds / 4) * (10_000 / f.rollouts);
  return `It took ${minutes(f.seconds)} min on ${f.threads} threads, ${minutes(f.cpuSeconds)} min of processor time; 10,000 rollouts a cell on four such cores: ${minutes(four)} min.`;
}

function cellPart({ cell, scores }: Card): string[] {
  const worse = cell.truth === 'worse';
  const columns = [
    'judge',
    FAILED[cell.truth],
    'held',
    PROMOTED[cell.truth],
    ...(worse ? ['median delay', 'p95', 'harmed'] : []),
  ];
  return [
    `### ${cell.name}`,
    '',
    `${cell.about}. ${TRUTH[cell.truth]}${cell.broken === null ? '' : ` Does not hold: ${cell.broken}.`}`,
    '',
    ...table(
      columns,
      scores.map((s) => row(s, worse)),
    ),
    '',
  ];
}

const TRUTH: Record<Cell['truth'], string> = {
  healthy: 'The canary is as good as stable.',
  allowed: 'The rules still allow this much; to judges without such a rule it is a small regression.',
  worse: 'The canary is worse.',
  margin: 'The canary is as bad as a pass must exclude; judged for passes only, so fail.ratio is 50.',
};
const FAILED: Record<Cell['truth'], string> = {
  healthy: 'false rollback',
  allowed: 'rolled back',
  worse: 'found',
  margin: 'failed',
};
const PROMOTED: Record<Cell['truth'], string> = {
  healthy: 'promoted',
  allowed: 'promoted',
  worse: 'false pass',
  margin: 'false pass',
};

function row(s: Score, worse: boolean): string[] {
  const early = s.early.rate > 0 ? `, and ${(100 * s.early.rate).toFixed(1)} % before it began` : '';
  return [
    s.judge,
    `${percent(s.failed)}${early}`,
    percent(s.held),
    percent(s.promoted),
    ...(worse ? [seconds(s.median), seconds(s.p95), s.harmed.toFixed(1)] : []),
  ];
}

function percent(r: Rate): string {
  return `${(100 * r.rate).toFixed(2)} % (${range(r)})`;
}

function range(r: Rate): string {
  return `${(100 * r.low).toFixed(2)}-${(100 * r.high).toFixed(2)}`;
}

function seconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} s`;
}

const WORDS: Record<Promise_['what'], (limit: string) => string> = {
  'false-rollback': (l) => `false rollbacks at most ${l}`,
  'false-pass': (l) => `false passes at most ${l}`,
  promoted: (l) => `promoted at least ${l}`,
  power: (l) => `found at least ${l}`,
  held: (l) => `held at most ${l}`,
  'median-delay': (l) => `median delay at most ${l}`,
  'p95-delay': (l) => `p95 of the delay at most ${l}, warm-up included`,
};

export function promiseText({ what, limit }: Promise_): string {
  return WORDS[what](what.endsWith('delay') ? `${limit} s` : `${100 * limit} %`);
}

function measuredText(k: Kept): string {
  if (k.promise.what.endsWith('delay')) return seconds(k.measured);
  return k.measured === null ? '-' : `${(100 * k.measured).toFixed(2)} %`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
}
