/** What a service and its new version do; every axis of the generator has a value here. */

export interface Scenario {
  /** Requests a second, both versions together. */
  rate: number;
  /** Seconds between two readings. */
  interval: number;
  steps: readonly { weight: number; seconds: number }[];
  /** Share of requests that fail. */
  base: number;
  /** What the base rate does in time; it is the same for both versions. */
  path: 'flat' | 'wobble' | 'diurnal' | 'falling' | 'incident';
  /** Probability that a request takes longer than each of {@link BOUNDS}. */
  slow: readonly [number, number, number];
  /** What is wrong with the canary. */
  effect: Effect;
  onset: Onset;
  /** Events come in batches of this many, or with this variance-to-mean ratio when `burst` is `random`. */
  batch: number;
  burst: 'fixed' | 'random';
  /** Factor on the odds of the traffic share. */
  shareOdds: number;
  /** Requests that one connection brings, all to one version. */
  sticky: number;
  /** Canary pods; one of them may be bad by itself. */
  pods: number;
  badPod: number;
  /** CPU per request: spread of its logarithm from reading to reading, and how much of it stays. */
  cpuSpread: number;
  cpuMemory: number;
  /** Probability that a reading of both versions is missing: the next one then tells of more time. */
  missed: number;
  /** Probability that a reading is lost for good. */
  gap: number;
  /** Probability that a version's counters restart within an interval, and what was counted before is lost. */
  reset: number;
  /** The counters of a step's new pods are born with their first requests uncounted. */
  young: boolean;
  /** How often every series is scraped. */
  duplicates: number;
  /** Factor on errors and slow requests of the canary while it is cold, and how long that is. */
  warmupPenalty: number;
  warmupSeconds: number;
  /** Tries that a proxy in front makes before a failure is seen. */
  retries: number;
}

export interface Effect {
  /** Factor on the canary's error rate. */
  errors: number;
  /** Error rate that comes on top. */
  extra: number;
  outage: boolean;
  /** shift: every bound by the factor; tail: only the slowest; bimodal: this share takes long. */
  latency: { shape: 'none' } | { shape: 'shift' | 'tail'; factor: number } | { shape: 'bimodal'; share: number };
  /** Factor on CPU per request. */
  cpu: number;
}

/** When the effect is there. `step`: from this weight on. `every`: `on` seconds in each `period`. */
export type Onset =
  | { kind: 'start' }
  | { kind: 'late'; after: number }
  | { kind: 'step'; weight: number }
  | { kind: 'every'; period: number; on: number };

export const BOUNDS = [0.25, 0.5, 1] as const;
export const CPU_PER_REQUEST = 0.004;
export const IDLE_CORES = 0.02;
export const STABLE_PODS = 3;
const WEIGHTS = [5, 10, 25, 50];

export const NO_EFFECT: Effect = { errors: 1, extra: 0, outage: false, latency: { shape: 'none' }, cpu: 1 };

/** A healthy service of 400 requests a second that goes to a new version in four steps of ten minutes. */
export const PLAIN: Scenario = {
  rate: 400,
  interval: 15,
  steps: WEIGHTS.map((weight) => ({ weight, seconds: 600 })),
  base: 0.004,
  path: 'flat',
  slow: [0.02, 0.002, 0.0002],
  effect: NO_EFFECT,
  onset: { kind: 'start' },
  batch: 1,
  burst: 'fixed',
  shareOdds: 1,
  sticky: 1,
  pods: 4,
  badPod: 1,
  cpuSpread: 0.1,
  cpuMemory: 0,
  missed: 0,
  gap: 0,
  reset: 0,
  young: false,
  duplicates: 1,
  warmupPenalty: 1,
  warmupSeconds: 60,
  retries: 0,
};

/** Seconds from the start of a rollout to the moment in which the canary begins to be worse. */
export function onsetOf(s: Scenario): number {
  if (s.onset.kind === 'late') return s.onset.after;
  if (s.onset.kind !== 'step') return 0;
  let at = 0;
  for (const { weight, seconds } of s.steps) {
    if (weight >= s.onset.weight) return at;
    at += seconds;
  }
  return at;
}
