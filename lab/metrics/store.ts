/** Samples in memory: for each series a list of (time, value), oldest first. */

import { seriesKey } from '../../src/verify-canary/collect/exposition.ts';
import type { Labels, Selector } from '../../src/verify-canary/collect/selector.ts';
import { matches } from '../../src/verify-canary/collect/selector.ts';

export interface Point {
  /** Unix seconds. */
  at: number;
  /** undefined: a staleness marker, as Prometheus writes for a series that was not in the last page of its target. */
  value: number | undefined;
}

export interface Series {
  name: string;
  labels: Labels;
  points: Point[];
}

/** An hour of one-second samples is enough for every test and the demo. */
const KEEP_SECONDS = 3600;
/** How far back an instant query looks for the last sample (Prometheus: query.lookback-delta). */
const LOOKBACK_SECONDS = 300;

export class Store {
  readonly #series = new Map<string, Series>();
  /** `counter`, `gauge`, `histogram` ... by name of the family, as the pages say. */
  readonly types = new Map<string, string>();

  append(name: string, labels: Labels, at: number, value: number | undefined): void {
    const key = seriesKey(name, labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      if (value === undefined) return;
      series = { name, labels, points: [] };
      this.#series.set(key, series);
    }
    series.points.push({ at, value });
    while ((series.points[0]?.at ?? at) < at - KEEP_SECONDS) series.points.shift();
  }

  all(): Series[] {
    return [...this.#series.values()];
  }

  select(selector: Selector): Series[] {
    return [...this.#series.values()].filter((s) => matches(selector, s.name, s.labels));
  }

  /** Raw samples in (end - seconds, end], without staleness markers. */
  range(selector: Selector, end: number, seconds: number): Series[] {
    return this.select(selector)
      .map((s) => ({
        ...s,
        points: s.points.filter((p) => p.at > end - seconds && p.at <= end && p.value !== undefined),
      }))
      .filter((s) => s.points.length > 0);
  }

  /** The last sample of each series at the time; none when it is older than 5 minutes or a staleness marker. */
  instant(selector: Selector, at: number): { name: string; labels: Labels; value: number }[] {
    return this.select(selector).flatMap((s) => {
      const last = s.points.findLast((p) => p.at <= at && p.at > at - LOOKBACK_SECONDS);
      return last?.value === undefined ? [] : [{ name: s.name, labels: s.labels, value: last.value }];
    });
  }
}
