/**
 * Which stretches of time the samples of both versions cover alike. After a missed scrape, or where Prometheus itself
 * was down, the newest samples of the versions are of different age: one has counted what the other has not yet, which
 * would look like a wrong share of the traffic. So an interval closes when every live target has a newer sample.
 */
import type { Gap, Pair } from '../core/index.ts';
import type { ArmName } from './plan.ts';
import { indexOf, LOOKBACK } from './series.ts';

/** What is scraped at once, as far as labels tell: all of its series have samples at the same times. */
export interface Target {
  /** Of its pod, job and instance. */
  readonly key: string;
  readonly pod: string;
  /** Of all its samples, in order. */
  readonly times: readonly number[];
}

/**
 * `ready` counts the whole interval; `waiting` has no sample for its end yet; `unsettled` had none for its begin;
 * `begun` has its first sample, or the first one again, in it; `lost` was dropped in it, `ended` before it; of `gone`
 * nothing is known any more.
 */
type State = 'ready' | 'waiting' | 'unsettled' | 'begun' | 'lost' | 'ended' | 'gone';

/** How old the newest sample of a target may be, in seconds. */
interface Ages {
  /** For it to stand for the present. */
  fresh: number;
  /** For the target to be waited for. */
  lost: number;
}

export interface Look {
  from: number;
  to: number;
  /** Seconds of one interval. */
  interval: number;
  /** The interval cannot be stretched: another step begins, or the window ends. */
  cut: boolean;
  /** The one version there is. */
  only: ArmName | undefined;
  /** True when all that the target counts is of the interval although nothing stands for its begin. */
  fromZero(arm: ArmName, target: Target): boolean;
}

export interface Seen {
  told: 'wait' | 'ready' | Gap;
  /** A target was dropped. */
  lost: boolean;
}

/** A target that is silent for so many intervals is dropped; where scrapes are rarer, for so many of them. */
const LOST_INTERVALS = 4;
const LOST_CADENCES = 2.5;
/** A sample older than that, in cadences, had a successor which is missing. */
const FRESH_CADENCES = 1.5;
/** So many of the last scrapes tell how often there is one: a hole among them does not count. */
const SCRAPES = 7;
/** Of many targets one in so many may be late: its requests are told with the next interval. */
const TOLERATED = 10;

export const isFew = (late: number, live: number): boolean => late * TOLERATED <= live;

/** By the samples that stand for `at` alone, so that it does not matter how much was asked for at once. */
export function agesOf(times: readonly number[], at: number, interval: number): Ages {
  const gaps: number[] = [];
  for (let i = indexOf(times, at); gaps.length < SCRAPES; i -= 1) {
    const [late, early] = [times[i], times[i - 1]];
    if (late === undefined || early === undefined || early <= at - LOOKBACK) break;
    gaps.push(late - early);
  }
  const middle = gaps.sort((a, b) => a - b)[(gaps.length - 1) >> 1];
  // Beyond the lookback nothing stands for the present any more.
  const cadence = Math.min(middle ?? interval, LOOKBACK / LOST_CADENCES);
  return {
    fresh: FRESH_CADENCES * cadence,
    lost: Math.min(LOOKBACK, Math.max(LOST_INTERVALS * interval, LOST_CADENCES * cadence)),
  };
}

/** What one target says of (from, to]. */
export function stateOf(times: readonly number[], from: number, to: number, interval: number): State {
  const [base, last] = [times[indexOf(times, from)], times[indexOf(times, to)]];
  if (last === undefined) return 'gone';
  const then = agesOf(times, from, interval);
  const silent = to - last > agesOf(times, to, interval).lost;
  if (base === undefined || from - base > then.lost) {
    if (last <= to - LOOKBACK) return 'gone';
    return base === last || silent ? 'ended' : 'begun';
  }
  if (silent) return 'lost';
  if (last === base || to - last > agesOf(times, to, interval).fresh) return 'waiting';
  return from - base > then.fresh ? 'unsettled' : 'ready';
}

/** Whether (from, to] can be told, is still open, or is a gap because the versions cannot be compared in it. */
export function look(targets: Pair<readonly Target[]>, options: Look): Seen {
  const { only, to, interval, cut } = options;
  const arms = (only === undefined ? ['stable', 'canary'] : [only]) as ArmName[];
  const all = arms.map((arm) => armOf(arm, targets[arm], options));
  const lost = all.some((arm) => arm.count('lost') > 0);
  if (all.some((arm) => arm.tooMany('waiting'))) return { told: cut ? 'partial' : 'wait', lost };
  const [missing, ...rest] = all.filter((arm) => !arm.counts);
  if (missing === undefined)
    return { told: all.some((arm) => arm.tooMany('unsettled')) ? 'scrape-error' : 'ready', lost };
  if (only !== undefined) return { told: `${only}-absent`, lost };
  if (rest.length > 0) return { told: bothMissing(all), lost };
  // What has come back a moment ago may be followed by the other: then it was not that version that was away.
  const back = all.some((arm) => arm.counts && since(arm.targets, to, interval) === 'lately');
  return { told: missing.ended && back ? 'scrape-error' : `${missing.name}-absent`, lost };
}

interface ArmSeen {
  name: ArmName;
  targets: readonly Target[];
  count(state: State): number;
  tooMany(state: State): boolean;
  /** Something was counted. */
  counts: boolean;
  /** It had samples, and has none for the present. */
  ended: boolean;
  begun: boolean;
}

function armOf(name: ArmName, targets: readonly Target[], options: Look): ArmSeen {
  const states = targets.map((target) => stateOf(target.times, options.from, options.to, options.interval));
  const count = (state: State): number => states.filter((own) => own === state).length;
  const dropped = count('ended') + count('lost');
  const live = states.length - dropped - count('gone');
  return {
    name,
    targets,
    count,
    tooMany: (state) => !isFew(count(state), live),
    counts:
      count('ready') + count('unsettled') + count('waiting') > 0 ||
      targets.some((target, i) => states[i] === 'begun' && options.fromZero(name, target)),
    ended: dropped > 0 && live === 0,
    begun: count('begun') > 0,
  };
}

/** Neither counts: no series, or nobody looked. */
function bothMissing(all: readonly ArmSeen[]): Gap {
  const never = all.filter((arm) => !arm.ended && !arm.begun);
  if (never.length === 0) return 'scrape-error';
  const begun = all.find((arm) => arm.begun);
  return begun === undefined ? 'both-absent' : begun.name === 'stable' ? 'canary-absent' : 'stable-absent';
}

/** Whether the arm is scraped all the time, or again since lately. */
function since(targets: readonly Target[], to: number, interval: number): 'always' | 'lately' {
  for (const { times } of targets) {
    const { lost } = agesOf(times, to, interval);
    const begin = indexOf(times, to - lost);
    const [base, next] = [times[begin], times[begin + 1]];
    if (base !== undefined && next !== undefined && next <= to && next - base <= lost && base > to - LOOKBACK) {
      return 'always';
    }
  }
  return 'lately';
}
