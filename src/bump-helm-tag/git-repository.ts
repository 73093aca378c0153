/** The config repository through the git command line: any Git host, no checkout, compare-and-swap by force-with-lease. */
import { type Blobs, isAncestor, logOf, type TreeEntry } from '../git/index.ts';
import { ActionError } from '../runner/index.ts';
import { formatBytes, oneLine } from '../text/index.ts';
import {
  type CommitRequest,
  type ConfigRepository,
  DEEP_LOG,
  type FileAtHead,
  type FolderLimits,
  type LoggedCommit,
  type Snapshot,
} from './config-repository.ts';
import { type Branch, NoSingleObjects, openBranch } from './git-branch.ts';
import { configErrors } from './git-errors.ts';
import type { GitAddress, GitPorts } from './git-store.ts';
import { makeCommit, pushCommit } from './git-write.ts';

/** Commits that are searched first. */
const LOG_DEPTH = 50;
const MAX_COMMITS = 500;
/** Of the files of one read; what a values file may hold is far below. */
const MAX_READ = 64 * 1024 * 1024;

export function gitRepository(address: GitAddress, ports: GitPorts): ConfigRepository {
  const errors = configErrors({ url: address.url, ssh: address.access.ssh !== undefined }, address.branch);
  let branch: Branch | undefined;
  // Sending a request again must push the very same commit: then two copies of it cannot both win.
  const made = new WeakMap<CommitRequest, string>();

  async function open(partial: boolean): Promise<Branch> {
    await branch?.close();
    branch = undefined;
    branch = await openBranch(address, `refs/heads/${address.branch}`, errors, ports, partial);
    return branch;
  }

  async function reading<T>(body: (branch: Branch) => Promise<T>): Promise<T> {
    try {
      return await body(branch ?? (await open(true)));
    } catch (error) {
      if (!(error instanceof NoSingleObjects)) throw error;
      return await body(await open(false));
    }
  }

  async function bytesOf(
    now: Branch,
    found: readonly TreeEntry[],
    maxBytes: number,
    what: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const oids = found.map((entry) => entry.oid);
    const read: Blobs = await now.blobs(oids, maxBytes, signal);
    if (read.kind === 'too-large')
      throw tooLarge(what, `${formatBytes(read.bytes)} are more than ${formatBytes(maxBytes)}`);
    if (read.kind === 'missing') throw errors.failure(`${what} could not be read`);
    return new Map(found.map(({ name, oid }) => [name, read.blobs.get(oid) ?? new Uint8Array()]));
  }

  async function existing(now: Branch, commit: string, signal: AbortSignal): Promise<void> {
    if ((await now.commit(commit, signal)) === undefined)
      throw errors.failure(`the branch has no commit ${oneLine(commit, 64)}`);
  }

  const commitUrl = (oid: string): string => address.commitPage.replace('{oid}', oid);

  return {
    commitUrl,

    read: (paths, signal) =>
      reading(async (now): Promise<Snapshot> => {
        const head = await now.head(signal);
        const found = (await now.entries(head, ['--', ...paths], signal)).filter((e) => paths.includes(e.name));
        for (const { mode, type, name } of found) checkMode(mode, type, name);
        const bytes = await bytesOf(now, found, MAX_READ, 'the files', signal);
        const files = new Map<string, FileAtHead | null>(paths.map((path) => [path, null]));
        for (const { name, mode, oid } of found)
          files.set(name, { path: name, oid, mode: mode as FileAtHead['mode'], bytes: bytes.get(name) as Uint8Array });
        return {
          head,
          files,
          async log(deep = false) {
            const most = deep ? DEEP_LOG : LOG_DEPTH;
            for (;;) {
              const seen: readonly LoggedCommit[] = (await logOf(now.git, [head], most, { signal })) ?? [];
              if (seen.length >= most || !(await now.deepen(signal))) return seen;
            }
          },
        };
      }),

    async commit(request, signal) {
      const now = branch ?? (await open(true));
      const oid = made.get(request) ?? (await makeCommit(now, address, errors, request, ports.clock.now(), signal));
      made.set(request, oid);
      const result = await pushCommit(now, address, oid, request.head, signal);
      return result.kind === 'committed' ? { kind: 'committed', oid, url: commitUrl(oid), verified: false } : result;
    },

    async history(since, signal) {
      const now = branch ?? (await open(true));
      const head = await now.head(signal);
      const within = await isAncestor(now.git, since, head, { signal });
      const range = within ? [`${since}..${head}`] : [head];
      const commits = (await logOf(now.git, range, MAX_COMMITS + 1, { signal })) ?? [];
      if (signal.aborted) throw signal.reason;
      return { head, commits: commits.slice(0, MAX_COMMITS), complete: within && commits.length <= MAX_COMMITS };
    },

    readAt: (commit, paths, signal) =>
      reading(async (now) => {
        await existing(now, commit, signal);
        const entries = await now.entries(commit, ['--', ...paths], signal);
        const found = entries.filter((e) => e.type === 'blob' && paths.includes(e.name));
        const bytes = await bytesOf(now, found, MAX_READ, 'the files', signal);
        return new Map(paths.map((path) => [path, bytes.get(path) ?? null]));
      }),

    commitAt: (commit, signal) =>
      reading(async (now) => {
        const found = await now.ancestor(commit, signal);
        if (found === undefined) return undefined;
        const { oid, message, time, parents } = found;
        return { oid, message, time, parents };
      }),

    folder: (commit, path, limits, signal) =>
      reading(async (now) => {
        await existing(now, commit, signal);
        const root = path.replace(/^\.?\/+|^\.$|\/+$/g, '');
        const args = root === '' ? ['-r'] : ['-r', '--', root];
        const entries = (await now.entries(commit, args, signal)).filter((e) => root === '' || e.name !== root);
        if (entries.length === 0)
          throw new ActionError('E_PATH_MISSING', {
            what: `folder ${oneLine(path, 200)}`,
            why: `it is not in ${commit.slice(0, 12)}`,
            fix: 'Correct the path, or add the folder',
          });
        return filesBelow(now, entries, `folder ${oneLine(path, 200)}`, limits, signal);
      }),

    async close() {
      await branch?.close();
      branch = undefined;
    },
  };

  function filesBelow(
    now: Branch,
    entries: readonly TreeEntry[],
    what: string,
    limits: FolderLimits,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = entries.filter(({ mode }) => mode === '100644' || mode === '100755');
    if (files.length > limits.files) throw tooLarge(what, `${files.length} files are more than ${limits.files}`);
    return bytesOf(now, files, limits.bytes, what, signal);
  }
}

function tooLarge(what: string, why: string): ActionError {
  return new ActionError('E_FILE_TOO_LARGE', { what, why, fix: 'Name a smaller one' });
}

function checkMode(mode: string, type: string, path: string): void {
  if (mode === '100644' || mode === '100755') return;
  const why =
    mode === '120000' ? 'it is a symbolic link' : type === 'tree' ? 'it is a folder' : `it is a ${oneLine(type, 20)}`;
  throw new ActionError('E_FILE_MODE', { what: `file ${oneLine(path, 200)}`, why, fix: 'Name the file itself' });
}
