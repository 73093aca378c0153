/**
 * A config repository in memory: one server, a client for each writer, every call in steps of virtual time - the request
 * travels, takes effect, the answer travels - so that everything that can happen between two steps does happen.
 */
import { createHash } from 'node:crypto';
import {
  type CommitRequest,
  type CommitResult,
  type ConfigRepository,
  DEEP_LOG,
  type LoggedCommit,
  type Snapshot,
} from '../../../src/bump-helm-tag/config-repository.ts';
import { ActionError } from '../../../src/runner/index.ts';
import { type FaultProfile, latency, writeFault } from './faults.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface MemoryCommit extends LoggedCommit {
  parents: readonly string[];
  files: Readonly<Record<string, string>>;
}

/** As many as GitHub is asked for; the log of a path is no longer. */
const LOG = 20;
const HISTORY = 500;
/** Real clients end a write after 30 s; its effect may come later still. */
const GIVE_UP = 30;
/** A run that is ended lets a write under way answer for this long. */
const GRACE = 2;

export class MemoryServer {
  readonly commits: MemoryCommit[];
  /** Write requests that were sent, by bump id. */
  readonly sent = new Map<string, number>();

  constructor(files: Readonly<Record<string, string>>) {
    this.commits = [{ oid: oidOf('', 'initial', files), parents: [], message: 'initial', time: timeOf(0), files }];
  }

  get head(): MemoryCommit {
    return this.commits.at(-1) as MemoryCommit;
  }

  push(files: Readonly<Record<string, string>>, message: string): MemoryCommit {
    const parent = this.head;
    const commit = {
      oid: oidOf(parent.oid, message, files),
      parents: [parent.oid],
      message,
      time: timeOf(this.commits.length),
      files: { ...parent.files, ...files },
    };
    this.commits.push(commit);
    return commit;
  }

  /** Compare-and-swap. */
  apply(request: CommitRequest): CommitResult {
    if (request.head !== this.head.oid) return { kind: 'conflict', detail: 'the branch has moved' };
    return this.write(request);
  }

  write(request: CommitRequest): CommitResult {
    const files = Object.fromEntries(request.changes.map((c) => [c.path, new TextDecoder().decode(c.bytes)]));
    const { oid } = this.push(files, `${request.message.headline}\n\n${request.message.body}`);
    return { kind: 'committed', oid, url: `https://h/${oid}`, verified: true };
  }
}

export interface ClientPorts {
  time: VirtualTime;
  random: () => number;
  profile: FaultProfile;
  /** Ends the writer. */
  ending: AbortSignal;
  /** As git does: the same commit pushed again onto itself is accepted. */
  sameAgain: boolean;
}

export class MemoryRepository implements ConfigRepository {
  readonly #server: MemoryServer;
  readonly #o: ClientPorts;
  readonly #made = new WeakMap<CommitRequest, string>();

  constructor(server: MemoryServer, ports: ClientPorts) {
    this.#server = server;
    this.#o = ports;
  }

  async read(paths: readonly string[], signal: AbortSignal): Promise<Snapshot> {
    const seen = await this.#ask(signal);
    const at = seen.at(-1) as MemoryCommit;
    const touches = (commit: MemoryCommit, i: number): boolean =>
      i === 0 || paths.some((p) => commit.files[p] !== seen[i - 1]?.files[p]);
    return {
      head: at.oid,
      files: new Map(
        paths.map((path) => {
          const text = at.files[path];
          return [path, text === undefined ? null : { path, oid: 'x', mode: '100644', bytes: Buffer.from(text) }];
        }),
      ),
      log: async (deep = false) =>
        seen
          .filter(touches)
          .slice(deep ? -DEEP_LOG : -LOG)
          .reverse(),
    };
  }

  async commit(request: CommitRequest): Promise<CommitResult> {
    const { time, random, profile, ending } = this.#o;
    const { sent } = this.#server;
    sent.set(request.bumpId, (sent.get(request.bumpId) ?? 0) + 1);
    const answer = new Promise<CommitResult>((resolve) => this.#send(request, writeFault(profile, random()), resolve));
    const given = new Promise<CommitResult>((resolve) => {
      const giveUp = (seconds: number): void =>
        time.after(seconds, () => resolve({ kind: 'unknown', detail: 'no answer in time' }));
      giveUp(GIVE_UP);
      if (ending.aborted) giveUp(GRACE);
      else ending.addEventListener('abort', () => giveUp(GRACE), { once: true });
    });
    return Promise.race([answer, given]);
  }

  #send(request: CommitRequest, fault: ReturnType<typeof writeFault>, answer: (r: CommitResult) => void): void {
    const { time, random } = this.#o;
    const reply = (result: CommitResult): void => time.after(latency(random), () => answer(result));
    const unknown = (): CommitResult => ({
      kind: 'unknown',
      detail: ['reset', 'status 502', 'the answer names no commit'][Math.floor(random() * 3)] as string,
    });
    const travel = latency(random);
    const at = (seconds: number, happens: () => void): void => time.after(seconds, happens);
    const heard = (result: () => CommitResult): void => at(travel, () => reply(result()));
    if (fault === 'dropped' || fault === 'late') heard(unknown);
    if (fault === 'late') at(travel + 40 * random() ** 3, () => this.#effect(request));
    if (fault === 'throttled') heard(() => ({ kind: 'throttled', waitSeconds: random() < 0.1 ? 400 : 1 }));
    if (fault === 'false-stale') heard(() => ({ kind: 'conflict', detail: 'stale, it says' }));
    if (fault === 'doubled') {
      at(travel, () => this.#effect(request));
      at(travel + latency(random), () => reply(this.#effect(request)));
    }
    if (fault === 'lost' || fault === undefined)
      heard(() => {
        const result = this.#effect(request);
        return fault === 'lost' ? unknown() : result;
      });
  }

  #effect(request: CommitRequest): CommitResult {
    const before = this.#made.get(request);
    const { head } = this.#server;
    if (this.#o.sameAgain && before === head.oid)
      return { kind: 'committed', oid: before, url: `https://h/${before}`, verified: true };
    const result = this.#server.apply(request);
    if (result.kind === 'committed') this.#made.set(request, result.oid);
    return result;
  }

  async history(since: string, signal: AbortSignal): Promise<Awaited<ReturnType<ConfigRepository['history']>>> {
    const seen = await this.#ask(signal);
    const from = seen.findIndex((c) => c.oid === since);
    const commits = seen.slice(from + 1).reverse();
    return {
      head: (seen.at(-1) as MemoryCommit).oid,
      commits: commits.slice(0, HISTORY),
      complete: from >= 0 && commits.length <= HISTORY,
    };
  }

  async readAt(
    commit: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array | null>> {
    const at = (await this.#ask(signal)).find((c) => c.oid === commit);
    return new Map(paths.map((p) => [p, at?.files[p] === undefined ? null : Buffer.from(at.files[p])]));
  }

  async commitAt(commit: string, signal: AbortSignal): Promise<MemoryCommit | undefined> {
    return (await this.#ask(signal)).find((c) => c.oid === commit);
  }

  async folder(
    commit: string,
    path: string,
    _limits: unknown,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = (await this.#ask(signal)).find((c) => c.oid === commit)?.files ?? {};
    const below = Object.entries(files).filter(([name]) => name.startsWith(`${path}/`));
    return new Map(below.map(([name, text]) => [name, Buffer.from(text)]));
  }

  commitUrl(oid: string): string {
    return `https://h/${oid}`;
  }

  async close(): Promise<void> {}

  // What the replica that answers has seen of the branch when the question reaches it.
  async #ask(signal: AbortSignal): Promise<readonly MemoryCommit[]> {
    const { time, random, profile } = this.#o;
    await time.sleep(latency(random), signal);
    const { commits } = this.#server;
    const behind = random() < profile.stale.share ? 1 + Math.floor(random() * profile.stale.commits) : 0;
    const seen = commits.slice(0, Math.max(1, commits.length - behind));
    await time.sleep(latency(random), signal);
    if (random() < profile.unreadable)
      throw new ActionError('E_CONFIG_UNREADABLE', {
        what: 'config repository',
        why: 'no answer',
        fix: 'Run again when the host answers',
      });
    return seen;
  }
}

function oidOf(parent: string, message: string, files: Readonly<Record<string, string>>): string {
  return createHash('sha1')
    .update(JSON.stringify([parent, message, files]))
    .digest('hex');
}

const timeOf = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
