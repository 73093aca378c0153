/** Who says which step it is: the workflow with its inputs, or a Rollout whose controller moves the weights. */
import type { Finding } from './argocd/judge-sight.ts';
import type { RolloutState } from './argocd/rollout.ts';
import { trackRollout } from './argocd/track.ts';
import { type Interval, type Status, spanOf, type TraceLine } from './core/index.ts';

export interface Course {
  assign(line: Interval): Interval;
  /** @param at seconds by the clock of the lines */
  note(at: number, rollout: RolloutState): void;
  /** After a line: go on, over, or nothing to judge for too long. */
  turn(status: Status, line: TraceLine): 'on' | 'over' | 'stuck';
  stuck(): Finding;
  /** What the trace says when it is over; null when the verdict says it all. */
  end(status: Status): string | null;
}

/** One step, the one that Git asks for. */
export function fixedCourse(step: string): Course {
  return {
    assign: (line) => line,
    note: () => {},
    // What the runs before decided is no end of this one: it must have read something of its own step.
    turn: (status, line) => (status.done && !('type' in line) && line.step === step ? 'over' : 'on'),
    stuck: () => ({ event: 'sync-timeout', detail: '' }),
    end: () => null,
  };
}

/**
 * One step for each weight that is seen. It is over at a verdict that is none for the next weight, at a pass where the
 * Rollout waits for somebody, and when the new version is the stable one.
 * @param patience seconds that it may stand at a weight with nothing to compare
 */
export function rolloutCourse(begin: number, first: RolloutState, patience: number): Course {
  const track = trackRollout(begin, first);
  return {
    assign: (line) => track.assign(line),
    note: (at, rollout) => track.note(at, rollout),
    turn(status, line) {
      const span = spanOf(line);
      const through = track.throughSince();
      if (through !== null) return span !== null && span.end >= through ? 'over' : 'on';
      if (status.done && status.step === track.now()) {
        if (status.verdict !== 'pass' || track.waiting()) return 'over';
      }
      return span !== null && track.idle(span.end) > patience ? 'stuck' : 'on';
    },
    stuck: () => ({ event: 'sync-timeout', detail: 'the Rollout has no weight between 0 and 100 and goes on to none' }),
    end(status) {
      if (status.verdict !== null && status.verdict !== 'pass') return null;
      return track.throughSince() === null ? 'the Rollout waits for somebody' : 'the Rollout has gone to 100 %';
    },
  };
}
