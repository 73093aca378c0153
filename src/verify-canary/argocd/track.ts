/** The way of a Rollout whose controller moves the weights: which step a line of the trace belongs to. */
import type { Interval } from '../core/index.ts';
import { isThrough, type RolloutState, stepOf } from './rollout.ts';

export interface Track {
  /** @param at seconds by the clock of the lines */
  note(at: number, rollout: RolloutState): void;
  /** The line with the step and the weight that it was made under. */
  assign(line: Interval): Interval;
  /** The step of now, null when there is nothing to compare. */
  now(): string | null;
  /** It stands still until somebody says so. */
  waiting(): boolean;
  /** Every line from here on is of the time after it was through. */
  throughSince(): number | null;
  /** Seconds without anything to compare, up to this moment. */
  idle(at: number): number;
}

interface Stretch {
  from: number;
  step: string | null;
  weight: number | null;
}

export function trackRollout(begin: number, first: RolloutState): Track {
  const stretches: Stretch[] = [];
  let last = first;
  let through: number | null = null;

  function note(at: number, rollout: RolloutState): void {
    last = rollout;
    if (through === null && isThrough(rollout)) through = at;
    const { step, weight } = stepOf(rollout) ?? { step: null, weight: null };
    const before = stretches.at(-1);
    if (before === undefined || before.step !== step || before.weight !== weight)
      stretches.push({ from: Math.max(at, before?.from ?? 0), step, weight });
  }
  note(begin, first);

  // A weight that changed within a line is noticed after it: what comes before the first look is of the first weight.
  const at = (moment: number): Stretch =>
    stretches.findLast((one) => one.from < moment) ?? stretches[0] ?? { from: 0, step: null, weight: null };

  return {
    note,
    assign(line) {
      const { step, weight } = at(line.end);
      return { ...line, step, weight };
    },
    now: () => stretches.at(-1)?.step ?? null,
    waiting: () => last.waiting,
    throughSince: () => through,
    idle(moment) {
      const now = stretches.at(-1);
      return now === undefined || now.step !== null ? 0 : moment - now.from;
    },
  };
}
