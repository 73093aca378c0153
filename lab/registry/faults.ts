/** Faults on demand: what a registry on a bad day, or one of another make, does to a request. */

export type Operation =
  | 'base'
  | 'catalog'
  | 'token'
  | 'head-manifest'
  | 'get-manifest'
  | 'put-manifest'
  | 'delete-manifest'
  | 'head-blob'
  | 'get-blob'
  | 'delete-blob'
  | 'mount'
  | 'start-upload'
  | 'get-upload'
  | 'patch-upload'
  | 'put-upload'
  | 'delete-upload'
  | 'tags'
  | 'referrers'
  | 'unknown';

export interface Fault {
  operation: Operation | readonly Operation[];
  /** Of the path without its query. */
  path?: RegExp;
  /** Requests that match and are let through first. */
  skip?: number;
  /** How often it strikes (default 1). */
  times?: number;
  delayMs?: number;
  /** Answer this instead, before the effect or after it (stored, but the client is told otherwise). */
  answer?: { status: number; body?: string; headers?: Record<string, string>; when?: 'before' | 'after' };
  /** Close the connection without an answer, before the effect or after it. */
  reset?: 'before' | 'after';
  /** Cut the answer's body after this share of it, 0..1, and close the connection. */
  cutBody?: number;
  /** Change one byte in the middle of the answer's body. */
  flipByte?: boolean;
}

/** Lasting habits of a registry; change them at any time. */
export interface Habits {
  /** Tags that may not be moved once they exist. A second PUT, even of the same bytes, is 400 TAG_INVALID. */
  immutableTags?: RegExp;
  /** Reads of a tag answer as of this many milliseconds ago. */
  staleTagMs?: number;
  /** HEAD on manifests is 405. */
  refuseHead?: boolean;
  /** No Docker-Content-Digest header anywhere. */
  noDigestHeader?: boolean;
  /** Added to the Content-Type of manifests, such as `; charset=utf-8`. */
  contentTypeSuffix?: string;
  /** Pushed manifests are stored re-formatted, so that their digest differs. */
  convertManifests?: boolean;
  /** Answer to a cross-repository mount instead of doing it. */
  mountStatus?: 202 | 401 | 403 | 404 | 405;
  /** Requests with more body bytes than this are 413. */
  maxBodyBytes?: number;
  /** Said in OCI-Chunk-Min-Length when an upload starts. */
  minChunkBytes?: number;
  /** Blobs are served by a redirect to this origin (`http://127.0.0.1:port`). */
  blobRedirect?: string;
  /** Upload locations: relative path, absolute URL (default), or on this other origin. */
  location?: 'relative' | 'absolute' | { origin: string };
  /** At most this many requests a second; more are 429 with Retry-After 1. */
  requestsPerSecond?: number;
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
  next(operation: Operation, path: string): Fault | undefined {
    for (const entry of this.#active) {
      const { operation: wanted, path: pattern, skip = 0, times = 1 } = entry.fault;
      if (typeof wanted === 'string' ? wanted !== operation : !wanted.includes(operation)) continue;
      if (pattern !== undefined && !pattern.test(path)) continue;
      entry.seen += 1;
      if (entry.seen <= skip || entry.struck >= times) continue;
      entry.struck += 1;
      return entry.fault;
    }
    return undefined;
  }
}
