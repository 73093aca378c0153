/** What became of the requests, counted. */

export interface Sample {
  /** Unix milliseconds at which the request was sent. */
  at: number;
  /** Milliseconds until the whole answer was there, or until it failed. */
  ms: number;
  /** HTTP status as text; `timeout`, or the error code of the connection (`ECONNREFUSED`), when there was none. */
  code: string;
  /** Header X-Revision of the answer, '' without one. */
  revision: string;
  /** What the answer to a failed request said (its first 200 characters), or the error of the connection. */
  why?: string;
}

export interface TrafficStats {
  /** Arrivals so far; each was sent or, with too many under way, dropped. */
  sent: number;
  /** Requests with an end: an answer, or a failure. */
  ended: number;
  inFlight: number;
  /** Ended with anything but a status below 500. */
  failed: number;
  /** Not sent, because the bound on requests under way was reached. Counted in `failed` too. */
  dropped: number;
  byCode: Readonly<Record<string, number>>;
  /** Revision -> code -> count. Failures without an answer are under ''. */
  byRevision: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Milliseconds, over requests that were answered. All 0 before the first. */
  latency: { p50: number; p90: number; p99: number; max: number };
  /** Longest time in milliseconds by which a request left after its arrival time: a busy machine, not a slow service. */
  behind: number;
}

/** True for what a caller sees as the service's fault. */
export function isFailure(code: string): boolean {
  const status = Number(code);
  return !(status >= 100 && status < 500);
}

/** What users would have called an outage. */
export interface Downtime {
  /** Failed requests, and how often each code was the reason. */
  failed: number;
  byCode: Readonly<Record<string, number>>;
  /** Seconds of the clock in which at least one request failed. */
  seconds: number;
}

/** Counts the failures among samples. Pure. */
export function downtime(samples: readonly Sample[]): Downtime {
  const failed = samples.filter((sample) => isFailure(sample.code));
  const byCode: Record<string, number> = {};
  for (const { code } of failed) byCode[code] = (byCode[code] ?? 0) + 1;
  return { failed: failed.length, byCode, seconds: new Set(failed.map((s) => Math.floor(s.at / 1000))).size };
}

/** The first failures in words, for whoever has to find out why: code, moment and what was answered. Pure. */
export function firstFailures(samples: readonly Sample[], start: number, most = 3): readonly string[] {
  return samples
    .filter((sample) => isFailure(sample.code))
    .slice(0, most)
    .map(({ code, at, ms, why }) => {
      const moment = `${((at - start) / 1000).toFixed(1)} s, after ${Math.round(ms)} ms`;
      return `${code} at ${moment}${why === undefined || why === '' ? '' : `: ${why}`}`;
    });
}

/** Counts samples. Pure. */
export function summarize(
  samples: readonly Sample[],
  now: { sent: number; inFlight: number; behind: number },
): TrafficStats {
  const byCode: Record<string, number> = {};
  const byRevision: Record<string, Record<string, number>> = {};
  let failed = 0;
  for (const { code, revision } of samples) {
    byCode[code] = (byCode[code] ?? 0) + 1;
    byRevision[revision] ??= {};
    const codes = byRevision[revision];
    codes[code] = (codes[code] ?? 0) + 1;
    if (isFailure(code)) failed++;
  }
  const answered = samples.filter((sample) => /^\d+$/.test(sample.code)).map((sample) => sample.ms);
  answered.sort((a, b) => a - b);
  // Nearest rank: a value that was really seen.
  const rank = (share: number): number =>
    answered[Math.min(answered.length - 1, Math.ceil(share * answered.length) - 1)] ?? 0;
  return {
    sent: now.sent,
    ended: samples.length,
    inFlight: now.inFlight,
    failed,
    dropped: byCode.dropped ?? 0,
    byCode,
    byRevision,
    latency: { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) },
    behind: now.behind,
  };
}
