/** A config repository in memory that implements the port, with a script of bad days; and a source history in a line. */
import type {
  CommitAt,
  CommitRequest,
  CommitResult,
  ConfigRepository,
  LoggedCommit,
  Relation,
  Snapshot,
  SourceHistory,
} from '../../src/bump-helm-tag/config-repository.ts';
import { ActionError } from '../../src/runner/index.ts';

export interface FakeCommit extends LoggedCommit {
  files: Readonly<Record<string, string>>;
}

/** What happens to one write: `lost` after its effect, `dropped` before it, or an answer of the host. */
export type Weather = 'lost' | 'dropped' | 'late' | CommitResult;

export class FakeRepository implements ConfigRepository {
  readonly commits: FakeCommit[];
  /** One entry a write, in order; then the sun shines. */
  weather: Weather[] = [];
  /** Runs before each write is judged: what somebody else does in that moment. */
  onCommit: ((n: number) => void) | undefined;
  /** Runs after each write, when its outcome is not known yet. */
  afterCommit: ((n: number) => void) | undefined;
  /** Reads from this many commits ago, for so many reads. */
  stale: number[] = [];
  /** Present where the host can be asked in a second way. */
  newestHead: ConfigRepository['newestHead'];
  historyFails = 0;
  writes = 0;
  readonly expected: string[] = [];
  #late: CommitRequest | undefined;

  constructor(files: Record<string, string>) {
    this.commits = [{ oid: oidOf(0), message: 'initial', time: '2026-01-01T00:00:00Z', files }];
  }

  get head(): FakeCommit {
    return this.commits.at(-1) as FakeCommit;
  }

  /** Somebody else's commit. */
  push(files: Record<string, string>, message = 'by hand'): FakeCommit {
    const commit = {
      oid: oidOf(this.commits.length),
      message,
      time: '2026-01-01T00:00:00Z',
      files: { ...this.head.files, ...files },
    };
    this.commits.push(commit);
    return commit;
  }

  async read(paths: readonly string[]): Promise<Snapshot> {
    const at = this.commits[Math.max(0, this.commits.length - 1 - (this.stale.shift() ?? 0))] as FakeCommit;
    const upTo = this.commits.slice(0, this.commits.indexOf(at) + 1);
    const file = (path: string): Snapshot['files'] extends ReadonlyMap<string, infer F> ? F : never => {
      const text = at.files[path];
      return text === undefined ? null : { path, oid: 'x', mode: '100644', bytes: new TextEncoder().encode(text) };
    };
    return {
      head: at.oid,
      files: new Map(paths.map((p) => [p, file(p)])),
      log: async () => [...upTo].reverse(),
    };
  }

  async commit(request: CommitRequest): Promise<CommitResult> {
    this.writes += 1;
    this.expected.push(request.head);
    this.onCommit?.(this.writes);
    const weather = this.weather.shift();
    if (typeof weather === 'object') return weather;
    if (weather === 'dropped') return { kind: 'unknown', detail: 'reset' };
    if (weather === 'late') {
      this.#late = request;
      return { kind: 'unknown', detail: 'timeout' };
    }
    const result = this.#apply(request);
    this.afterCommit?.(this.writes);
    return weather === 'lost' ? { kind: 'unknown', detail: 'reset' } : result;
  }

  /** The late request arrives. */
  arrive(): CommitResult | undefined {
    const request = this.#late;
    this.#late = undefined;
    return request === undefined ? undefined : this.#apply(request);
  }

  #apply(request: CommitRequest): CommitResult {
    if (request.head !== this.head.oid) return { kind: 'conflict', detail: 'stale' };
    const files = Object.fromEntries(request.changes.map((c) => [c.path, new TextDecoder().decode(c.bytes)]));
    const { oid } = this.push(files, `${request.message.headline}\n\n${request.message.body}`);
    return { kind: 'committed', oid, url: `https://h/${oid}`, verified: true };
  }

  async history(since: string): Promise<{ head: string; commits: readonly LoggedCommit[]; complete: boolean }> {
    if (this.historyFails > 0) {
      this.historyFails -= 1;
      throw new ActionError('E_CONFIG_UNREADABLE', { what: 'history', why: 'no answer', fix: 'Again' });
    }
    const at = this.commits.findIndex((c) => c.oid === since);
    return { head: this.head.oid, commits: this.commits.slice(at + 1).reverse(), complete: at >= 0 };
  }

  async readAt(commit: string, paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array | null>> {
    const files = this.commits.find((c) => c.oid === commit)?.files ?? {};
    return new Map(
      paths.map((p) => {
        const text = files[p];
        return [p, text === undefined ? null : new TextEncoder().encode(text)];
      }),
    );
  }

  async commitAt(oid: string): Promise<CommitAt | undefined> {
    const at = this.commits.findIndex((c) => c.oid === oid);
    const commit = this.commits[at];
    if (commit === undefined) return undefined;
    const parent = this.commits[at - 1];
    return { ...commit, parents: parent === undefined ? [] : [parent.oid] };
  }

  async folder(commit: string, path: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = this.commits.find((c) => c.oid === commit)?.files ?? {};
    return new Map(
      Object.entries(files)
        .filter(([name]) => name.startsWith(`${path}/`))
        .map(([name, text]) => [name, new TextEncoder().encode(text)]),
    );
  }

  commitUrl(oid: string): string {
    return `https://h/${oid}`;
  }

  async close(): Promise<void> {}
}

const oidOf = (n: number): string => n.toString(16).padStart(40, 'c');

/** Revisions in a line: each is an ancestor of those behind it. */
export function lineOf(...revisions: string[]): SourceHistory & { asked: number } {
  const history = {
    asked: 0,
    async relation(base: string, head: string): Promise<Relation> {
      history.asked += 1;
      const [b, h] = [revisions.indexOf(base), revisions.indexOf(head)];
      if (h < 0) return 'head-unknown';
      if (b < 0) return 'base-unknown';
      return b === h ? 'identical' : b < h ? 'ahead' : 'behind';
    },
  };
  return history;
}
