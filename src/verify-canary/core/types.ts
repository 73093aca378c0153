/** The words of the judge: trace lines in, a verdict out. All times are unix seconds, all counts are increases. */

export type Pair<T> = { stable: T; canary: T };
export const GAPS = [
  'query-error',
  'scrape-error',
  'stable-absent',
  'canary-absent',
  'both-absent',
  'partial',
] as const;
export type Gap = (typeof GAPS)[number];
export const FLAGS = ['stretched', 'restart', 'target-lost'] as const;
export type Flag = (typeof FLAGS)[number];
export const EVENTS = ['run', 'superseded', 'cancelled', 'degraded', 'crashloop', 'sync-timeout'] as const;
export type EventWord = (typeof EVENTS)[number];

export type RatioArm = { n: number; e: number };
/** `le`: requests that took at most this long, cumulative. */
export type LatencyArm = { n: number; le: Record<string, number> };
/** `x`: CPU seconds. */
export type CpuArm = { n: number; x: number; pods: number };
export type Arm = RatioArm | LatencyArm | CpuArm;

/** Counts of one pod, by metric: events of a ratio metric; of a latency metric the requests slower than {@link podBound}. */
export type PodCounts = Record<string, RatioArm>;

/** What happened within (start, end]. */
export interface Interval {
  v: 1;
  step: string | null;
  /** Percent. 0 with step null: a line of the baseline, from before the canary. 100: only in modes without a stable arm. */
  weight: number | null;
  start: number;
  end: number;
  traffic?: Pair<number>;
  metrics?: Record<string, Pair<Arm | null>>;
  /** Part of `metrics`, by pod: at most 20 an arm. */
  pods?: Pair<Record<string, PodCounts>>;
  /** The node that a pod runs on. */
  nodes?: Record<string, string>;
  gap?: Gap;
  flags?: Flag[];
}

export interface TraceEvent {
  v: 1;
  type: 'event';
  at: number;
  event: EventWord;
  detail?: string;
}

export interface TraceHeader {
  v: 1;
  type: 'header';
  app: string;
  revision: string;
  image: string;
  note: string;
}

export type TraceLine = Interval | TraceEvent | TraceHeader;

/**
 * What the canary is compared with. `concurrent`: the stable version at the same time. The others have none then, and
 * compare with the stable version of before, which is weaker: what changes with time looks like a change of version.
 */
export const ROLLOUT_MODES = ['concurrent', 'pre-promotion', 'post-promotion', 'before-after'] as const;
export type RolloutMode = (typeof ROLLOUT_MODES)[number];

export type Kind = 'ratio' | 'latency' | 'cpu';
export type Mode = 'enforce' | 'observe';

export interface Slo {
  le: number;
  max: number;
}

export interface MetricInput {
  name: string;
  kind: Kind;
  le?: readonly number[];
  fail?: { ratio?: number; floor?: number };
  pass?: number | 'none' | null;
  /** A number for kind ratio, the bound and the share over it for latency. */
  slo?: number | Slo | null;
  idle?: number;
  block?: number;
  weight?: number;
  mode?: Mode;
  /** `auto`: measured on the stable pods of the baseline. */
  phi?: number | 'auto';
  /** Of rules that have their defaults already. */
  phiFrom?: PhiFrom;
}

export interface StepInput {
  weight: number;
  pass?: number | null;
  min?: number;
  max?: number;
}

export interface ShareRules {
  mode: Mode;
  tolerance: number;
  phi: number;
}

/** Durations in seconds. No selectors: the judge does not know where the numbers come from. */
export interface JudgeConfigInput {
  metrics: readonly MetricInput[];
  alpha?: number;
  beta?: number;
  warmup?: number;
  settle?: number;
  blind?: number;
  silent?: number;
  onInconclusive?: 'hold' | 'fail';
  share?: Partial<ShareRules>;
  steps?: readonly StepInput[];
  mode?: RolloutMode;
  /** How much of the stable version from before the canary is looked at. */
  baseline?: number;
}

/** `default`: to be measured, but nothing was: without lines of the baseline, or with one stable pod in them. */
export type PhiFrom = 'config' | 'baseline' | 'default';

export interface MetricConfig {
  name: string;
  kind: Kind;
  le: readonly number[];
  fail: { ratio: number; floor: number };
  /** null: by step, then by weight. */
  pass: number | 'none' | null;
  slo: number | Slo | null;
  idle: number;
  block: number;
  weight: number;
  mode: Mode;
  phi: number;
  phiFrom: PhiFrom;
}

export interface StepConfig {
  weight: number;
  pass: number | null;
  min: number;
  max: number;
}

export interface JudgeConfig {
  metrics: readonly MetricConfig[];
  alpha: number;
  beta: number;
  warmup: number;
  settle: number;
  blind: number;
  silent: number;
  onInconclusive: 'hold' | 'fail';
  share: ShareRules;
  steps: readonly StepConfig[];
  mode: RolloutMode;
  baseline: number;
}

export type VerdictWord = 'pass' | 'fail' | 'hold' | 'no-data' | 'superseded';
export type Reason =
  | 'healthy'
  | `worse:${string}`
  | 'superseded'
  | 'cancelled'
  | 'degraded'
  | 'crashloop'
  | 'sync-timeout'
  | 'noisy-baseline'
  | 'single-pod'
  | 'canary-silent'
  | 'absent'
  | 'blind'
  | 'routing-not-applied'
  | 'routing-wrong-share'
  | 'no-traffic'
  | 'coverage-low'
  | `absent:${string}`
  | `slo:${string}`
  | 'deadline'
  | 'trace-ended';

export interface Status {
  /** The run may stop here. */
  done: boolean;
  verdict: VerdictWord | null;
  reason: Reason | null;
  step: string | null;
  at: number;
  /** ln of the evidence that the canary is worse, over all enforced metrics. */
  logE: number;
}

export type ShareState = 'ok' | 'unconfirmed' | 'wrong' | 'off';

/** Numbers of one stream: a ratio metric, one bound of a latency metric, or a CPU metric (there `e` is CPU seconds). */
export interface StreamReport {
  le: number | null;
  stable: { n: number; e: number; rate: number | null };
  canary: { n: number; e: number; rate: number | null };
  ratio: number | null;
  ci: [number | null, number | null];
  /** Canary events above what stable's rate explains, as a share of its requests. */
  excess: number | null;
  logE: number;
  logP: number | null;
}

export interface PassReport {
  /** `none`: this metric is not asked for a pass here. `slo`: its objective is violated now. */
  state: 'yes' | 'no' | 'none' | 'slo';
  margin: number | null;
  logP: number | null;
}

export interface MetricReport extends Omit<StreamReport, 'le' | 'logP'> {
  name: string;
  kind: Kind;
  mode: Mode;
  weight: number;
  phi: number;
  phiFrom: PhiFrom;
  floor: number;
  p: number;
  pass: PassReport;
  slo: number | Slo | null;
  coverage: number;
  streams: StreamReport[];
}

export interface StepReport {
  step: string;
  weight: number | null;
  verdict: VerdictWord | null;
  reason: Reason | null;
  start: number;
  end: number;
}

export interface Verdict {
  verdict: VerdictWord;
  reason: Reason;
  app: string;
  revision: string;
  image: string;
  step: string | null;
  weight: number | null;
  from: number | null;
  to: number | null;
  intervals: number;
  alpha: number;
  beta: number;
  logE: number;
  p: number;
  coverage: number;
  etaSeconds: number | null;
  /** Seconds from the step's clock to `to`. */
  elapsed: number;
  share: { expected: number | null; observed: number | null; logE: number; state: ShareState };
  metrics: MetricReport[];
  steps: StepReport[];
  culprits: string[];
  /** Enforced metrics that are still without the evidence a pass needs. */
  waiting: string[];
  canaryEvents: number | null;
  mode: RolloutMode;
  /** Not compared at the same time: reports call such a verdict weaker. */
  weaker: boolean;
  /** Lines of the stable version from before the canary. `used`: compared with, in modes without a stable arm. */
  baseline: { lines: number; from: number | null; to: number | null; used: number };
  /** ln evidence that the stable pods differ from one another; null without two of them. */
  noise: number | null;
  /** The pod of a hold `single-pod`. */
  pod: { pod: string; node: string | null } | null;
}

export interface Judge {
  /**
   * Takes the next line. Same lines in, same verdict out; nothing else is looked at.
   * @throws TraceError a line that starts before the one before it ended
   */
  observe(line: TraceLine): Status;
  /** ln evidence against the canary and for a pass, by metric in the order of the config. For charts. */
  evidence(): { fail: number[]; pass: (number | null)[] };
  /** May be called at any time and changes nothing. */
  verdict(): Verdict;
}
