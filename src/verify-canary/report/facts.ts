/** What the reports are made of, and the thinning that keeps them small. */
import type { CanaryConfig } from '../config.ts';
import type { MetricReport, TraceEvent, Verdict } from '../core/index.ts';
import type { Moment } from '../session.ts';
import type { Digests } from '../verdict-file.ts';
import { COMPARED } from './message.ts';
import { percent, short } from './numbers.ts';

export interface ReportFacts {
  config: CanaryConfig;
  verdict: Verdict;
  message: string;
  digests: Digests;
  moments: readonly Moment[];
  events: readonly TraceEvent[];
}

/** What Argo CD said when that is what ended it, '' otherwise. */
export function endingDetail(verdict: Verdict, events: readonly TraceEvent[]): string {
  return events.findLast((event) => event.event === verdict.reason)?.detail ?? '';
}

export interface Happening {
  /** Minutes since the start of the trace; null before it. */
  minute: number | null;
  text: string;
}

const HAPPENED: Readonly<Record<TraceEvent['event'], string>> = {
  run: 'a run began',
  superseded: 'a newer version took over',
  cancelled: 'cancelled',
  degraded: 'degraded',
  crashloop: 'the canary crashes again and again',
  'sync-timeout': 'Argo CD did not get there',
};

/** What happened beside the intervals, for people; the last ones when there are many. */
export function happenings({ events, moments }: Pick<ReportFacts, 'events' | 'moments'>): Happening[] {
  const t0 = moments[0]?.line.start ?? events[0]?.at ?? 0;
  return events.slice(-MAX_EVENTS).map(({ at, event, detail }) => ({
    minute: at < t0 ? null : (at - t0) / 60,
    text: detail === undefined ? HAPPENED[event] : event === 'run' ? detail : `${HAPPENED[event]}: ${detail}`,
  }));
}

const MAX_EVENTS = 20;

/** `1.2 % of 400`; what was never counted has no rate. */
export function rateText(m: MetricReport, arm: 'stable' | 'canary'): string {
  const { n, rate } = m[arm];
  if (n === 0) return 'no requests';
  return `${m.kind === 'cpu' ? `${short(rate)} s` : percent(rate)} of ${n}`;
}

/** How bursts are reckoned with where the rules leave it to a measurement; '' where they do not. */
export function measuredPhi(verdict: Verdict): string {
  return verdict.metrics
    .filter((m) => m.phiFrom !== 'config')
    .map((m) => `${m.name} ${short(m.phi)} (${m.phiFrom === 'baseline' ? 'measured' : 'nothing to measure'})`)
    .join(', ');
}

/** What the verdict rests on, where that is not the stable version at the same time; '' where it is. */
export function comparison(verdict: Verdict): string {
  const { lines, used } = verdict.baseline;
  return verdict.weaker ? `weaker: ${COMPARED[verdict.mode]} (${used} of ${lines} intervals of it used)` : '';
}

/** At most `max` of the items, evenly spread; the first and the last stay. */
export function thin<T>(items: readonly T[], max: number): T[] {
  if (items.length <= max) return [...items];
  const last = items.length - 1;
  return Array.from({ length: max }, (_, i) => items[Math.round((i * last) / (max - 1))]).filter(
    (v) => v !== undefined,
  );
}

/** Stretches of time without data or in warm-up, in minutes since the start of the trace. */
export interface Shade {
  from: number;
  to: number;
  kind: 'gap' | 'warm';
}

export function shades({ moments, config }: ReportFacts): Shade[] {
  const t0 = moments[0]?.line.start ?? 0;
  const result: Shade[] = [];
  for (const { line } of moments) {
    const kind = line.gap !== undefined ? 'gap' : line.start < t0 + config.judge.warmup ? 'warm' : undefined;
    if (kind === undefined) continue;
    const [from, to] = [(line.start - t0) / 60, (line.end - t0) / 60];
    const before = result.at(-1);
    if (before?.kind === kind && Math.abs(before.to - from) < 1e-9) before.to = to;
    else result.push({ from, to, kind });
  }
  return result.slice(0, 200);
}

/** Minutes since the start of the trace at the end of the interval. */
export function minuteOf(moment: Moment, moments: readonly Moment[]): number {
  return (moment.line.end - (moments[0]?.line.start ?? 0)) / 60;
}
