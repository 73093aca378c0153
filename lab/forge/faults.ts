/** Faults on demand: what a forge on a bad day does to a request. */

export interface FaultMatch {
  method?: string;
  /** Of the path without its query and without `/api/v3`. */
  path?: RegExp;
  /** Of the query, with its `?`: `/service=git-receive-pack/`. */
  query?: RegExp;
  /** GraphQL operation name. */
  operation?: string;
  /** Login of the token. */
  login?: string;
}

export interface FaultAnswer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
  /** Before the effect (default), which then never happens, or after it. */
  when?: 'before' | 'after';
}

export interface Fault {
  match: FaultMatch;
  /** Requests that match and are let through first. */
  skip?: number;
  /** How often it strikes (default 1; without limit with `every` or `over`). */
  times?: number;
  /** Strikes every n-th request that matches. */
  every?: number;
  /** Strikes what goes beyond `count` matching requests in any window of `ms` milliseconds. */
  over?: { count: number; ms: number };
  /** Waits before the effect. A client that has gone by then does not stop the effect. */
  delayMs?: number;
  /** What somebody else does in the very moment before the effect: a race that does not hang on the clock. */
  meanwhile?: () => Promise<unknown>;
  /** Answer this instead, before the effect or after it. */
  answer?: FaultAnswer;
  /** Close the connection without an answer, before the effect or after it. */
  reset?: 'before' | 'after';
  /** With an `answer` or `reset` before the effect: the effect happens all the same, this much later. */
  lateEffectMs?: number;
  /** Reads answer as the branch was this many commits ago, as an old replica does. */
  staleBy?: number;
  /** Pace of the answer's body: this many milliseconds before its second half. */
  slowBodyMs?: number;
}

export interface RequestFacts {
  method: string;
  path: string;
  query: string;
  operation: string | undefined;
  login: string;
}

export class Faults {
  readonly #active: { fault: Fault; seen: number; struck: number; passed: number[] }[] = [];

  /** @returns takes the fault away again */
  add(fault: Fault): () => void {
    const entry = { fault, seen: 0, struck: 0, passed: [] };
    this.#active.push(entry);
    return () => {
      const at = this.#active.indexOf(entry);
      if (at >= 0) this.#active.splice(at, 1);
    };
  }

  clear(): void {
    this.#active.length = 0;
  }

  /** The first fault that strikes this request; counts it. @param now milliseconds */
  next(request: RequestFacts, now = Date.now()): Fault | undefined {
    for (const entry of this.#active) {
      const { match, skip = 0, every, over } = entry.fault;
      const times = entry.fault.times ?? (every === undefined && over === undefined ? 1 : Number.POSITIVE_INFINITY);
      if (!matches(match, request)) continue;
      entry.seen += 1;
      if (entry.seen <= skip || entry.struck >= times) continue;
      if (every !== undefined && (entry.seen - skip) % every !== 0) continue;
      if (over !== undefined) {
        entry.passed = entry.passed.filter((at) => at > now - over.ms);
        if (entry.passed.length < over.count) {
          entry.passed.push(now);
          continue;
        }
      }
      entry.struck += 1;
      return entry.fault;
    }
    return undefined;
  }
}

function matches(match: FaultMatch, request: RequestFacts): boolean {
  return (
    (match.method === undefined || match.method === request.method) &&
    (match.path === undefined || match.path.test(request.path)) &&
    (match.query === undefined || match.query.test(request.query)) &&
    (match.operation === undefined || match.operation === request.operation) &&
    (match.login === undefined || match.login === request.login)
  );
}

/** Answers in GitHub's own words, for `Fault.answer`. */
export const faultAnswers = {
  badGateway: (when: 'before' | 'after' = 'before'): FaultAnswer => ({
    status: 502,
    body: JSON.stringify({ message: 'Server Error' }),
    when,
  }),
  /** @param retryAfter seconds; undefined: the header is missing */
  secondaryLimit: (retryAfter?: number): FaultAnswer => ({
    status: 403,
    headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
    body: JSON.stringify({
      message:
        'You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.',
      documentation_url: 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api',
    }),
  }),
  /** A refusal as stale although the head is right: nothing is written. */
  falseStale: (expectedHead = '0'.repeat(40)): FaultAnswer => ({
    status: 200,
    body: JSON.stringify({
      data: { createCommitOnBranch: null },
      errors: [{ type: 'STALE_DATA', path: ['createCommitOnBranch'], message: staleText(expectedHead) }],
    }),
  }),
  conflict: (message = 'Conflict'): FaultAnswer => ({ status: 409, body: JSON.stringify({ message }) }),
  unprocessable: (message = 'Validation Failed'): FaultAnswer => ({ status: 422, body: JSON.stringify({ message }) }),
};

/** GitHub's words, both blanks included. */
export function staleText(expected: string): string {
  return `Expected branch to point to "${expected}" but it did not.  Pull and try again.`;
}
