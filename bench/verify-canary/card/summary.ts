/** One line a judge over all cells in which the assumptions of verify-canary hold. */
import type { Cell } from './cell.ts';
import type { Score } from './score.ts';

export interface Card {
  cell: Cell;
  /** In the order of the zoo. */
  scores: readonly Score[];
}

export interface Summary {
  judge: string;
  falseRollback: number;
  worstFalseRollback: { cell: string; rate: number };
  healthyPromoted: number;
  found: number;
  falsePass: number;
  worstFalsePass: { cell: string; rate: number };
  /** Of the cells in which at least half of the rollouts are found. */
  medianDelay: number | null;
  foundCells: number;
  worseCells: number;
  harmed: number;
}

export function summarize(cards: readonly Card[], judge: number): Summary {
  const hold = cards.filter((c) => c.cell.broken === null);
  const pick = (truth: Cell['truth']): { cell: string; score: Score }[] =>
    hold.flatMap(({ cell, scores }) => {
      const score = scores[judge];
      return cell.truth === truth && score !== undefined ? [{ cell: cell.name, score }] : [];
    });
  const [healthy, worse] = [pick('healthy'), pick('worse')];
  const medians = worse.flatMap(({ score }) => (score.median === null ? [] : [score.median])).sort((a, b) => a - b);
  return {
    judge: cards[0]?.scores[judge]?.judge ?? '',
    falseRollback: mean(healthy.map((h) => h.score.failed.rate)),
    worstFalseRollback: most(healthy.map((h) => ({ cell: h.cell, rate: h.score.failed.rate }))),
    healthyPromoted: mean(healthy.map((h) => h.score.promoted.rate)),
    found: mean(worse.map((w) => w.score.failed.rate)),
    falsePass: mean(worse.map((w) => w.score.promoted.rate)),
    worstFalsePass: most(worse.map((w) => ({ cell: w.cell, rate: w.score.promoted.rate }))),
    medianDelay: medians[Math.floor(medians.length / 2)] ?? null,
    foundCells: medians.length,
    worseCells: worse.length,
    harmed: mean(worse.map((w) => w.score.harmed)),
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, v) => sum + v, 0) / values.length;
}

function most(all: readonly { cell: string; rate: number }[]): { cell: string; rate: number } {
  return all.reduce((worst, one) => (one.rate > worst.rate ? one : worst), { cell: '-', rate: 0 });
}
