/** What one line of a trace means: the decision tables as one total, pure function. First match wins. */
import type { EventWord, Gap, Reason, VerdictWord } from './types.ts';

export interface Evidence {
  /** Set when the line is an event. */
  event: EventWord | null;
  /** False between two runs: only rows 1 to 3 look. */
  inStep: boolean;
  /** The step has its pass already. */
  passed: boolean;
  logE: number;
  logLimit: number;
  /** The metric that names a fail. */
  worst: string;
  /** The stable version differs from itself now, or did so ever. */
  noisy: { now: boolean; ever: boolean };
  /** The fail rests on one canary pod of several. Looked at only at the limit. */
  lonePod: boolean;
  /** Nothing to compare with, in a mode without a stable arm. */
  noBaseline: boolean;
  gap: Gap | null;
  /** Gaps in a row, this line included: seconds, and their one kind or `mixed`. */
  gaps: { seconds: number; kind: 'both-absent' | 'canary-absent' | 'mixed' };
  canaryAbsentSeconds: number;
  canarySeen: boolean;
  silent: number;
  blind: number;
  share: { rejects: boolean; settling: boolean; cause: 'routing-not-applied' | 'routing-wrong-share' };
  warm: boolean;
  elapsed: number;
  min: number;
  sinceRun: number;
  max: number;
  usableLines: number;
  /** What the step's lines showed of the arms while none was usable. */
  absent: 'both' | 'canary' | 'mixed';
  requests: number;
  coverage: number;
  /** Every enforced metric that needs coverage, in config order. */
  coverages: readonly { name: string; coverage: number }[];
  /** Whether each required metric has its pass evidence. */
  required: readonly boolean[];
  violated: string | null;
  onInconclusive: 'hold' | 'fail';
}

export type Decision =
  | { kind: 'go-on' }
  /** Forget what counts for this step: the weight has only now become real. */
  | { kind: 'reset' }
  | { kind: 'verdict'; verdict: VerdictWord; reason: Reason };

const GO_ON: Decision = { kind: 'go-on' };
const COVERAGE = 0.8;
/** With this much evidence of harm no pass is given: e.g. E in 10..100 at alpha 0.01. */
const LOG_DOUBT = Math.log(10);

const say = (verdict: VerdictWord, reason: Reason): Decision => ({ kind: 'verdict', verdict, reason });

export function decide(e: Evidence): Decision {
  if (e.event !== null) return decideEvent(e.event);
  if (e.logE >= e.logLimit) return worse(e);
  if (!e.inStep || e.passed) return GO_ON;
  if (e.canarySeen && e.canaryAbsentSeconds >= e.silent) return say('fail', 'canary-silent');
  if (e.gap !== null && e.gaps.seconds >= e.blind) {
    if (e.gaps.kind === 'both-absent') return say('no-data', 'absent');
    return say('hold', e.gaps.kind === 'canary-absent' ? 'canary-silent' : 'blind');
  }
  if (e.noBaseline) return say('no-data', 'absent');
  if (e.noisy.now) return say('hold', 'noisy-baseline');
  if (e.share.rejects) return e.share.settling ? { kind: 'reset' } : say('hold', e.share.cause);
  if (healthy(e)) return say('pass', 'healthy');
  if (e.sinceRun >= e.max) return atDeadline(e);
  return GO_ON;
}

function worse(e: Evidence): Decision {
  // Once it differed from itself, a difference from the canary is no proof any more.
  if (e.noisy.ever) return say('hold', 'noisy-baseline');
  return e.lonePod ? say('hold', 'single-pod') : say('fail', `worse:${e.worst}`);
}

function decideEvent(event: EventWord): Decision {
  switch (event) {
    case 'superseded':
      return say('superseded', 'superseded');
    case 'cancelled':
      return say('hold', 'cancelled');
    case 'degraded':
      return say('hold', 'degraded');
    case 'sync-timeout':
      return say('hold', 'sync-timeout');
    case 'crashloop':
      return say('fail', 'crashloop');
    case 'run':
      return GO_ON;
  }
}

function healthy(e: Evidence): boolean {
  return (
    e.gap === null &&
    !e.warm &&
    e.elapsed >= e.min &&
    e.coverage >= COVERAGE &&
    e.coverages.every((m) => m.coverage >= COVERAGE) &&
    e.required.length > 0 &&
    e.required.every((passes) => passes) &&
    e.violated === null &&
    e.logE < LOG_DOUBT
  );
}

function atDeadline(e: Evidence): Decision {
  if (e.usableLines === 0 && e.absent === 'both') return say('no-data', 'absent');
  if (e.usableLines === 0 && e.absent === 'canary') return say('hold', 'canary-silent');
  if (e.usableLines > 0 && e.requests === 0) return say('no-data', 'no-traffic');
  const word = e.onInconclusive;
  if (e.coverage < COVERAGE) return say(word, 'coverage-low');
  const uncovered = e.coverages.find((m) => m.coverage < COVERAGE);
  if (uncovered !== undefined) return say(word, `absent:${uncovered.name}`);
  if (e.violated !== null) return say(word, `slo:${e.violated}`);
  return say(word, 'deadline');
}
