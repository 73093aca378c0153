/** The readable objects: repository, ref, commit, tree, blob, and the history of a commit. */

import { git } from '../git.ts';
import { changedFiles, page, walk } from '../history.ts';
import type { Commit, GitObject, TreeEntry } from '../objects.ts';
import type { Repo } from '../store.ts';
import { type GraphqlContext, Refusal, refId, repositoryId } from './context.ts';
import { pullNode } from './pulls.ts';

export function repositoryNode(repo: Repo, context: GraphqlContext): object {
  return {
    __typename: 'Repository',
    id: repositoryId(repo),
    databaseId: repo.id,
    name: repo.name,
    nameWithOwner: repo.fullName,
    owner: { __typename: 'Organization', login: repo.owner },
    url: `${context.url}/${repo.fullName}`,
    isPrivate: repo.private,
    mergeCommitAllowed: repo.merging.methods.includes('merge'),
    squashMergeAllowed: repo.merging.methods.includes('squash'),
    rebaseMergeAllowed: repo.merging.methods.includes('rebase'),
    autoMergeAllowed: repo.merging.auto,
    deleteBranchOnMerge: repo.merging.deleteBranch,
    defaultBranchRef: () => refNode(repo, `refs/heads/${repo.defaultBranch}`, context),
    ref: ({ qualifiedName }: { qualifiedName: string }) => refByName(repo, qualifiedName, context),
    refs: (args: RefsArgs) => refsNode(repo, args, context),
    object: (args: { oid?: string | null; expression?: string | null }) => objectByName(repo, args, context),
    pullRequest: ({ number }: { number: number }) => {
      const pull = repo.pulls.find((one) => one.number === number);
      return pull === undefined ? null : pullNode(repo, pull, context);
    },
  };
}

/** A ref by its full name. */
export async function refNode(repo: Repo, name: string, context: GraphqlContext): Promise<object | null> {
  const commit = await repo.tip(name, context.staleBy);
  if (commit === undefined) return null;
  const prefix = /^refs\/(?:heads|tags)\/|^refs\//.exec(name)?.[0] ?? '';
  return {
    __typename: 'Ref',
    id: refId(repo, name),
    name: name.slice(prefix.length),
    prefix,
    repository: () => repositoryNode(repo, context),
    target: () => commitNode(repo, commit, context),
  };
}

async function refByName(repo: Repo, name: string, context: GraphqlContext): Promise<object | null> {
  for (const full of name.startsWith('refs/') ? [name] : [`refs/heads/${name}`, `refs/tags/${name}`]) {
    const found = await refNode(repo, full, context);
    if (found !== null) return found;
  }
  return null;
}

// A client may leave an argument out or give it as null.
interface RefsArgs {
  refPrefix: string;
  query?: string | null;
  first?: number | null;
  after?: string | null;
}

async function refsNode(repo: Repo, args: RefsArgs, context: GraphqlContext): Promise<object> {
  const first = limited(args.first, 'refs');
  const out = await git(repo.path, ['for-each-ref', '--format=%(refname)', '--', args.refPrefix.replace(/\/$/, '')]);
  const all = out
    .toString('utf8')
    .split('\n')
    .filter((name) => name !== '' && name.includes(args.query ?? ''));
  const start = args.after ? all.indexOf(cursorText(args.after)) + 1 : 0;
  const names = all.slice(start, start + first);
  return {
    totalCount: all.length,
    nodes: () => Promise.all(names.map((name) => refNode(repo, name, context))),
    pageInfo: {
      hasNextPage: start + first < all.length,
      endCursor: names.length > 0 ? cursor(names.at(-1) ?? '') : null,
    },
  };
}

async function objectByName(
  repo: Repo,
  { oid, expression }: { oid?: string | null; expression?: string | null },
  context: GraphqlContext,
): Promise<object | null> {
  const [name = '', path] = (oid ?? expression ?? '').split(/:(.*)/s, 2);
  const commit = await repo.find(name, context.staleBy);
  if (path === undefined) {
    if (commit !== undefined) return commitNode(repo, commit, context);
    const found = /^[0-9a-f]{40,64}$/.test(name) ? await repo.objects.read(name) : undefined;
    return found === undefined ? null : objectNode(repo, found, context);
  }
  if (commit === undefined) return null;
  if (path === '') return treeNode(repo, commit.tree, context);
  const entry = await repo.objects.entry(commit.tree, path);
  const found = entry === undefined ? undefined : await repo.objects.read(entry.oid);
  return found === undefined ? null : objectNode(repo, found, context);
}

function objectNode(repo: Repo, found: GitObject, context: GraphqlContext): object | null {
  if (found.type === 'blob') return blobNode(found);
  return found.type === 'tree' ? treeNode(repo, found.oid, context) : null;
}

export function commitNode(repo: Repo, commit: Commit, context: GraphqlContext): object {
  const [headline = '', ...rest] = commit.message.split('\n');
  const verified = repo.verified.has(commit.oid);
  const actor = (who: Commit['author']): object => ({ ...who, user: null });
  return {
    __typename: 'Commit',
    id: `C_${commit.oid}`,
    oid: commit.oid,
    abbreviatedOid: commit.oid.slice(0, 7),
    url: `${context.url}/${repo.fullName}/commit/${commit.oid}`,
    message: commit.message,
    messageHeadline: headline,
    messageBody: rest.join('\n').trim(),
    authoredDate: commit.author.date,
    committedDate: commit.committer.date,
    author: actor(commit.author),
    committer: actor(commit.committer),
    signature: verified ? { __typename: 'GpgSignature', isValid: true, state: 'VALID', wasSignedByGitHub: true } : null,
    tree: () => treeNode(repo, commit.tree, context),
    // Against the first parent; of a first commit the empty tree is not here to be compared with.
    changedFilesIfAvailable: async () =>
      commit.parents[0] === undefined ? null : (await changedFiles(repo.path, commit.parents[0], commit.oid)).length,
    parents: async () => ({
      totalCount: commit.parents.length,
      nodes: await Promise.all(
        commit.parents.map(async (oid) => {
          const parent = await repo.objects.commit(oid);
          return parent === undefined ? null : commitNode(repo, parent, context);
        }),
      ),
    }),
    file: async ({ path }: { path: string }) => {
      const entry = await repo.objects.entry(commit.tree, path);
      return entry === undefined ? null : entryNode(repo, entry, path, context);
    },
    history: (args: HistoryArgs) => historyNode(repo, commit, args, context),
  };
}

interface HistoryArgs {
  first?: number | null;
  after?: string | null;
  path?: string | null;
}

async function historyNode(repo: Repo, from: Commit, args: HistoryArgs, context: GraphqlContext): Promise<object> {
  const first = limited(args.first, 'history');
  const skip = args.after ? Number(args.after.split(' ')[1] ?? 0) + 1 : 0;
  const path = args.path ?? undefined;
  const { commits, more } = await page(walk(repo.objects, from.oid, path), skip, first);
  return {
    nodes: commits.map((commit) => commitNode(repo, commit, context)),
    edges: commits.map((commit, i) => ({
      cursor: `${from.oid} ${skip + i}`,
      node: commitNode(repo, commit, context),
    })),
    pageInfo: {
      hasNextPage: more,
      endCursor: commits.length > 0 ? `${from.oid} ${skip + commits.length - 1}` : null,
    },
    totalCount: async () =>
      (await page(walk(repo.objects, from.oid, path), 0, Number.POSITIVE_INFINITY)).commits.length,
  };
}

function limited(first: number | null | undefined, connection: string): number {
  if (first === undefined || first === null) {
    throw new Refusal(
      'MISSING_PAGINATION_BOUNDARIES',
      `You must provide a \`first\` or \`last\` value to properly paginate the \`${connection}\` connection.`,
    );
  }
  if (first < 1 || first > 100) {
    throw new Refusal(
      'EXCESSIVE_PAGINATION',
      `Requesting ${first} records on the \`${connection}\` connection exceeds the \`first\` limit of 100 records.`,
    );
  }
  return first;
}

async function treeNode(repo: Repo, oid: string, context: GraphqlContext): Promise<object> {
  const tree = await repo.objects.tree(oid);
  return {
    __typename: 'Tree',
    id: `T_${oid}`,
    oid: tree?.oid,
    entries: (tree?.entries ?? []).map((entry) => entryNode(repo, entry, entry.name, context)),
  };
}

function entryNode(repo: Repo, entry: TreeEntry, path: string, context: GraphqlContext): object {
  return {
    name: entry.name,
    path,
    // Decimal: 33188 is 100644.
    mode: Number.parseInt(entry.mode, 8),
    type: entry.type,
    oid: entry.oid,
    object: async () => {
      const found = entry.type === 'commit' ? undefined : await repo.objects.read(entry.oid);
      return found === undefined ? null : objectNode(repo, found, context);
    },
  };
}

// GitHub hands over at most about 512 kB of a blob as text, and none of a binary one.
const TEXT_LIMIT = 512_000;

function blobNode(found: GitObject): object {
  const isBinary = found.bytes.subarray(0, 8000).includes(0);
  return {
    __typename: 'Blob',
    id: `B_${found.oid}`,
    oid: found.oid,
    byteSize: found.bytes.length,
    isBinary,
    isTruncated: found.bytes.length > TEXT_LIMIT,
    text: isBinary ? null : found.bytes.subarray(0, TEXT_LIMIT).toString('utf8'),
  };
}

const cursor = (text: string): string => Buffer.from(text).toString('base64');
const cursorText = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
