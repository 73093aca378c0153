/** A bare partial clone: commits and trees of the branch, blobs only when asked for, no checkout, gone at the end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkGitVersion, classifyAccess, type Git, type GitAccess, openGit } from '../git/index.ts';
import {
  ActionError,
  type Clock,
  type Deadline,
  type Env,
  type Exec,
  type ExecResult,
  type Log,
} from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export interface GitAddress {
  /** Remote URL without credentials. */
  url: string;
  access: GitAccess;
  branch: string;
  /** Identity `Name <mail>` of author and committer. */
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

export interface GitStore {
  git: Git;
  /**
   * `git fetch` from the config repository; transient failures are repeated.
   * @param options single: objects by their id
   * @throws ActionError
   */
  fetch(args: readonly string[], signal: AbortSignal, options?: { single?: boolean }): Promise<ExecResult>;
  /** False when the server sends everything, whatever is asked for. */
  filters: boolean;
  close(): Promise<void>;
}

const TRIES = 8;
// A server that hears which commits we have takes it that we have their blobs too, and sends none.
const NO_HAVES = ['-c', 'fetch.negotiationAlgorithm=noop'];

/** Makes the store. @param filter false for a server that refuses to hand out single blobs */
export async function openStore(address: GitAddress, ports: GitPorts, filter: boolean): Promise<GitStore> {
  const home = await mkdtemp(join(ports.temp, 'bump-'));
  const close = (): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 3 });
  const git = openGit(ports.exec, join(home, 'store.git'), home, address.access, ports.env);
  try {
    await checkGitVersion(git);
    const { signal } = ports.deadline;
    for (const args of [
      ['init', '--bare', '-q'],
      ['config', 'core.repositoryformatversion', '1'],
      ...(filter
        ? [
            ['config', 'extensions.partialClone', 'origin'],
            ['config', 'remote.origin.promisor', 'true'],
          ]
        : []),
      ['config', 'remote.origin.url', address.url],
    ]) {
      const result = await git(args, { signal });
      if (result.code !== 0) throw failure(address, 'the temporary store could not be made', result);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const store: GitStore = {
    git,
    filters: filter,
    close,
    async fetch(args, signal, options = {}) {
      const common = ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
      for (let n = 1; ; n += 1) {
        const result = await git([...(options.single ? NO_HAVES : []), ...common, ...args], { signal });
        if (signal.aborted) throw signal.reason;
        if (result.stderrTail.includes('filtering not recognized by server')) store.filters = false;
        if (result.code === 0) return result;
        const refusal = refused(address, result.stderrTail);
        if (refusal !== undefined) throw refusal;
        if (/unadvertised object/.test(result.stderrTail)) return result;
        ports.log.info(`git fetch failed: ${oneLine(result.stderrTail, 200)}`);
        if (n >= TRIES) throw failure(address, `git fetch failed ${n} times`, result);
        await ports.clock.sleep(ports.random() * Math.min(8, 0.5 * 2 ** n), signal);
      }
    },
  };
  return store;
}

/** What will not get better by trying again. */
export function refused(address: GitAddress, stderr: string): ActionError | undefined {
  const where = shown(address);
  if (/couldn't find remote ref/.test(stderr))
    return new ActionError('E_BRANCH_NOT_FOUND', {
      what: `branch ${oneLine(address.branch, 120)}`,
      why: `${where} has no such branch`,
      fix: 'Create it, or correct branch',
    });
  const access = classifyAccess(stderr);
  if (access === undefined) return undefined;
  if (access.kind === 'redirect')
    return new ActionError('E_REDIRECT', {
      what: `config repository ${where}`,
      why: `it has moved, and credentials are not sent after a redirect: ${access.detail}`,
      fix: 'Give its new address',
    });
  if (/not found|error: 404/i.test(access.detail))
    return new ActionError('E_REPOSITORY_NOT_FOUND', {
      what: `config repository ${where}`,
      why: access.detail,
      fix: 'Check the address, and that the token may see it',
    });
  return new ActionError('E_PERMISSION_MISSING', {
    what: `config repository ${where}`,
    why: `the token was refused: ${access.detail}`,
    fix: 'Give it contents: write on this repository alone',
  });
}

export function failure(address: GitAddress, why: string, result: ExecResult): ActionError {
  return new ActionError('E_CONFIG_UNREADABLE', {
    what: `config repository ${shown(address)}`,
    why: `${why}: ${oneLine(result.stderrTail || `git ended with ${result.code ?? result.signal}`, 400)}`,
    fix: 'Run again when the host answers',
  });
}

export function shown(address: GitAddress): string {
  return oneLine(address.url.replace(/^[a-z+]+:\/\//, ''), 200);
}
