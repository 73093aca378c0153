/** The branch of the config repository, as much of it as a run needs: the head with its trees, older commits and single blobs on demand. */
import {
  type Blobs,
  type Git,
  isAncestor,
  isShallow,
  listTree,
  type RawCommit,
  readBlobs,
  readCommit,
  type TreeEntry,
} from '../git/index.ts';
import type { RemoteErrors } from './git-errors.ts';
import { DEPTHS, type GitPorts, type GitRemote, type GitStore, openStore } from './git-store.ts';

const BASE = 'refs/bump/base';
const OID = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** All of it, in git's own words. */
const EVERYTHING = 2_147_483_647;

/** Protocol v0: the server filters, but hands out no single object. Start over without filters, then. */
export class NoSingleObjects extends Error {}

export interface Branch {
  git: Git;
  /** For `refused`. */
  store: GitStore;
  /** The head as it is now; its trees are there. */
  head(signal: AbortSignal): Promise<string>;
  /** A commit by its id, from the history of the head; undefined when that holds none such. */
  commit(oid: string, signal: AbortSignal): Promise<RawCommit | undefined>;
  /** As `commit`, and sure that the head has it among its ancestors. */
  ancestor(oid: string, signal: AbortSignal): Promise<RawCommit | undefined>;
  /** Fetches more commits before the head; false when all are there. */
  deepen(signal: AbortSignal): Promise<boolean>;
  /** @param args paths and options for `git ls-tree` @throws NoSingleObjects */
  entries(commit: string, args: readonly string[], signal: AbortSignal): Promise<TreeEntry[]>;
  /** @throws NoSingleObjects */
  blobs(oids: readonly string[], maxBytes: number, signal: AbortSignal): Promise<Blobs>;
  close(): Promise<void>;
}

/**
 * @param ref full name of the branch
 * @param partial false for a server that hands out no single objects
 */
export async function openBranch(
  remote: GitRemote,
  ref: string,
  errors: RemoteErrors,
  ports: GitPorts,
  partial: boolean,
): Promise<Branch> {
  const store = await openStore(remote, errors, ports, partial);
  const { git } = store;
  const steps = [...DEPTHS, EVERYTHING];
  const here = new Set<string>();
  let head = '';

  async function fetchHead(signal: AbortSignal): Promise<string> {
    // The first fetch takes one commit. Later ones take what is new on top of it: a second --depth would cut the history between
    // two heads off, and with it the answer to "did our own commit land?".
    const first = head === '';
    await store.fetch({ wants: [`+${ref}:${BASE}`], filter: 'blob:none', ...(first ? { depth: 1 } : {}) }, signal);
    const result = await git(['rev-parse', '--verify', '--end-of-options', BASE], { signal });
    if (signal.aborted) throw signal.reason;
    if (result.code !== 0) throw errors.failure(`${BASE} is not in the store`, result);
    head = result.stdout.toString('latin1').trim();
    return head;
  }

  async function deepen(signal: AbortSignal): Promise<boolean> {
    if (head === '') await fetchHead(signal);
    const step = steps[0];
    if (step === undefined || !(await isShallow(git, { signal }))) return false;
    // What has come on top since the first read counts as well: nothing of it may be cut off.
    const counted = await git(['rev-list', '--count', head], { signal });
    const depth = Math.min(EVERYTHING, step + Number(counted.stdout.toString('latin1')));
    const words = await store.fetch({ wants: [head], depth, filter: 'tree:0' }, signal);
    if (words !== undefined) await store.fetch({ wants: [ref], depth, filter: 'tree:0' }, signal);
    steps.shift();
    return true;
  }

  async function search(
    oid: string,
    signal: AbortSignal,
    accept: (commit: RawCommit) => Promise<boolean>,
  ): Promise<RawCommit | undefined> {
    if (!OID.test(oid)) return undefined;
    if (head === '') await fetchHead(signal);
    do {
      const commit = await readCommit(git, oid, { signal });
      if (commit !== undefined && (await accept(commit))) return commit;
      if (signal.aborted) throw signal.reason;
    } while (await deepen(signal));
    return undefined;
  }

  // Trees and blobs by their ids. A tree brings all trees below it.
  async function fetchObjects(oids: readonly string[], signal: AbortSignal): Promise<void> {
    const wants = [...new Set(oids)].filter((oid) => !here.has(oid));
    // Without filters everything has come already.
    if (!store.filters || wants.length === 0) return;
    const words = await store.fetch({ wants, filter: 'blob:none', alone: true }, signal);
    if (words !== undefined) throw new NoSingleObjects(words);
    for (const oid of wants) here.add(oid);
  }

  return {
    git,
    store,
    head: fetchHead,
    deepen,
    commit: (oid, signal) => search(oid, signal, async () => true),
    ancestor: (oid, signal) => search(oid, signal, () => isAncestor(git, oid, head, { signal })),

    async entries(commit, args, signal) {
      const list = (): Promise<TreeEntry[] | undefined> => listTree(git, [commit, ...args], { signal });
      const known = await list();
      if (known !== undefined) return known;
      if (signal.aborted) throw signal.reason;
      const tree = (await readCommit(git, commit, { signal }))?.tree;
      if (tree !== undefined) await fetchObjects([tree], signal);
      const fetched = await list();
      if (signal.aborted) throw signal.reason;
      if (fetched === undefined) throw errors.failure(`the tree of ${commit.slice(0, 12)} could not be read`);
      return fetched;
    },

    async blobs(oids, maxBytes, signal) {
      await fetchObjects(oids, signal);
      const read = await readBlobs(git, oids, maxBytes, { signal });
      if (signal.aborted) throw signal.reason;
      return read;
    },

    close: store.close,
  };
}
