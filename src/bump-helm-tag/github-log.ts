/** One log out of the logs of several files. Pure. */
import type { LoggedCommit } from './config-repository.ts';

/**
 * Newest first. Each log is in the order of the history; times break ties only between logs, never within one: commits of one
 * second are common where services race, and the newest handoff of a file must come first.
 */
export function mergeLogs(logs: readonly (readonly LoggedCommit[])[]): readonly LoggedCommit[] {
  const rests = logs.map((log) => [...log]);
  const merged: LoggedCommit[] = [];
  for (;;) {
    const heads = rests.flatMap((rest) => rest.slice(0, 1));
    // A commit that still stands deeper in another log is older than what stands above it there.
    const free = heads.filter((c) => rests.every((rest) => rest.findIndex((o) => o.oid === c.oid) <= 0));
    const newest = (free.length > 0 ? free : heads).reduce<LoggedCommit | undefined>(
      (best, c) => (best === undefined || c.time > best.time ? c : best),
      undefined,
    );
    if (newest === undefined) return merged;
    merged.push(newest);
    for (const rest of rests) {
      const at = rest.findIndex((c) => c.oid === newest.oid);
      if (at >= 0) rest.splice(at, 1);
    }
  }
}
