/** createCommitOnBranch, createRef, updateRefs, deleteRef. */
import { commitOnBranch, moveRefs, NotFastForward, RuleViolation, StaleHead } from '../commit.ts';
import { isRefName, NO_OID } from '../git.ts';
import type { Repo } from '../store.ts';
import { mayWrite, sees } from '../tokens.ts';
import { FORBIDDEN, type GraphqlContext, Refusal, readRefId } from './context.ts';
import { commitNode, refNode } from './nodes.ts';

interface CommitInput {
  branch: { id?: string | null; repositoryNameWithOwner?: string | null; branchName?: string | null };
  expectedHeadOid: string;
  message: { headline: string; body?: string | null };
  fileChanges?: {
    additions?: { path: string; contents: string }[] | null;
    deletions?: { path: string }[] | null;
  } | null;
  clientMutationId?: string | null;
}

export async function createCommitOnBranch(input: CommitInput, context: GraphqlContext): Promise<object> {
  const { repo, ref } = branchOf(input, context);
  const head = await repo.tip(ref);
  if (head === undefined) {
    throw new Refusal('NOT_FOUND', `A branch with the name "${ref.replace(/^refs\/heads\//, '')}" could not be found`);
  }
  if (input.message.headline.trim() === '') throw new Refusal('UNPROCESSABLE', 'A commit message is required.');
  // The schema allows a list that is null, the server of GitHub does not.
  if (input.fileChanges?.additions === null || input.fileChanges?.deletions === null) {
    throw new Error('Something went wrong while executing your query.');
  }
  const additions = (input.fileChanges?.additions ?? []).map((addition) => ({
    path: goodPath(addition.path, 'addition'),
    bytes: base64(addition.contents, addition.path),
  }));
  const deletions = (input.fileChanges?.deletions ?? []).map((deletion) => goodPath(deletion.path, 'deletion'));
  for (const path of deletions) {
    const expected = await repo.objects.commit(input.expectedHeadOid);
    if (expected === undefined || (await repo.objects.entry(expected.tree, path)) !== undefined) continue;
    throw new Refusal(
      'UNPROCESSABLE',
      `A path was requested for deletion which does not exist as of commit oid \`${expected.oid}\`: ${path}`,
    );
  }
  const body = input.message.body ? `\n\n${input.message.body}` : '';
  const { login } = context.token;
  const oid = await refusing(() =>
    commitOnBranch(repo, {
      token: context.token,
      ref,
      expectedHead: input.expectedHeadOid,
      additions,
      deletions,
      message: `${input.message.headline}${body}\n`,
      author: { name: login, email: `${login}@users.noreply.github.com` },
    }),
  );
  const made = await repo.objects.commit(oid);
  return {
    clientMutationId: input.clientMutationId ?? null,
    commit: made === undefined ? null : commitNode(repo, made, context),
    ref: () => refNode(repo, ref, { ...context, staleBy: 0 }),
  };
}

export async function createRef(
  input: { repositoryId: string; name: string; oid: string; clientMutationId?: string | null },
  context: GraphqlContext,
): Promise<object> {
  const repo = writable(context.findById(input.repositoryId), input.repositoryId, context);
  const name = goodRef(input.name);
  await known(repo, input.oid);
  if ((await repo.tip(name)) !== undefined) {
    throw new Refusal('UNPROCESSABLE', `A ref named "${name}" already exists in the repository.`);
  }
  await refusing(() => moveRefs(repo, context.token, [{ ref: name, before: NO_OID, after: input.oid, force: false }]));
  return {
    clientMutationId: input.clientMutationId ?? null,
    ref: () => refNode(repo, name, { ...context, staleBy: 0 }),
  };
}

interface UpdateRefsInput {
  repositoryId: string;
  refUpdates: { name: string; beforeOid?: string | null; afterOid: string; force?: boolean | null }[];
  clientMutationId?: string | null;
}

export async function updateRefs(input: UpdateRefsInput, context: GraphqlContext): Promise<object> {
  const repo = writable(context.findById(input.repositoryId), input.repositoryId, context);
  for (const update of input.refUpdates) {
    goodRef(update.name);
    if (update.afterOid !== NO_OID) await known(repo, update.afterOid);
  }
  const changes = input.refUpdates.map((update) => ({
    ref: update.name,
    before: update.beforeOid ?? undefined,
    after: update.afterOid,
    force: update.force ?? false,
  }));
  await refusing(() => moveRefs(repo, context.token, changes));
  return { clientMutationId: input.clientMutationId ?? null };
}

export async function deleteRef(
  input: { refId: string; clientMutationId?: string | null },
  context: GraphqlContext,
): Promise<object> {
  const id = readRefId(input.refId);
  const repo = writable(id === undefined ? undefined : context.findById(id.repository), input.refId, context);
  const change = { ref: id?.ref ?? '', after: NO_OID, force: true };
  await refusing(() => moveRefs(repo, context.token, [change]));
  return { clientMutationId: input.clientMutationId ?? null };
}

function branchOf(input: CommitInput, context: GraphqlContext): { repo: Repo; ref: string } {
  const { id } = input.branch;
  const repositoryNameWithOwner = input.branch.repositoryNameWithOwner ?? '';
  const branchName = input.branch.branchName ?? '';
  const byId = id ? readRefId(id) : undefined;
  const found = byId === undefined ? context.find(repositoryNameWithOwner) : context.findById(byId.repository);
  const repo = writable(found, id ?? repositoryNameWithOwner, context);
  return { repo, ref: byId?.ref ?? `refs/heads/${branchName.replace(/^refs\/heads\//, '')}` };
}

function writable(repo: Repo | undefined, asked: string, context: GraphqlContext): Repo {
  if (repo === undefined || !sees(context.token, repo)) {
    const what = asked.includes('/')
      ? `a Repository with the name '${asked}'`
      : `a node with the global id of '${asked}'`;
    throw new Refusal('NOT_FOUND', `Could not resolve to ${what}.`);
  }
  if (!mayWrite(context.token, repo, 'contents')) throw new Refusal('FORBIDDEN', FORBIDDEN);
  return repo;
}

async function known(repo: Repo, oid: string): Promise<void> {
  if ((await repo.objects.commit(oid)) === undefined) {
    throw new Refusal('UNPROCESSABLE', `Object does not exist: ${oid}`);
  }
}

function goodRef(name: string): string {
  if (!isRefName(name)) throw new Refusal('UNPROCESSABLE', `"${name}" is not a valid ref name.`);
  return name;
}

function goodPath(path: string, change: string): string {
  if (path === '' || /^\/|\/$|\/\/|\0|(^|\/)\.{1,2}(\/|$)|(^|\/)\.git(\/|$)/i.test(path)) {
    throw new Refusal('UNPROCESSABLE', `A path was requested for ${change} which is invalid: "${path}"`);
  }
  return path;
}

function base64(text: string, path: string): Buffer {
  if (!/^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(text)) {
    throw new Refusal('UNPROCESSABLE', `The contents of "${path}" are not base64`);
  }
  return Buffer.from(text, 'base64');
}

async function refusing<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof StaleHead) throw new Refusal('STALE_DATA', error.message);
    if (error instanceof RuleViolation || error instanceof NotFastForward) {
      throw new Refusal('UNPROCESSABLE', error.message);
    }
    throw error;
  }
}
