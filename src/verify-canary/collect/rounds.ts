/** When the pages of many targets, some of which miss a round, tell the same time of both versions. */
import { isFew } from './freshness.ts';

/** What a version's target has answered. */
interface Answered {
  /** Time of its last page; null without one. */
  readonly pageAt: number | null;
  /** It counts only from a page within the interval on. */
  readonly rebased: boolean;
}

interface Rounds {
  boundary: number;
  /** The round before this one. */
  before: number;
  now: number;
}

/** Whether an interval up to this round can be told of a version: each target has a page of it, but for a few. */
export function isCovered(live: readonly Answered[], { boundary, before, now }: Rounds): boolean {
  const current = live.filter(({ pageAt }) => pageAt !== null && pageAt >= now).length;
  const recent = live.filter(({ pageAt }) => pageAt !== null && pageAt > boundary && pageAt >= before).length;
  // Were most of them a round behind, the version would seem to have less than its share of the traffic.
  return current * 2 >= live.length && isFew(live.length - Math.max(current, recent), live.length);
}

/** Whether too many count only part of the interval. */
export function isPartial(live: readonly Answered[]): boolean {
  return !isFew(live.filter((target) => target.rebased).length, live.length);
}
