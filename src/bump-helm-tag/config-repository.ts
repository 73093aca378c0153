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

/** How many commits are searched at most for who set a target. */
export const DEEP_LOG = 500;

export interface Snapshot {
  head: Oid;
  /** By path; null when the file is not there. */
  files: ReadonlyMap<string, FileAtHead | null>;
  /**
   * Commits that touched the files, newest first (a transport that cannot tell gives all commits of the branch).
   * @param deep up to DEEP_LOG of them instead of the last few, which are cheap: only then may an owner that is not found be none
   */
  log(deep?: boolean): Promise<readonly LoggedCommit[]>;
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

export interface FolderLimits {
  files: number;
  /** In all. */
  bytes: number;
}

/** A commit as the host has it, for the way back. */
export interface CommitAt extends LoggedCommit {
  parents: readonly Oid[];
}

export interface ConfigRepository {
  /** All files from one commit, or a throw. */
  read(paths: readonly string[], signal: AbortSignal): Promise<Snapshot>;
  /**
   * The head of the branch, asked in another way than by `read`; undefined when the host does not say. Absent where `read`
   * cannot be answered by an old replica.
   */
  newestHead?(signal: AbortSignal): Promise<Oid | undefined>;
  /** Compare-and-swap on `request.head`; never retries. The same request object may be sent again. */
  commit(request: CommitRequest, signal: AbortSignal): Promise<CommitResult>;
  /** `since..head`, newest first, at most 500; `complete` is false when `since` was not met. */
  history(since: Oid, signal: AbortSignal): Promise<{ head: Oid; commits: readonly LoggedCommit[]; complete: boolean }>;
  /** The files as they were in a commit of this repository; null when a file is not there. Modes are not checked. */
  readAt(commit: Oid, paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array | null>>;
  /** A commit by its full id; undefined when the repository has none such on the branch. */
  commitAt(commit: Oid, signal: AbortSignal): Promise<CommitAt | undefined>;
  /**
   * All regular files below a folder, by their path from the root of the repository; symbolic links and submodules are left out.
   * @throws ActionError E_PATH_MISSING when there is no such folder, E_FILE_TOO_LARGE beyond the limits
   */
  folder(
    commit: Oid,
    path: string,
    limits: FolderLimits,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array>>;
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
