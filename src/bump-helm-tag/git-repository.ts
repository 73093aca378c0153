/** The config repository through the git command line: any Git host, no checkout, compare-and-swap by force-with-lease. */
import { classifyPush, listTree, logOf, replaceBlobs } from '../git/index.ts';
import { ActionError, type ExecResult } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type {
  CommitRequest,
  CommitResult,
  ConfigRepository,
  FileAtHead,
  LoggedCommit,
  Snapshot,
} from './config-repository.ts';
import { failure, type GitAddress, type GitPorts, type GitStore, openStore, refused, shown } from './git-store.ts';

const BASE = 'refs/bump/base';
/** Commits that are searched for the owner of a target. */
const LOG_DEPTH = 50;
const MAX_COMMITS = 500;
const THROTTLED_SECONDS = 30;

export function gitRepository(address: GitAddress, ports: GitPorts): ConfigRepository {
  const ref = `refs/heads/${address.branch}`;
  let store: GitStore | undefined;
  // The first fetch takes one commit. Later ones take what is new on top of it: a second --depth would cut the history between
  // two heads off, and with it the answer to "did our own commit land?".
  let fetched = false;
  let deepened = false;
  // Sending a request again must push the very same commit: then two copies of it cannot both win.
  const made = new WeakMap<CommitRequest, string>();

  const open = async (filter: boolean): Promise<GitStore> => {
    await store?.close();
    fetched = false;
    deepened = false;
    store = await openStore(address, ports, filter);
    return store;
  };

  async function fetchHead(now: GitStore, signal: AbortSignal): Promise<string> {
    const args = [...(fetched ? [] : ['--depth=1']), ...(now.filters ? ['--filter=blob:none'] : [])];
    await now.fetch([...args, 'origin', `+${ref}:${BASE}`], signal);
    fetched = true;
    return revision(now, BASE, signal);
  }

  async function revision(now: GitStore, name: string, signal: AbortSignal): Promise<string> {
    const result = await now.git(['rev-parse', '--verify', '--end-of-options', name], { signal });
    if (signal.aborted) throw signal.reason;
    if (result.code !== 0) throw failure(address, `${name} is not in the store`, result);
    return result.stdout.toString('utf8').trim();
  }

  async function readFiles(
    now: GitStore,
    head: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, FileAtHead | null> | 'no-filter'> {
    const entries = await listTree(now.git, [head, '--', ...paths], { signal });
    if (entries === undefined) throw gone(signal, 'the tree of the head could not be read');
    const found = entries.filter((e) => paths.includes(e.name));
    for (const { mode, type, name } of found) checkMode(mode, type, name);
    if (now.filters && found.length > 0) {
      const oids = [...new Set(found.map((e) => e.oid))];
      const result = await now.fetch(['--filter=blob:none', 'origin', ...oids], signal, { single: true });
      if (result.code !== 0) return 'no-filter';
    }
    const files = new Map<string, FileAtHead | null>(paths.map((path) => [path, null]));
    for (const { name, mode, oid } of found) {
      const blob = await now.git(['cat-file', 'blob', oid], { signal });
      if (blob.code !== 0 || blob.truncated) throw gone(signal, `${oneLine(name, 200)} could not be read`, blob);
      files.set(name, { path: name, oid, mode: mode as FileAtHead['mode'], bytes: blob.stdout });
    }
    return files;
  }

  function gone(signal: AbortSignal, why: string, result?: ExecResult): unknown {
    if (signal.aborted) return signal.reason;
    if (result !== undefined) return failure(address, why, result);
    return new ActionError('E_CONFIG_UNREADABLE', {
      what: `config repository ${shown(address)}`,
      why,
      fix: 'Nothing was written. Run again',
    });
  }

  async function commitOf(now: GitStore, request: CommitRequest, signal: AbortSignal): Promise<string> {
    const known = made.get(request);
    if (known !== undefined) return known;
    const blobs = new Map<string, { mode: string; oid: string }>();
    for (const { path, mode, bytes } of request.changes) {
      const blob = await now.git(['hash-object', '-w', '--stdin'], { input: bytes, signal });
      if (blob.code !== 0) throw gone(signal, 'the new file could not be stored', blob);
      blobs.set(path, { mode, oid: blob.stdout.toString('utf8').trim() });
    }
    const tree = await replaceBlobs(now.git, `${request.head}^{tree}`, blobs, { signal });
    if (tree === undefined) throw gone(signal, 'the new tree could not be made');
    const date = `${Math.floor(ports.clock.now())} +0000`;
    const { name, email } = address.author;
    const result = await now.git(['commit-tree', tree, '-p', request.head, '-F', '-'], {
      signal,
      input: `${request.message.headline}\n\n${request.message.body}\n`,
      env: {
        GIT_AUTHOR_NAME: name,
        GIT_AUTHOR_EMAIL: email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: email,
        GIT_COMMITTER_DATE: date,
      },
    });
    if (result.code !== 0) throw gone(signal, 'the commit could not be made', result);
    const oid = result.stdout.toString('utf8').trim();
    made.set(request, oid);
    return oid;
  }

  const commitUrl = (oid: string): string => address.commitPage.replace('{oid}', oid);

  return {
    commitUrl,

    async read(paths, signal): Promise<Snapshot> {
      for (;;) {
        const now: GitStore = store ?? (await open(true));
        const head = await fetchHead(now, signal);
        const files = await readFiles(now, head, paths, signal);
        if (files === 'no-filter') {
          // Protocol v0: the server filters, but hands out no single blob. Everything, then.
          await open(false);
          continue;
        }
        return {
          head,
          files,
          async log(): Promise<readonly LoggedCommit[]> {
            if (!deepened)
              await now.fetch(
                [`--depth=${LOG_DEPTH}`, ...(now.filters ? ['--filter=tree:0'] : []), 'origin', head],
                signal,
              );
            deepened = true;
            return (await logOf(now.git, [head], LOG_DEPTH, { signal })) ?? [];
          },
        };
      }
    },

    async commit(request, signal): Promise<CommitResult> {
      const now = store ?? (await open(true));
      const oid = await commitOf(now, request, signal);
      const lease = `--force-with-lease=${ref}:${request.head}`;
      const pushed = await now.git(['push', '--porcelain', '--no-verify', lease, 'origin', `${oid}:${ref}`], {
        signal,
      });
      const result = classifyPush(ref, pushed.code, pushed.stdoutTail, pushed.stderrTail);
      switch (result.kind) {
        case 'committed':
          return { kind: 'committed', oid, url: commitUrl(oid), verified: false };
        case 'conflict':
          return result;
        case 'protected':
          throw new ActionError('E_BRANCH_PROTECTED', {
            what: `branch ${oneLine(address.branch, 120)} of ${shown(address)}`,
            why: result.detail,
            fix: 'Let the writer bypass the rule for this branch',
          });
        case 'permission':
        case 'redirect':
          throw refused(address, pushed.stderrTail) ?? gone(signal, result.detail);
        default:
          return /error: 429/.test(pushed.stderrTail) ? { kind: 'throttled', waitSeconds: THROTTLED_SECONDS } : result;
      }
    },

    async history(since, signal) {
      const now = store ?? (await open(true));
      const head = await fetchHead(now, signal);
      const within = await now.git(['merge-base', '--is-ancestor', since, head], { signal });
      const range = within.code === 0 ? [`${since}..${head}`] : [head];
      const commits = (await logOf(now.git, range, MAX_COMMITS + 1, { signal })) ?? [];
      if (signal.aborted) throw signal.reason;
      return {
        head,
        commits: commits.slice(0, MAX_COMMITS),
        complete: within.code === 0 && commits.length <= MAX_COMMITS,
      };
    },

    async close() {
      await store?.close();
      store = undefined;
    },
  };
}

function checkMode(mode: string, type: string, path: string): void {
  if (mode === '100644' || mode === '100755') return;
  const why =
    mode === '120000' ? 'it is a symbolic link' : type === 'tree' ? 'it is a folder' : `it is a ${oneLine(type, 20)}`;
  throw new ActionError('E_FILE_MODE', { what: `file ${oneLine(path, 200)}`, why, fix: 'Name the file itself' });
}
