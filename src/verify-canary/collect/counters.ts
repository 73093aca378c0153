/** From two pages of one target to what was counted between them. */
import { type Sample, seriesKey } from './exposition.ts';
import { addCount, type Counts, START_TIME, type Want } from './plan.ts';
import { type Labels, matchesLabels, seriesText } from './selector.ts';

/** The wanted series of one page. */
export interface PageCounts {
  series: Map<string, { want: Want; le: string | undefined; of: string; value: number }>;
  /** Start of the process, undefined when the page does not tell. */
  startTime: number | undefined;
}

/** A wanted sample is not a finite number. */
export class SampleError extends Error {
  override readonly name = 'SampleError';
}

/** @throws SampleError */
export function countPage(samples: readonly Sample[], wants: readonly Want[]): PageCounts {
  const page: PageCounts = { series: new Map(), startTime: undefined };
  for (const sample of samples) {
    if (sample.name === START_TIME) page.startTime = sample.value;
    for (const want of wants) {
      if (want.selector.name !== sample.name || !matchesLabels(want.selector.matchers, sample.labels)) continue;
      if (!Number.isFinite(sample.value)) throw new SampleError(`${sample.name} is ${sample.value}`);
      page.series.set(`${want.id}\n${seriesKey(sample.name, sample.labels)}`, {
        want,
        le: leOf(sample.labels, want),
        of: want.buckets ? seriesText({ ...sample.labels, __name__: sample.name }, 'le') : '',
        value: sample.value,
      });
    }
  }
  return page;
}

function leOf(labels: Labels, want: Want): string | undefined {
  return want.buckets ? labels.le : undefined;
}

/** What a page counts by itself, from 0: a target whose process began after the rollout did. */
export function fromZero(target: string, page: PageCounts, into: Counts): void {
  for (const { want, le, of, value } of page.series.values()) addCount(into, want, target, le, value, of);
}

/**
 * The increase between two pages. A counter that fell was reset and counts from 0, and so does a series that was not
 * there before. A process that started again counts in full, even where its new counter is larger than the old one.
 * @returns true when the process started again
 */
export function delta(target: string, before: PageCounts, after: PageCounts, into: Counts): boolean {
  const restarted =
    before.startTime !== undefined && after.startTime !== undefined && Math.abs(after.startTime - before.startTime) > 1;
  let reset = restarted;
  for (const [key, { want, le, of, value }] of after.series) {
    const old = restarted ? undefined : before.series.get(key);
    const fell = old !== undefined && value < old.value;
    reset ||= fell;
    addCount(into, want, target, le, old === undefined || fell ? value : value - old.value, of);
  }
  return reset;
}
