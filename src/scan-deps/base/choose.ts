/** Which commit a change is compared with: the table of events. Pure. */
import type { EventFacts } from './event.ts';

export type Mode = 'auto' | 'full' | 'diff';

export interface Head {
  oid: string;
  /** As the commit itself says: `HEAD^1` does not resolve where a clone ends. */
  parents: readonly string[];
}

export type Choice =
  | { kind: 'full'; why: string }
  /** `optional`: when it is not to be had, everything is judged. */
  | { kind: 'base'; name: string; from: string; optional?: true }
  /** `diff` was asked for, and nothing says of what. */
  | { kind: 'required'; why: string }
  | { kind: 'missing'; why: string };

const PULLS = ['pull_request', 'pull_request_target'];
const DIFFS = [...PULLS, 'merge_group'];

/** Does this run judge only what is new? What ships is judged whole. */
export function wantsDiff(mode: Mode, event: string): boolean {
  return mode === 'diff' || (mode === 'auto' && DIFFS.includes(event));
}

/** @param wanted the input `base`, which stands above the event */
export function chooseBase(wanted: string | undefined, event: EventFacts, head: Head): Choice {
  if (wanted !== undefined) return { kind: 'base', name: wanted, from: 'the input base' };
  if (PULLS.includes(event.name)) return ofPull(event, head);
  if (event.name === 'merge_group') {
    return event.groupBase === undefined
      ? { kind: 'missing', why: 'the event has no merge_group.base_sha' }
      : { kind: 'base', name: event.groupBase, from: 'merge_group.base_sha' };
  }
  return event.name === 'push' ? ofPush(event) : { kind: 'required', why: `${event.name || 'this run'} has no base` };
}

function ofPull(event: EventFacts, { oid, parents }: Head): Choice {
  // The forge's own merge commit has the base it was made with as its first parent. A head whose tip is itself a merge has
  // a first parent too, but that one is older than the pull request.
  const [first] = parents;
  const isMerge = event.name === 'pull_request' && oid === event.sha && oid !== event.pullHead && parents.length === 2;
  if (isMerge && first !== undefined) return { kind: 'base', name: first, from: 'first parent of the merge commit' };
  return event.pullBase === undefined
    ? { kind: 'missing', why: 'the event has no pull_request.base.sha' }
    : { kind: 'base', name: event.pullBase, from: 'pull_request.base.sha' };
}

function ofPush({ before, forced }: EventFacts): Choice {
  if (before === undefined) return { kind: 'missing', why: 'the event has no before' };
  if (/^0+$/.test(before)) return { kind: 'full', why: 'the branch is new' };
  if (forced) return { kind: 'full', why: 'the push threw commits away' };
  return { kind: 'base', name: before, from: 'before of the push', optional: true };
}

/** On pull_request_target the checkout of the author's code meets the secrets of the repository. */
export function isUntrustedCheckout(event: EventFacts, { oid, parents }: Head): boolean {
  const { pullHead } = event;
  return event.name === 'pull_request_target' && pullHead !== undefined && [oid, ...parents].includes(pullHead);
}
