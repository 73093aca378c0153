/**
 * CPU seconds per request, by a sign test over blocks of time. The plain ratio must not be used: a canary with 5 % of the
 * traffic carries its idle cost on few requests, and with 0.02 idle cores a plain ratio fails nearly every healthy canary.
 */
import { logAddExp } from './log.ts';
import { logSign } from './sign.ts';
import type { CpuArm, MetricConfig, Pair } from './types.ts';

interface Block {
  seconds: number;
  x0: number;
  x1: number;
  n0: number;
  n1: number;
  /** Canary pods × seconds. */
  pods: number;
}

interface Counted {
  above: number;
  notAbove: number;
}

export interface CpuStream {
  add(arms: Pair<CpuArm>, seconds: number, inStep: boolean): void;
  /** Drops the part-filled block: a gap, a hole in time, another step. */
  cut(): void;
  /** @param margin as for ratios; below 1.5 it is 1.5 @param again the same step: no new bet, or each would halve the stake */
  startStep(margin: number | null, again: boolean): void;
  logFail(): number;
  logPass(): number | null;
  /** Seconds of clean blocks that are missing for a pass at this level; null when none of this many helps. */
  missing(beta: number): number | null;
  totals(): Block;
}

/** CPU is noisy per block: a closer margin would never be excluded. */
const MIN_MARGIN = 1.5;
const MAX_MISSING_BLOCKS = 10_000;

const empty = (): Block => ({ seconds: 0, x0: 0, x1: 0, n0: 0, n1: 0, pods: 0 });

/** D(r): canary CPU seconds above r times stable's cost per request and the idle allowance. */
function difference(b: Block, ratio: number, idle: number): number {
  return b.x1 - ratio * (b.n1 / b.n0) * b.x0 - idle * b.pods;
}

export function createCpuStream(config: MetricConfig): CpuStream {
  const totals = empty();
  /** Counts of each step that had a block: each bets half of what is left of the stake. */
  const bets: Counted[] = [];
  let stepHasBet = false;
  let block = empty();
  let margin: number | null = null;
  let clean: Counted = { above: 0, notAbove: 0 };

  function close(inStep: boolean): void {
    const full = block;
    block = empty();
    if (full.n0 === 0 || full.n1 === 0) return;
    if (!stepHasBet) {
      bets.push({ above: 0, notAbove: 0 });
      stepHasBet = true;
    }
    const bet = bets.at(-1);
    // A tie is not above: exact equality is no sign of harm.
    if (bet !== undefined) bet[difference(full, config.fail.ratio, config.idle) > 0 ? 'above' : 'notAbove'] += 1;
    if (inStep && margin !== null) {
      clean[difference(full, Math.max(MIN_MARGIN, margin), config.idle) < 0 ? 'above' : 'notAbove'] += 1;
    }
  }

  return {
    add(arms, seconds, inStep) {
      for (const sum of [totals, block]) {
        sum.seconds += seconds;
        sum.x0 += arms.stable.x;
        sum.x1 += arms.canary.x;
        sum.n0 += arms.stable.n;
        sum.n1 += arms.canary.n;
        sum.pods += arms.canary.pods * seconds;
      }
      // Times have three decimals; their sums have rounding errors.
      if (block.seconds >= config.block - 1e-6) close(inStep);
    },
    cut() {
      block = empty();
    },
    startStep(next, again) {
      block = empty();
      margin = next;
      clean = { above: 0, notAbove: 0 };
      if (!again) stepHasBet = false;
    },
    logFail: () => logBets(bets),
    logPass: () => (margin === null ? null : logSign(clean.above, clean.notAbove)),
    missing(beta) {
      for (let more = 0; more <= MAX_MISSING_BLOCKS; more += 1) {
        if (logSign(clean.above + more, clean.notAbove) >= Math.log(1 / beta)) return more * config.block;
      }
      return null;
    },
    totals: () => totals,
  };
}

/** ln( Σ_j 2^-j M_j + 2^-s ) over the s steps so far. */
export function logBets(bets: readonly Counted[]): number {
  let log = 0 - bets.length * Math.LN2;
  bets.forEach((b, j) => {
    log = logAddExp(log, logSign(b.above, b.notAbove) - (j + 1) * Math.LN2);
  });
  return log;
}
