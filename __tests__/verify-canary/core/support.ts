/** Short ways to write lines, and the samplers of the seeded tests. */
import {
  type Arm,
  createJudge,
  type EventWord,
  type Gap,
  type Interval,
  type Judge,
  type JudgeConfigInput,
  type MetricInput,
  type Pair,
  type Status,
} from '../../../src/verify-canary/core/index.ts';

export const LN20 = Math.log(20);
export const LN100 = Math.log(100);

export type Metrics = Record<string, Pair<Arm | null>>;

export function ratio(n0: number, n1: number, e0: number, e1: number): Pair<Arm> {
  return { stable: { n: n0, e: e0 }, canary: { n: n1, e: e1 } };
}

/** The only metric of most tests. */
export function errors(n0: number, n1: number, e0: number, e1: number): { metrics: Metrics } {
  return { metrics: { errors: ratio(n0, n1, e0, e1) } };
}

export function cpu(n0: number, n1: number, x0: number, x1: number, pods = 1): Pair<Arm> {
  return { stable: { n: n0, x: x0, pods: 3 }, canary: { n: n1, x: x1, pods } };
}

/** One ratio metric, nothing in its way: no warm-up, no settling, a pass as soon as there is evidence. */
export function plainConfig(more: Partial<JudgeConfigInput> = {}, metric: Partial<MetricInput> = {}): JudgeConfigInput {
  return {
    warmup: 0,
    settle: 0,
    metrics: [{ name: 'errors', kind: 'ratio', ...metric }],
    steps: [{ weight: 5, min: 0 }],
    ...more,
  };
}

/** Feeds a judge line after line; it keeps the time, so that a test says only what happens. */
export class Rollout {
  readonly judge: Judge;
  readonly written: Interval[] = [];
  at = 0;
  step: string | null = '5';
  weight: number | null = 5;
  seconds = 60;

  constructor(config: JudgeConfigInput) {
    this.judge = createJudge(config);
  }

  line(more: Partial<Interval> = {}): Status {
    const { step, weight, at: start } = this;
    const line: Interval = { v: 1, step, weight, start, end: start + this.seconds, ...more };
    this.at = line.end;
    this.written.push(line);
    return this.judge.observe(line);
  }

  /** At most `count` times the same; stops where the run would. */
  lines(count: number, more: Partial<Interval> = {}): Status {
    for (let i = 1; i < count; i += 1) {
      const status = this.line(more);
      if (status.done) return status;
    }
    return this.line(more);
  }

  gap(gap: Gap): Status {
    return this.line({ gap });
  }

  event(event: EventWord): Status {
    return this.judge.observe({ v: 1, type: 'event', at: this.at, event });
  }

  /** Time without lines. */
  wait(seconds: number): void {
    this.at += seconds;
  }

  /** The lines from here on belong to no run. */
  pause(): void {
    this.step = null;
  }

  to(weight: number): void {
    this.step = String(weight);
    this.weight = weight;
  }
}

/** How many of n independent requests an event with probability p happens to. */
export function binomial(random: () => number, n: number, p: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return n;
  // From one event to the next: the work grows with the events, not with the requests.
  const step = Math.log1p(-p);
  let events = -1;
  for (let at = 0; at <= n; events += 1) at += Math.floor(Math.log(1 - random()) / step) + 1;
  return events;
}

/** Promised rate plus three standard errors of its estimate. */
export function bound(rate: number, runs: number): number {
  return rate + 3 * Math.sqrt((rate * (1 - rate)) / runs);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
