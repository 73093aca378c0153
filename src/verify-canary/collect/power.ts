/**
 * What a run can see before it begins: how long doubled events take to fail the canary, and a healthy canary to pass.
 * The real judge looks at the counts that are expected, so the table moves with everything that it does.
 */
import type { CanaryConfig } from '../config.ts';
import {
  type Arm,
  createJudge,
  type Interval,
  type JudgeConfigInput,
  type MetricConfig,
  type VerdictWord,
} from '../core/index.ts';

export interface Rates {
  /** Requests a second of both versions together. */
  perSecond: number;
  /** Share of stable's requests that are events, by metric; of a latency metric the share slower than each bound. */
  shares: Readonly<Record<string, number | Readonly<Record<string, number>>>>;
}

export interface PowerRow {
  metric: string;
  /** Share of stable's events; of a latency metric at the bound where there are most. */
  share: number;
  /** Share of the canary's that is looked for: the double, or where that is below the floor of a fail, twice the floor. */
  worse: number;
  /** Seconds from the begin of the run until doubled events fail it; null: not within the horizon. */
  doubled: number | null;
  /** Seconds until a canary like stable shows enough for a pass; null: not within it, or no pass is asked. */
  pass: number | null;
  required: boolean;
}

export interface PowerTable {
  perSecond: number;
  /** Percent. */
  weight: number;
  rows: PowerRow[];
  /** Seconds until the whole step can pass: all that is required; null: some of it does not within the horizon. */
  pass: number | null;
}

/** Seconds that are looked ahead. */
const HORIZON = 2 * 3600;
/** Stands for all other metrics. */
const OTHERS = 'others--';
/** Intervals are not cut finer than this: the counts are expected ones, and the evidence adds up. */
const SHORTEST = 15;

/**
 * @param weight percent of the step
 * @returns rows in the order of the config, none of CPU metrics: they show nothing of requests. null in a mode without a
 * stable arm, where the loads of before decide what can be compared
 */
export function powerTable(config: CanaryConfig, weight: number, rates: Rates): PowerTable | null {
  if (config.judge.mode !== 'concurrent') return null;
  const rows = config.judge.metrics.flatMap((m) => {
    const row = rowOf(config, m, weight, rates);
    return row === null ? [] : [row];
  });
  const required = rows.filter((row) => row.required);
  const pass = required.some((row) => row.pass === null) ? null : Math.max(...required.map((row) => row.pass ?? 0));
  return { perSecond: rates.perSecond, weight, rows, pass: required.length === 0 ? null : pass };
}

function rowOf(config: CanaryConfig, m: MetricConfig, weight: number, rates: Rates): PowerRow | null {
  const shares = Object.hasOwn(rates.shares, m.name) ? rates.shares[m.name] : undefined;
  if (shares === undefined || m.kind === 'cpu' || m.mode === 'observe') return null;
  const required = createJudge(judgeOf(config, m, weight)).verdict().metrics[0]?.pass.state !== 'none';
  const until = (change: Change, verdict: VerdictWord): number | null =>
    watch(judgeOf(config, m, weight), Math.max(SHORTEST, config.interval), verdict, (start, end) => {
      const requests = (rates.perSecond * (end - start) * weight) / 100;
      const [n0, n1] = [(requests * (100 - weight)) / weight, requests];
      return {
        traffic: { stable: n0, canary: n1 },
        metrics: {
          [m.name]: { stable: armOf(m, n0, shares, same), canary: armOf(m, n1, shares, change) },
          [OTHERS]: { stable: { n: n0, e: 0 }, canary: { n: n1, e: 0 } },
        },
      };
    });
  // Of what is doubled below the floor no fail would ever come.
  const worse: Change = (share) => Math.min(1, 2 * Math.max(share, m.fail.floor));
  const doubled = until(worse, 'fail');
  const healthy = required ? until(same, 'pass') : null;
  const share = largestOf(shares);
  return { metric: m.name, share, worse: worse(share), doubled, pass: healthy, required };
}

/** One metric, and beside it the weight of all others, which show nothing. */
function judgeOf(config: CanaryConfig, m: MetricConfig, weight: number): JudgeConfigInput {
  const { judge } = config;
  const others = judge.metrics.filter((o) => o.mode === 'enforce' && o !== m).reduce((sum, o) => sum + o.weight, 0);
  const rest = { name: OTHERS, kind: 'ratio' as const, pass: 'none' as const, weight: others };
  return {
    ...judge,
    metrics: others > 0 ? [m, rest] : [m],
    share: { mode: 'observe' },
    steps: [{ weight, ...stepOf(config, weight), max: 10 * HORIZON }],
  };
}

function stepOf({ judge }: CanaryConfig, weight: number): { pass?: number | null; min?: number } {
  const own = judge.steps.find((s) => s.weight === weight);
  return own === undefined ? {} : { pass: own.pass, min: own.min };
}

/** @returns seconds until the judge says so */
function watch(
  rules: JudgeConfigInput,
  seconds: number,
  wanted: VerdictWord,
  counts: (start: number, end: number) => Pick<Interval, 'traffic' | 'metrics'>,
): number | null {
  const judge = createJudge(rules);
  const [{ weight = 0 } = {}] = rules.steps ?? [];
  for (let start = 0; start < HORIZON; start += seconds) {
    const end = start + seconds;
    const { verdict } = judge.observe({ v: 1, step: 'next', weight, start, end, ...counts(start, end) });
    if (verdict === wanted) return end;
  }
  return null;
}

/** From stable's share of events to that of a version. */
type Change = (share: number) => number;
const same: Change = (share) => share;

function armOf(m: MetricConfig, n: number, shares: number | Readonly<Record<string, number>>, change: Change): Arm {
  const events = (share: number): number => n * change(share);
  if (typeof shares === 'number') return { n, e: events(shares) };
  return { n, le: Object.fromEntries(m.le.map((bound) => [String(bound), n - events(shares[String(bound)] ?? 0)])) };
}

function largestOf(shares: number | Readonly<Record<string, number>>): number {
  return typeof shares === 'number' ? shares : Math.max(0, ...Object.values(shares));
}

/** `at 12 req/s and 5 %: doubled errors visible in 14 min; pass in 9 min`, and what stands in the way of a pass. */
export function powerLines(table: PowerTable): string[] {
  const rate = Number(table.perSecond.toPrecision(2));
  const seen = table.rows.map(
    (row) =>
      `${row.worse > 2 * row.share ? `${percent(row.worse)} ${row.metric}` : `doubled ${row.metric}`} ${row.doubled === null ? `not visible ${WITHIN}` : `visible in ${time(row.doubled)}`}`,
  );
  const asked = table.rows.some((row) => row.required);
  const pass = !asked
    ? 'no pass is asked for'
    : table.pass === null
      ? `no pass ${WITHIN}`
      : `pass in ${time(table.pass)}`;
  const lines = [`at ${rate} req/s and ${Number(table.weight.toPrecision(3))} %: ${[...seen, pass].join('; ')}`];
  const slow = table.rows.filter((row) => row.required && row.pass === null).map((row) => row.metric);
  if (slow.length > 0) {
    lines.push(
      `no evidence for a pass ${WITHIN} of: ${slow.join(', ')}. More traffic, a higher weight or an objective (slo) shows it sooner`,
    );
  }
  return lines;
}

const WITHIN = `within ${HORIZON / 3600} h`;

const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

function time(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
