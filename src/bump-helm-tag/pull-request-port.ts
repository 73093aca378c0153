/** The port to a host with pull requests: an edit is proposed instead of committed. */
import type { CommitRequest, LoggedCommit } from './config-repository.ts';

type Oid = string;

/** What is proposed for a set of targets now. */
export interface Proposed {
  /** Branch of the proposal, without `refs/heads/`. */
  branch: string;
  /** Where that branch stands; undefined when there is none. `propose` moves it from here and from nowhere else. */
  head: Oid | undefined;
  /**
   * The commit that waits there: its block counts for the order guard. Undefined when nothing waits: there is no branch, or
   * people have merged or closed the pull request of its head.
   */
  waiting: LoggedCommit | undefined;
}

export interface ProposalRequest extends CommitRequest {
  /** Ids of the targets: each set of targets has one branch and at most one open pull request. */
  targets: readonly string[];
  /** As the guard of this round saw it. */
  proposed: Proposed;
  /** Unified, for the body of the pull request. */
  diff: string;
}

/** What a proposal came to. Refusals for good are thrown as ActionError. */
export type ProposeResult =
  | {
      kind: 'proposed';
      number: number;
      url: string;
      /** Head of the pull request. */
      commit: Oid;
      commitUrl: string;
      verified: boolean;
      /** False when the branch proposed these very bytes already. */
      changed: boolean;
      merged: boolean;
      /** Commit on the base branch, when merged. */
      mergeCommit: Oid | undefined;
      /** What people should know: why it was not merged, for example. */
      note: string;
    }
  | { kind: 'conflict'; detail: string }
  | { kind: 'throttled'; waitSeconds: number }
  | { kind: 'unknown'; detail: string };

export interface PullRequests {
  /** What is proposed for these targets now. Reads only. */
  proposed(targets: readonly string[], signal: AbortSignal): Promise<Proposed>;
  /**
   * Proposes the edit. Looks first at what is there already, so that the same request object may be sent again after an
   * unknown end: only what is missing is done. Conflict: somebody else has moved the branch of the proposal.
   * @throws ActionError E_PERMISSION_MISSING, E_BRANCH_PROTECTED; it says in which state the branch of the proposal is
   */
  propose(request: ProposalRequest, signal: AbortSignal): Promise<ProposeResult>;
  /**
   * Takes away the scratch branch of an unfinished proposal. Must be called at every end of the run.
   * @returns name of the branch when it could not be taken away, else ''
   */
  close(): Promise<string>;
}
