/** The port to the repository that gets the handoff. Both transports pass one contract suite. */

type Oid = string;

export interface FileAtHead {
  path: string;
  oid: Oid;
  mode: '100644' | '100755';
  bytes: Uint8Array;
}

export interface LoggedCommit {
  oid: Oid;
  message: string;
  time: string;
}

export interface Snapshot {
  head: Oid;
  /** By path; null when the file is not there. */
  files: ReadonlyMap<string, FileAtHead | null>;
  /** Commits that touched the files, newest first. */
  log(): Promise<readonly LoggedCommit[]>;
}

export interface CommitMessage {
  headline: string;
  body: string;
}

export interface CommitRequest {
  head: Oid;
  changes: readonly { path: string; mode: string; bytes: Uint8Array }[];
  message: CommitMessage;
  bumpId: string;
}

/** What a write came to. Refusals for good are thrown as ActionError. */
export type CommitResult =
  | { kind: 'committed'; oid: Oid; url: string; verified: boolean }
  | { kind: 'conflict'; detail: string }
  | { kind: 'throttled'; waitSeconds: number }
  | { kind: 'unknown'; detail: string };

export interface ConfigRepository {
  /** All files from one commit, or a throw. */
  read(paths: readonly string[], signal: AbortSignal): Promise<Snapshot>;
  /** Compare-and-swap on `request.head`; never retries. The same request object may be sent again. */
  commit(request: CommitRequest, signal: AbortSignal): Promise<CommitResult>;
  /** `since..head`, newest first, at most 500; `complete` is false when `since` was not met. */
  history(since: Oid, signal: AbortSignal): Promise<{ head: Oid; commits: readonly LoggedCommit[]; complete: boolean }>;
  /** Address of a commit for people. */
  commitUrl(oid: Oid): string;
  close(): Promise<void>;
}

/** How `base` and `head` of the source stand to each other. */
export type Relation = 'ahead' | 'behind' | 'identical' | 'diverged' | 'base-unknown' | 'head-unknown';

export interface SourceHistory {
  /** @returns `ahead` when head is a descendant of base */
  relation(base: Oid, head: Oid, signal: AbortSignal): Promise<Relation>;
}
