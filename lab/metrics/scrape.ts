/** Scrapes one target once and stores what its page says, as Prometheus does. */
import { parseExposition, seriesKey } from '../../src/verify-canary/collect/exposition.ts';
import type { Labels } from '../../src/verify-canary/collect/selector.ts';
import type { Store } from './store.ts';

export interface Target {
  /** Full address of the metrics page. */
  url: string;
  /** Put on every series of the page (Prometheus: target labels, which win over the page's own). */
  labels: Readonly<Record<string, string>>;
}

/** The series of the last page of each target, to mark as stale what is gone from the next one. */
export type Seen = Map<string, Map<string, { name: string; labels: Labels }>>;

const MAX_PAGE = 16 * 1024 * 1024;

export async function scrape(target: Target, store: Store, seen: Seen, timeoutMs: number, at: number): Promise<void> {
  const labels: Labels = { instance: new URL(target.url).host, ...target.labels };
  const id = seriesKey(target.url, labels);
  const before = seen.get(id) ?? new Map<string, { name: string; labels: Labels }>();
  const now = new Map<string, { name: string; labels: Labels }>();
  let up = 0;
  try {
    const response = await fetch(target.url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    const text = await response.text();
    if (!response.ok || text.length > MAX_PAGE) throw new Error(`status ${response.status}`);
    const openMetrics = (response.headers.get('content-type') ?? '').includes('openmetrics');
    for (const sample of parseExposition(text, undefined, openMetrics)) {
      const full = { ...sample.labels, ...labels };
      now.set(seriesKey(sample.name, full), { name: sample.name, labels: full });
      store.append(sample.name, full, at, sample.value);
    }
    for (const [, family = '', type = ''] of text.matchAll(/^# TYPE (\S+) ([a-z]+)/gm)) store.types.set(family, type);
    up = 1;
  } catch {
    // A target that does not answer is a fact, not a failure of the one who asks: it stands in `up`.
    now.clear();
  }
  store.append('up', labels, at, up);
  for (const [key, gone] of before) if (!now.has(key)) store.append(gone.name, gone.labels, at, undefined);
  seen.set(id, now);
}

/** A target that is no longer listed: all of its series end. */
export function forget(store: Store, seen: Seen, current: ReadonlySet<string>, at: number): void {
  for (const [id, series] of seen) {
    if (current.has(id)) continue;
    for (const gone of series.values()) store.append(gone.name, gone.labels, at, undefined);
    seen.delete(id);
  }
}

export function targetId(target: Target): string {
  return seriesKey(target.url, { instance: new URL(target.url).host, ...target.labels });
}
