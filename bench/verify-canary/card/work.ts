/** Rollouts of one cell before all judges; runs in a worker thread. */
import { generate } from '../scenario/generate.ts';
import { seeded } from '../scenario/random.ts';
import { onsetOf } from '../scenario/scenario.ts';
import { ZOO } from '../zoo/index.ts';
import { CELLS } from './cells.ts';
import { judgeRollout } from './rollout.ts';

export interface Task {
  cell: string;
  seed: number;
  /** Numbers of the rollouts: from, up to but not including to. */
  from: number;
  to: number;
}

/** What one judge did in one cell. */
export interface Tally {
  rollouts: number;
  failed: number;
  held: number;
  promoted: number;
  /** Of those that failed, before anything was wrong. */
  early: number;
  /** Seconds from the onset to the fail, of each rollout that failed after it. */
  delays: number[];
  harmed: number;
  /** Number of the first rollouts that ended in a fail and in a promotion, to look at them. */
  firstFailed: number[];
  firstPromoted: number[];
}

export const emptyTally = (): Tally => ({
  rollouts: 0,
  failed: 0,
  held: 0,
  promoted: 0,
  early: 0,
  delays: [],
  harmed: 0,
  firstFailed: [],
  firstPromoted: [],
});

const SHOWN = 3;

/** @returns a tally for each judge, in the order of the zoo */
export function work({ cell: name, seed, from, to }: Task): Tally[] {
  const cell = CELLS.find((c) => c.name === name);
  if (cell === undefined) throw new Error(`there is no cell ${name}`);
  const tallies = ZOO.map(emptyTally);
  const end = cell.scenario.steps.reduce((sum, step) => sum + step.seconds, 0);
  const onset = onsetOf(cell.scenario);
  for (let n = from; n < to; n += 1) {
    const lines = generate(cell.scenario, randomOf(seed, name, n));
    for (const [i, entry] of ZOO.entries()) {
      const tally = tallies[i] ?? emptyTally();
      const outcome = judgeRollout(lines, entry.create(cell.config, end), onset);
      tally.rollouts += 1;
      tally[outcome.end] += 1;
      tally.harmed += outcome.harmed;
      if (outcome.end === 'failed' && outcome.at <= onset) tally.early += 1;
      else if (outcome.end === 'failed') tally.delays.push(outcome.at - onset);
      if (outcome.end === 'failed' && tally.firstFailed.length < SHOWN) tally.firstFailed.push(n);
      if (outcome.end === 'promoted' && tally.firstPromoted.length < SHOWN) tally.firstPromoted.push(n);
    }
  }
  return tallies;
}

/** The chance of one rollout: it hangs on the name of the cell, so that another cell changes nothing. */
function randomOf(seed: number, name: string, n: number): ReturnType<typeof seeded> {
  return seeded(seed, n, ...Buffer.from(name));
}
