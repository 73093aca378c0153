/** Waiting after a conflict: the more writers landed meanwhile, the wider the draw (spreads a storm), at most 20 s. */
const BASE_SECONDS = 0.5;
const CAP_SECONDS = 20;

/**
 * @param conflicts how many this run has met before (from 0)
 * @param landed commits of others since the last read, at least 1
 * @param random uniform in [0, 1)
 * @returns seconds
 */
export function nextWait(conflicts: number, landed: number, random: number): number {
  return random * Math.min(CAP_SECONDS, BASE_SECONDS * Math.max(2 ** Math.min(conflicts, 10), landed));
}
