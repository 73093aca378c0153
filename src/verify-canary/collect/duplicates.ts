/**
 * One counter that is stored twice: by two Prometheus servers whose answers nobody merges, or by two jobs that scrape
 * the same pod. Every request would count twice, and twice the counts are more evidence than there is.
 */
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { RawSeries } from './promql.ts';
import { indexAt, type Point } from './series.ts';

/** Labels that servers put on what they send: nothing that counts requests has them. */
const SERVERS = new Set(['prometheus_replica', '__replica__', 'thanos_replica', 'thanos_ruler_replica']);
/** May name a server as well; here the samples must show that it is one counter. */
const LIKELY = new Set(['replica', 'prometheus', 'prometheus_server', 'job']);
/** What may differ besides the job when a pod is scraped a second time. */
const OF_JOBS = ['job', 'instance', 'endpoint', 'service', 'container', 'metrics_path'] as const;
/** So many samples of one series must stand between those of the other. */
const ENOUGH = 3;

/**
 * @returns whether it is sure: with too few samples, or while nothing is counted, two series may still turn out to be one
 * @throws ActionError E_SERIES_DUPLICATE, naming the label that differs
 */
export function findDuplicates(series: readonly RawSeries[], selector: string): boolean {
  if (series.length < 2) return true;
  let sure = true;
  const same = (a: RawSeries, b: RawSeries): boolean => {
    const told = sameCounter(a.points, b.points);
    sure &&= told !== 'unknown';
    return told === 'same';
  };
  const labels = new Set(series.flatMap((s) => Object.keys(s.labels)));
  for (const label of labels) {
    if (!SERVERS.has(label) && !LIKELY.has(label)) continue;
    const pair = pairIn(series, [label], (a, b) => SERVERS.has(label) || same(a, b));
    if (pair !== null) throw refuse(selector, label, pair);
  }
  if (!labels.has('pod') || !labels.has('job')) return sure;
  const twice = pairIn(
    series.filter((s) => s.labels.pod),
    OF_JOBS,
    (a, b) => a.labels.job !== b.labels.job && same(a, b),
  );
  if (twice !== null) throw refuse(selector, 'job', twice);
  return sure;
}

/** Two series that are equal but for the given labels, of which the test holds. */
function pairIn(
  series: readonly RawSeries[],
  but: readonly string[],
  test: (a: RawSeries, b: RawSeries) => boolean,
): [RawSeries, RawSeries] | null {
  const groups = new Map<string, RawSeries[]>();
  for (const one of series) {
    const rest = Object.entries(one.labels).filter(([label]) => !but.includes(label));
    const key = JSON.stringify(rest.sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key) ?? [];
    for (const other of group) if (test(other, one)) return [other, one];
    group.push(one);
    groups.set(key, group);
  }
  return null;
}

/**
 * `same` when the samples of both can be of one counter: it grows, and whatever one series shows lies between what the
 * other shows just before and just after.
 */
function sameCounter(a: readonly Point[], b: readonly Point[]): 'same' | 'other' | 'unknown' {
  let compared = 0;
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [at, value] of b) {
    const i = indexAt(a, at);
    const [before, after] = [a[i], a[i]?.[0] === at ? a[i] : a[i + 1]];
    if (before === undefined || after === undefined) continue;
    // After a reset nothing can be said of the samples around it.
    if (after[1] < before[1]) continue;
    if (value < before[1] || value > after[1]) return 'other';
    compared += 1;
    first = Math.min(first, value);
    last = Math.max(last, value);
  }
  return compared >= ENOUGH && last > first ? 'same' : 'unknown';
}

function refuse(selector: string, label: string, [a, b]: [RawSeries, RawSeries]): ActionError {
  const values = [a, b].map((s) => `"${oneLine(s.labels[label] ?? '', 100)}"`).join(' and ');
  const jobs = label === 'job';
  return new ActionError('E_SERIES_DUPLICATE', {
    what: `selector ${oneLine(selector, 600)}`,
    why: jobs
      ? `the same pod is scraped by the jobs ${values} (label job), so every request would count twice`
      : `the same series is stored with ${label} ${values} (label ${label}), so every request would count twice`,
    fix: jobs
      ? `Add job=${values.split(' and ')[0]} to both selectors, or scrape the pod once`
      : `Ask where duplicates are merged (Thanos Query with deduplication, Mimir with its HA tracker), or add ${label}=${values.split(' and ')[0]} to both selectors`,
  });
}
