/** GraphQL: every document is validated against GitHub's published schema, then executed over the bare repositories. */
import { schema as github } from '@octokit/graphql-schema';
import {
  buildSchema,
  execute,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { commitOnBranch, StaleHead } from './commit.ts';
import { blob, type CommitInfo, entryAt, git, gitRaw, log, resolve } from './git.ts';
import { rulesFor } from './rules.ts';
import type { Repo } from './store.ts';
import { mayRead, mayWrite, sees, type Token } from './tokens.ts';

let schema: GraphQLSchema | undefined;
function githubSchema(): GraphQLSchema {
  schema ??= buildSchema(github.idl, { assumeValid: true });
  return schema;
}

/** An error with GitHub's `type` beside its message. */
class Refusal extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface GraphqlContext {
  token: Token;
  find(fullName: string): Repo | undefined;
  url: string;
  /** Reads see the branch as it was this many commits ago. */
  staleBy: number;
}

export function operationName(query: string): string | undefined {
  try {
    const node = parse(query).definitions.find(
      (d): d is OperationDefinitionNode => d.kind === Kind.OPERATION_DEFINITION,
    );
    return node?.name?.value;
  } catch {
    return undefined;
  }
}

/** @returns what GitHub puts into a 200 answer */
export async function runGraphql(
  query: string,
  variables: Record<string, unknown>,
  context: GraphqlContext,
): Promise<object> {
  let document: ReturnType<typeof parse>;
  try {
    document = parse(query);
  } catch (error) {
    return { errors: [{ message: (error as Error).message }] };
  }
  const invalid = validate(githubSchema(), document);
  if (invalid.length > 0) return { errors: invalid.map((e) => ({ message: e.message, locations: e.locations })) };
  const result = await execute({
    schema: githubSchema(),
    document,
    rootValue: root(context),
    variableValues: variables,
  });
  if (result.errors === undefined) return result;
  return { data: result.data ?? null, errors: result.errors.map(shown) };
}

function shown(error: GraphQLError): object {
  const original = error.originalError;
  return {
    ...(original instanceof Refusal ? { type: original.type } : {}),
    message: error.message,
    path: error.path,
    locations: error.locations,
  };
}

function root(context: GraphqlContext): object {
  const readable = (fullName: string): Repo => {
    const repo = context.find(fullName);
    if (repo === undefined || !mayRead(context.token, repo)) {
      throw new Refusal('NOT_FOUND', `Could not resolve to a Repository with the name '${fullName}'.`);
    }
    return repo;
  };
  const writable = (fullName: string): Repo => {
    const repo = context.find(fullName);
    if (repo === undefined || !(sees(context.token, fullName) || !repo.private)) {
      throw new Refusal('NOT_FOUND', `Could not resolve to a Repository with the name '${fullName}'.`);
    }
    if (!mayWrite(context.token, repo, 'contents'))
      throw new Refusal('FORBIDDEN', 'Resource not accessible by integration');
    return repo;
  };
  return {
    viewer: { login: context.token.login },
    repository: ({ owner, name }: { owner: string; name: string }) =>
      repositoryNode(readable(`${owner}/${name}`), context),
    createCommitOnBranch: ({ input }: { input: CommitInput }) =>
      createCommit(writable(input.branch.repositoryNameWithOwner ?? ''), input, context),
  };
}

function repositoryNode(repo: Repo, context: GraphqlContext): object {
  return {
    id: `R_${repo.id}`,
    name: repo.fullName.split('/')[1],
    nameWithOwner: repo.fullName,
    url: `${context.url}/${repo.fullName}`,
    isPrivate: repo.private,
    defaultBranchRef: () => refNode(repo, `refs/heads/${repo.defaultBranch}`, context),
    ref: ({ qualifiedName }: { qualifiedName: string }) =>
      refNode(repo, qualifiedName.startsWith('refs/') ? qualifiedName : `refs/heads/${qualifiedName}`, context),
    object: async ({ oid, expression }: { oid?: string; expression?: string }) => {
      const found = await resolve(repo.path, oid ?? expression ?? '');
      return found === undefined ? null : commitNode(repo, found, context);
    },
  };
}

async function refNode(repo: Repo, name: string, context: GraphqlContext): Promise<object | null> {
  const oid = (await resolve(repo.path, `${name}~${context.staleBy}`)) ?? (await resolve(repo.path, name));
  if (oid === undefined) return null;
  return {
    id: `REF_${name}`,
    name: name.replace(/^refs\/heads\//, ''),
    prefix: 'refs/heads/',
    target: () => commitNode(repo, oid, context),
  };
}

function commitNode(repo: Repo, oid: string, context: GraphqlContext): object {
  let info: Promise<CommitInfo | undefined> | undefined;
  const read = (): Promise<CommitInfo | undefined> => {
    info ??= log(repo.path, ['-1', oid]).then((commits) => commits[0]);
    return info;
  };
  return {
    __typename: 'Commit',
    id: `C_${oid}`,
    oid,
    url: `${context.url}/${repo.fullName}/commit/${oid}`,
    message: async () => (await read())?.message ?? '',
    messageHeadline: async () => (await read())?.message.split('\n')[0] ?? '',
    committedDate: async () => (await read())?.committer.date,
    signature: () => (repo.verified.has(oid) ? { __typename: 'GpgSignature', isValid: true, state: 'VALID' } : null),
    parents: async () => ({ nodes: ((await read())?.parents ?? []).map((p) => commitNode(repo, p, context)) }),
    file: ({ path }: { path: string }) => fileNode(repo, oid, path),
    history: (args: HistoryArgs) => historyNode(repo, oid, args, context),
  };
}

interface HistoryArgs {
  first?: number;
  after?: string;
  path?: string;
}

async function historyNode(repo: Repo, oid: string, args: HistoryArgs, context: GraphqlContext): Promise<object> {
  const skip = args.after === undefined ? 0 : Number(args.after.split(' ')[1] ?? 0) + 1;
  const first = args.first ?? 30;
  if (first > 100)
    throw new Refusal(
      'EXCESSIVE_PAGINATION',
      `Requesting ${first} records on the \`history\` connection exceeds the \`first\` limit of 100 records.`,
    );
  const commits = await log(repo.path, [
    `--skip=${skip}`,
    `--max-count=${first + 1}`,
    oid,
    ...(args.path ? ['--', args.path] : []),
  ]);
  const page = commits.slice(0, first);
  return {
    nodes: page.map((c) => ({
      ...commitNode(repo, c.oid, context),
      message: c.message,
      committedDate: c.committer.date,
    })),
    pageInfo: {
      hasNextPage: commits.length > first,
      endCursor: page.length > 0 ? `${oid} ${skip + page.length - 1}` : null,
    },
    totalCount: async () => Number((await git(repo.path, ['rev-list', '--count', oid])).toString()),
  };
}

async function fileNode(repo: Repo, commit: string, path: string): Promise<object | null> {
  const entry = await entryAt(repo.path, commit, path);
  if (entry === undefined) return null;
  return {
    name: path.split('/').at(-1),
    path,
    mode: Number.parseInt(entry.mode, 8),
    type: entry.type,
    oid: entry.oid,
    object: () => (entry.type === 'blob' ? blobNode(repo, entry.oid) : null),
  };
}

// GitHub hands over at most about 512 kB of a blob as text, and none of a binary one.
const TEXT_LIMIT = 512_000;

async function blobNode(repo: Repo, oid: string): Promise<object> {
  const bytes = await blob(repo.path, oid);
  const isBinary = bytes.subarray(0, 8000).includes(0);
  return {
    __typename: 'Blob',
    id: `B_${oid}`,
    oid,
    byteSize: bytes.length,
    isBinary,
    isTruncated: bytes.length > TEXT_LIMIT,
    text: isBinary ? null : bytes.subarray(0, TEXT_LIMIT).toString('utf8'),
  };
}

interface CommitInput {
  branch: { repositoryNameWithOwner?: string; branchName?: string };
  expectedHeadOid: string;
  message: { headline: string; body?: string };
  fileChanges?: { additions?: { path: string; contents: string }[]; deletions?: { path: string }[] };
  clientMutationId?: string;
}

async function createCommit(repo: Repo, input: CommitInput, context: GraphqlContext): Promise<object> {
  const ref = `refs/heads/${(input.branch.branchName ?? '').replace(/^refs\/heads\//, '')}`;
  const head = await resolve(repo.path, ref);
  if (head === undefined)
    throw new Refusal('NOT_FOUND', `A branch with the name "${input.branch.branchName}" could not be found`);
  // Checked before any work: GitHub answers a stale head at once.
  if (head !== input.expectedHeadOid)
    throw new Refusal('STALE_DATA', new StaleHead(input.expectedHeadOid, head).message);
  const blocking = rulesFor(repo, ref, context.token).filter(
    (rule) => rule.type === 'pull_request' || rule.type === 'required_status_checks',
  );
  if (blocking.length > 0) {
    throw new Refusal(
      'UNPROCESSABLE',
      'Repository rule violations found\n\nChanges must be made through a pull request.\n\n',
    );
  }
  const additions = (input.fileChanges?.additions ?? []).map((a) => ({
    path: a.path,
    bytes: Buffer.from(a.contents, 'base64'),
  }));
  const bad = additions.find((a) => /^\/|(^|\/)\.{1,2}(\/|$)|(^|\/)\.git(\/|$)|\/\//.test(a.path));
  if (bad !== undefined)
    throw new Refusal('UNPROCESSABLE', `A path was requested for addition which is invalid: "${bad.path}"`);
  const body = input.message.body ? `\n\n${input.message.body}` : '';
  const author = { name: context.token.login, email: `${context.token.login}@users.noreply.example.org` };
  try {
    const oid = await commitOnBranch(repo, {
      ref,
      expectedHead: input.expectedHeadOid,
      additions,
      deletions: (input.fileChanges?.deletions ?? []).map((d) => d.path),
      message: `${input.message.headline}${body}`,
      author,
    });
    return {
      clientMutationId: input.clientMutationId,
      commit: commitNode(repo, oid, context),
      ref: () => refNode(repo, ref, context),
    };
  } catch (error) {
    if (error instanceof StaleHead) throw new Refusal('STALE_DATA', error.message);
    throw error;
  }
}

/** True when one commit is an ancestor of another. */
export async function isAncestor(repo: Repo, older: string, newer: string): Promise<boolean> {
  return (await gitRaw(repo.path, ['merge-base', '--is-ancestor', older, newer])).code === 0;
}
