/** The base of a run: which commit, from where, and its files. Fetches at most once. */
import {
  fetchOnce,
  type Git,
  type GitAccess,
  type GitOptions,
  openGit,
  type RawCommit,
  readCommit,
  resolveCommit,
} from '../../git/index.ts';
import { ActionError, type Deadline, type Env, type Exec, inputError } from '../../runner/index.ts';
import type { Notice } from '../types.ts';
import { type Choice, chooseBase, isUntrustedCheckout, type Mode, wantsDiff } from './choose.ts';
import { readEvent } from './event.ts';
import { findPlace, type Place } from './place.ts';
import { openTree, type Tree } from './tree.ts';

/** What is compared with: a commit, or nothing, and then everything is judged. `commit`: what is checked out, where git knows it. */
export type Base = { notices: Notice[]; commit?: RawCommit } & (
  | { mode: 'full'; why: string }
  | { mode: 'diff'; sha: string; from: string; store: Store }
);

export interface Store {
  git: Git;
  place: Place;
  options: GitOptions;
  /** The commit compared with, and the one checked out. */
  sha: string;
  head: string;
  tree: Tree;
}

export interface BasePorts {
  exec: Exec;
  env: Env;
  /** The workspace, links resolved. */
  root: string;
  /** An empty folder of ours, for git to run in. */
  home: string;
  deadline: Deadline;
}

export interface BaseWanted {
  mode: Mode;
  base?: string | undefined;
  paths: readonly string[];
}

const ACCESS: GitAccess = {
  origin: '',
  authorization: undefined,
  advice: 'Install git 2.31 or newer, or set mode: full to judge everything',
};

/** @throws ActionError E_DIFF_BASE, E_INPUT */
export async function openBase(wanted: BaseWanted, ports: BasePorts): Promise<Base> {
  const event = readEvent(ports.env);
  const diff = wantsDiff(wanted.mode, event.name);
  const place = findPlace(ports.root, wanted.paths);
  const options: GitOptions = { signal: ports.deadline.signal };
  const git = place && openGit(ports.exec, place.gitDir, ports.home, ACCESS, ports.env);
  const head = git && (await headOf(git, options));
  const commit = head === undefined ? {} : { commit: head };
  const notices = head !== undefined && isUntrustedCheckout(event, head) ? [untrusted()] : [];
  if (!diff) {
    const why = wanted.mode === 'full' ? 'mode is full' : `${event.name || 'this run'} judges all that ships`;
    return { mode: 'full', why, notices, ...commit };
  }
  if (place === undefined || git === undefined || head === undefined) {
    ports.deadline.check('reading the checkout');
    throw noBase('the paths are in no git checkout below the workspace, or git could not be started');
  }
  const choice = chooseBase(wanted.base, event, head);
  const found = await commitOf(choice, git, options, ports.deadline);
  // Where nobody asked for a diff by name, a line of the log is enough.
  const told = wanted.mode === 'diff' ? (why: string) => [...notices, fullNotice(why)] : () => notices;
  const full = (why: string): Base => ({ mode: 'full', why, notices: told(why), ...commit });
  if ('why' in found) return full(found.why);
  if (found.sha === head.oid) return full(`the base (${found.from}) is the commit that is checked out`);
  const tree = await openTree(git, found.sha, place, ports.root, options);
  ports.deadline.check('reading the base');
  if (tree === undefined) throw noBase(`the files of ${found.sha} (${found.from}) cannot be listed`);
  return {
    mode: 'diff',
    ...found,
    notices,
    ...commit,
    store: { git, place, options, sha: found.sha, head: head.oid, tree },
  };
}

async function headOf(git: Git, options: GitOptions): Promise<RawCommit | undefined> {
  try {
    const oid = await resolveCommit(git, 'HEAD', options);
    return oid === undefined ? undefined : await readCommit(git, oid, options);
  } catch (error) {
    // Git could not be started: for this action that is one of the ways to have no base.
    if (error instanceof ActionError) return undefined;
    throw error;
  }
}

/** @returns the commit, which is in the store then, or why everything is judged */
async function commitOf(
  choice: Choice,
  git: Git,
  options: GitOptions,
  deadline: Deadline,
): Promise<{ sha: string; from: string } | { why: string }> {
  if (choice.kind === 'full') return { why: choice.why };
  if (choice.kind === 'missing') throw noBase(choice.why);
  if (choice.kind === 'required') {
    throw inputError([{ input: 'base', problem: `is required with mode: diff: ${choice.why}` }]);
  }
  const { name, from, optional } = choice;
  const here = await localCommit(git, name, options);
  if (here !== undefined) return { sha: here, from };
  const isId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
  const fetched = await fetchOnce(git, 'origin', isId ? name : name.replace(/^origin\//, ''), options);
  deadline.check('fetching the base');
  const sha = fetched.kind === 'fetched' ? await resolveCommit(git, isId ? name : 'FETCH_HEAD', options) : undefined;
  if (sha !== undefined) return { sha, from };
  if (optional) return { why: `${from} is no longer to be had` };
  if (fetched.kind === 'unknown' && from === 'the input base') {
    throw inputError([{ input: 'base', problem: `"${name}" is no commit, branch or tag, neither here nor at origin` }]);
  }
  const detail = fetched.kind === 'fetched' ? 'what came is no commit' : fetched.detail;
  throw noBase(`${name} (${from}) is not in this checkout, and could not be fetched: ${detail}`);
}

async function localCommit(git: Git, name: string, options: GitOptions): Promise<string | undefined> {
  return (
    (await resolveCommit(git, name, options)) ?? (await resolveCommit(git, `refs/remotes/origin/${name}`, options))
  );
}

function noBase(why: string): ActionError {
  return new ActionError('E_DIFF_BASE', {
    what: 'base of the change',
    why,
    fix: 'Check out with enough history (fetch-depth) or with credentials that can fetch, or set mode: full to judge everything',
  });
}

function fullNotice(why: string): Notice {
  return { code: 'W_FULL_SCAN', message: `everything is judged, not only what is new: ${why}` };
}

function untrusted(): Notice {
  const message =
    'pull_request_target runs with the secrets of this repository, and the head of the pull request is checked out: ' +
    'a step that runs any of it hands them over. Use pull_request, or run nothing of the checkout';
  return { code: 'W_UNTRUSTED_CHECKOUT', message };
}
