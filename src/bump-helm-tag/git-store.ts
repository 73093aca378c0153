/** A bare partial clone: commits and trees, blobs only when asked for, no checkout, gone at the end. */
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Access,
  checkGitVersion,
  classifyAccess,
  type Git,
  type GitAccess,
  openGit,
  writeSshFiles,
} from '../git/index.ts';
import type { ActionError, Clock, Deadline, Env, Exec, Log } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { RemoteErrors } from './git-errors.ts';

export interface GitRemote {
  /** Remote URL without credentials. */
  url: string;
  access: GitAccess;
}

/** The config repository. */
export interface GitAddress extends GitRemote {
  branch: string;
  /** Author and committer. */
  author: { name: string; email: string };
  /** Address of a commit for people, `{oid}` replaced; '' when the host is not known to have one. */
  commitPage: string;
}

export interface GitPorts {
  exec: Exec;
  env: Env;
  /** Folder for temporary files (RUNNER_TEMP). */
  temp: string;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
  log: Log;
}

export interface FetchRequest {
  /** Refspecs or object ids. */
  wants: readonly string[];
  depth?: number;
  /** Left out when the server knows none. */
  filter?: 'blob:none' | 'tree:0';
  /** Do not tell the server what is here: it would take it that all blobs of our commits are here too, and send none. */
  alone?: boolean;
}

export interface GitStore {
  git: Git;
  /** False when the server sends everything, whatever is asked for. */
  filters: boolean;
  /**
   * `git fetch`; transient failures are repeated.
   * @returns undefined, or the server's words when it does not hand out one of the wanted objects by its id
   * @throws ActionError
   */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<string | undefined>;
  /** The error for a refusal that git has met. */
  refused(access: Access, signal: AbortSignal): Promise<ActionError>;
  close(): Promise<void>;
}

const TRIES = 8;
/** How deep a history is looked into, step by step. */
export const DEPTHS: readonly number[] = [64, 512, 4096, 20_000];
const BY_ID = /unadvertised object|not our ref|want [0-9a-f]+ not valid/;

/**
 * Makes the store.
 * @param partial false for a server that refuses to hand out single objects
 * @throws ActionError
 */
export async function openStore(
  remote: GitRemote,
  errors: RemoteErrors,
  ports: GitPorts,
  partial: boolean,
): Promise<GitStore> {
  // Only its owner may look into it: mkdtemp's own mode is 0700.
  const home = await mkdtemp(join(ports.temp, 'bump-'));
  const close = (): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 3 });
  const dir = join(home, 'store.git');
  const git = openGit(ports.exec, dir, home, remote.access, ports.env);
  try {
    await checkGitVersion(git);
    if (remote.access.ssh !== undefined) await writeSshFiles(home, remote.access.ssh);
    await initialise(git, dir, remote, errors, ports.deadline.signal, partial);
  } catch (error) {
    await close();
    throw error;
  }
  const refused = async (access: Access, signal: AbortSignal): Promise<ActionError> =>
    errors.refused(access, access.kind === 'redirect' ? await redirectTarget(git, signal) : '');
  const store: GitStore = {
    git,
    filters: partial,
    refused,
    close,
    async fetch({ wants, depth, filter, alone }, signal) {
      const input = wants.map((want) => `${want}\n`).join('');
      for (let n = 1; ; n += 1) {
        const args = [
          ...(alone ? ['-c', 'fetch.negotiationAlgorithm=noop'] : []),
          ...['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'],
          ...(depth === undefined ? [] : [`--depth=${depth}`]),
          ...(filter === undefined || !store.filters ? [] : [`--filter=${filter}`]),
          ...['--stdin', 'origin'],
        ];
        const result = await git(args, { signal, input, network: true });
        if (signal.aborted) throw signal.reason;
        const words = result.stderrTail;
        if (words.includes('filtering not recognized by server')) store.filters = false;
        if (result.code === 0) return undefined;
        if (/couldn't find remote ref/.test(words)) throw errors.branchMissing();
        if (BY_ID.test(words)) return oneLine(words, 400);
        const access = classifyAccess(words);
        if (access !== undefined) throw await refused(access, signal);
        ports.log.info(`git fetch failed: ${oneLine(words, 200)}`);
        if (n >= TRIES) throw errors.failure(`git fetch failed ${n} times`, result);
        await ports.clock.sleep(ports.random() * Math.min(8, 0.5 * 2 ** n), signal);
      }
    },
  };
  return store;
}

// One process, and the settings in one stroke: each `git config` would be another process.
async function initialise(
  git: Git,
  store: string,
  remote: GitRemote,
  errors: RemoteErrors,
  signal: AbortSignal,
  partial: boolean,
): Promise<void> {
  const result = await git(['init', '--bare', '-q'], { signal });
  if (signal.aborted) throw signal.reason;
  if (result.code !== 0) throw errors.failure('the temporary store could not be made', result);
  const url = remote.url.replace(/["\\]/g, '\\$&');
  const promisor = partial ? '\tpromisor = true\n[extensions]\n\tpartialClone = origin\n' : '';
  await appendFile(
    join(store, 'config'),
    `[core]\n\trepositoryformatversion = 1\n[remote "origin"]\n\turl = "${url}"\n${promisor}`,
  );
}

// git does not follow a redirect, and does not say where it leads. Its trace does, with the credential blotted out.
async function redirectTarget(git: Git, signal: AbortSignal): Promise<string> {
  const env = { GIT_TRACE_CURL: '1', GIT_TRACE_CURL_NO_DATA: '1', GIT_TRACE_REDACT: '1' };
  const traced = await git(['ls-remote', 'origin'], { signal, network: true, env });
  const target = /Recv header:? location: *(\S+)/i.exec(traced.stderrTail)?.[1] ?? '';
  return target.replace(/\/info\/refs(\?.*)?$/, '').replace(/\/\/[^/@]*@/, '//');
}
