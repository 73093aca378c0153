/** Routes: Git data (blobs, trees, commits, refs). */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type Answer, NO_CONTENT, NOT_FOUND, ok, refusal, unprocessable } from '../answer.ts';
import { moveRefs, NotFastForward, RuleViolation, StaleHead } from '../commit.ts';
import { git, gitRaw, isRefName, NO_OID } from '../git.ts';
import type { Repo } from '../store.ts';
import { type Route, reads, text, type WriteContext, writes } from './route.ts';
import { commitJson } from './shapes.ts';

export const gitDataRoutes: readonly Route[] = [
  reads(/^\/git\/blobs\/([0-9a-f]{40,64})$/, 'contents', async ({ repo, params, accept }) => {
    const found = await repo.objects.blob(params[0] ?? '');
    if (found === undefined) return NOT_FOUND;
    if (accept.includes('raw')) return { status: 200, raw: found.bytes };
    const content = found.bytes.toString('base64').replace(/(.{60})/g, '$1\n');
    return ok({ sha: found.oid, size: found.bytes.length, encoding: 'base64', content });
  }),
  writes('POST', /^\/git\/blobs$/, 'contents', async ({ repo, body }) => {
    const bytes = Buffer.from(text(body.content), body.encoding === 'base64' ? 'base64' : 'utf8');
    return ok({ sha: await oid(repo, ['hash-object', '-w', '--stdin'], bytes) }, 201);
  }),
  reads(/^\/git\/trees\/(.+)$/, 'contents', async ({ repo, params, query, staleBy }) => {
    const name = params[0] ?? '';
    const commit = await repo.find(name, staleBy);
    const tree = commit?.tree ?? (/^[0-9a-f]{40}$/.test(name) ? (await repo.objects.tree(name))?.oid : undefined);
    if (tree === undefined) return NOT_FOUND;
    return ok({ sha: tree, truncated: false, tree: await treeEntries(repo, tree, query.has('recursive')) });
  }),
  writes('POST', /^\/git\/trees$/, 'contents', createTree),
  reads(/^\/git\/commits\/([0-9a-f]{40})$/, 'contents', async ({ repo, params, url }) => {
    const commit = await repo.objects.commit(params[0] ?? '');
    if (commit === undefined) return NOT_FOUND;
    const json = commitJson(repo, commit, url);
    return ok({ ...(json.commit as object), sha: commit.oid, html_url: json.html_url, parents: json.parents });
  }),
  writes('POST', /^\/git\/commits$/, 'contents', createCommit),
  reads(/^\/git\/ref\/(.+)$/, 'contents', async ({ repo, params, staleBy }) => {
    const commit = await repo.tip(`refs/${params[0]}`, staleBy);
    return commit === undefined ? NOT_FOUND : ok(refJson(`refs/${params[0]}`, commit.oid));
  }),
  reads(/^\/git\/matching-refs\/(.*)$/, 'contents', async ({ repo, params }) => {
    const out = await git(repo.path, ['for-each-ref', '--format=%(refname) %(objectname)']);
    const all = out.toString('utf8').split('\n').filter(Boolean);
    return ok(
      all
        .filter((line) => line.startsWith(`refs/${params[0]}`))
        .map((line) => refJson(...(line.split(' ') as [string, string]))),
    );
  }),
  writes('POST', /^\/git\/refs$/, 'contents', async (c) => {
    const [ref, sha] = [text(c.body.ref), text(c.body.sha)];
    if (!isRefName(ref)) return unprocessable('Reference name is not valid');
    if ((await c.repo.objects.commit(sha)) === undefined) return unprocessable('Object does not exist');
    if ((await c.repo.tip(ref)) !== undefined) return unprocessable('Reference already exists');
    return moved(c, { ref, before: NO_OID, after: sha, force: false }, () => ok(refJson(ref, sha), 201));
  }),
  writes('PATCH', /^\/git\/refs\/(.+)$/, 'contents', async (c) => {
    const [ref, sha] = [`refs/${c.params[0]}`, text(c.body.sha)];
    if ((await c.repo.tip(ref)) === undefined) return unprocessable('Reference does not exist');
    if ((await c.repo.objects.commit(sha)) === undefined) return unprocessable('Object does not exist');
    return moved(c, { ref, after: sha, force: c.body.force === true }, () => ok(refJson(ref, sha)));
  }),
  writes('DELETE', /^\/git\/refs\/(.+)$/, 'contents', async (c) => {
    const ref = `refs/${c.params[0]}`;
    if ((await c.repo.tip(ref)) === undefined) return unprocessable('Reference does not exist');
    return moved(c, { ref, after: NO_OID, force: true }, () => NO_CONTENT);
  }),
];

const refJson = (ref: string, sha: string): object => ({ ref, object: { type: 'commit', sha } });

async function moved(
  { repo, token }: WriteContext,
  change: Parameters<typeof moveRefs>[2][number],
  done: () => Answer,
): Promise<Answer> {
  try {
    await moveRefs(repo, token, [change]);
    return done();
  } catch (error) {
    if (error instanceof StaleHead) return refusal(409, `Reference cannot be updated: ${error.message}`);
    if (error instanceof RuleViolation || error instanceof NotFastForward) return unprocessable(error.message);
    throw error;
  }
}

async function treeEntries(repo: Repo, tree: string, recursive: boolean): Promise<object[]> {
  const out = await git(repo.path, ['ls-tree', '-z', '-l', ...(recursive ? ['-r', '-t'] : []), tree]);
  return out
    .toString('utf8')
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const [facts = '', path = ''] = line.split(/\t(.*)/s, 2);
      const [mode, type, sha, size] = facts.split(/ +/);
      // Only a blob has a size.
      return { path, mode, type, sha, ...(size === '-' ? {} : { size: Number(size) }) };
    });
}

interface WantedEntry {
  path?: string;
  mode?: string;
  sha?: string | null;
  content?: string;
}

// Through a temporary index, so that paths with folders and a base tree work as GitHub's do.
async function createTree({ repo, body }: WriteContext): Promise<Answer> {
  const wanted = Array.isArray(body.tree) ? (body.tree as WantedEntry[]) : [];
  const base = text(body.base_tree);
  if (base !== '' && (await repo.objects.tree(base)) === undefined)
    return unprocessable('base_tree is not a valid tree oid');
  const lines: string[] = [];
  for (const entry of wanted) {
    const path = entry.path ?? '';
    if (path === '' || /[\n\0]/.test(path) || !/^(100644|100755|120000|160000)$/.test(entry.mode ?? '100644')) {
      return unprocessable('tree.path or tree.mode is not valid');
    }
    const sha =
      entry.content === undefined
        ? (entry.sha ?? NO_OID)
        : await oid(repo, ['hash-object', '-w', '--stdin'], Buffer.from(entry.content));
    lines.push(`${sha === NO_OID ? '0' : (entry.mode ?? '100644')} ${sha}\t${path}`);
  }
  return withIndex(repo, async (env) => {
    if (base !== '') await git(repo.path, ['read-tree', base], undefined, env);
    const indexed = await gitRaw(repo.path, ['update-index', '--index-info'], `${lines.join('\n')}\n`, env);
    if (indexed.code !== 0) return unprocessable(indexed.stderrTail.trim());
    const tree = (await git(repo.path, ['write-tree'], undefined, env)).toString('latin1').trim();
    return ok({ sha: tree, truncated: false, tree: await treeEntries(repo, tree, false) }, 201);
  });
}

async function createCommit({ repo, body, token, url }: WriteContext): Promise<Answer> {
  const parents = Array.isArray(body.parents) ? body.parents.map(text) : [];
  const tree = text(body.tree);
  if ((await repo.objects.tree(tree)) === undefined) return unprocessable('Tree SHA does not exist');
  for (const parent of parents) {
    if ((await repo.objects.commit(parent)) === undefined) return unprocessable('Parent SHA does not exist');
  }
  const who = (value: unknown, role: 'AUTHOR' | 'COMMITTER'): Record<string, string> => {
    const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    return {
      [`GIT_${role}_NAME`]: text(given.name) || token.login,
      [`GIT_${role}_EMAIL`]: text(given.email) || `${token.login}@users.noreply.github.com`,
      ...(text(given.date) === '' ? {} : { [`GIT_${role}_DATE`]: text(given.date) }),
    };
  };
  const env = { ...who(body.author, 'AUTHOR'), ...who(body.committer ?? body.author, 'COMMITTER') };
  const args = ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-F', '-'];
  const sha = await oid(repo, args, Buffer.from(text(body.message)), env);
  // GitHub signs for a bot that names neither author nor committer.
  if (token.kind === 'app' && body.author === undefined && body.committer === undefined) repo.verified.add(sha);
  const commit = await repo.objects.commit(sha);
  if (commit === undefined) return NOT_FOUND;
  const json = commitJson(repo, commit, url);
  return ok({ ...(json.commit as object), sha, html_url: json.html_url, parents: json.parents }, 201);
}

async function oid(repo: Repo, args: string[], input: Buffer, env: Record<string, string> = {}): Promise<string> {
  return (await git(repo.path, args, input, env)).toString('latin1').trim();
}

async function withIndex(repo: Repo, body: (env: Record<string, string>) => Promise<Answer>): Promise<Answer> {
  const file = `${repo.path}/index-${randomUUID()}`;
  try {
    return await body({ GIT_INDEX_FILE: file });
  } finally {
    await rm(file, { force: true });
  }
}
