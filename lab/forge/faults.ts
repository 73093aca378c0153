/** Faults on demand: what a forge on a bad day does to a request. */

export interface FaultMatch {
  method?: string;
  /** Of the path without its query. */
  path?: RegExp;
  /** GraphQL operation name. */
  operation?: string;
}

export interface Fault {
  match: FaultMatch;
  /** Requests that match and are let through first. */
  skip?: number;
  /** How often it strikes (default 1). */
  times?: number;
  delayMs?: number;
  /** Answer this instead, before the effect or after it. */
  answer?: { status: number; body?: string; headers?: Record<string, string>; when?: 'before' | 'after' };
  /** Close the connection without an answer, before the effect or after it. */
  reset?: 'before' | 'after';
  /** GraphQL reads answer as the branch was this many commits ago. */
  staleBy?: number;
  /** Pace of the answer's body: this many milliseconds before its second half. */
  slowBodyMs?: number;
}

export interface RequestFacts {
  method: string;
  path: string;
  operation: string | undefined;
}

export class Faults {
  readonly #active: { fault: Fault; seen: number; struck: number }[] = [];

  /** @returns takes the fault away again */
  add(fault: Fault): () => void {
    const entry = { fault, seen: 0, struck: 0 };
    this.#active.push(entry);
    return () => {
      const at = this.#active.indexOf(entry);
      if (at >= 0) this.#active.splice(at, 1);
    };
  }

  clear(): void {
    this.#active.length = 0;
  }

  /** The first fault that strikes this request; counts it. */
  next(request: RequestFacts): Fault | undefined {
    for (const entry of this.#active) {
      const { match, skip = 0, times = 1 } = entry.fault;
      if (match.method !== undefined && match.method !== request.method) continue;
      if (match.path !== undefined && !match.path.test(request.path)) continue;
      if (match.operation !== undefined && match.operation !== request.operation) continue;
      entry.seen += 1;
      if (entry.seen <= skip || entry.struck >= times) continue;
      entry.struck += 1;
      return entry.fault;
    }
    return undefined;
  }
}
