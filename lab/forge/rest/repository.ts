/** Routes: repository, contents, commits, compare, branches. */
import { NOT_FOUND, ok, paged, unprocessable } from '../answer.ts';
import { git } from '../git.ts';
import { changedFiles, compare, page, walk } from '../history.ts';
import { rulesFor } from '../rules.ts';
import { type RestContext, type Route, reads } from './route.ts';
import { commitJson, repositoryJson } from './shapes.ts';

export const repositoryRoutes: readonly Route[] = [
  reads(/^$/, 'metadata', ({ repo, url }) => ok(repositoryJson(repo, url))),
  reads(/^\/contents(?:\/(.*))?$/, 'contents', contents),
  reads(/^\/commits$/, 'contents', async ({ repo, query, url, staleBy }) => {
    const from = await repo.find(query.get('sha') ?? '', staleBy);
    if (from === undefined) return NOT_FOUND;
    const size = Math.min(100, Number(query.get('per_page') ?? 30) || 30);
    const skip = (Math.max(1, Number(query.get('page') ?? 1)) - 1) * size;
    const { commits } = await page(walk(repo.objects, from.oid, query.get('path') ?? undefined), skip, size);
    return ok(commits.map((commit) => commitJson(repo, commit, url)));
  }),
  reads(/^\/commits\/([^/]+)$/, 'contents', async ({ repo, params, url, accept, staleBy }) => {
    const commit = await repo.find(params[0] ?? '', staleBy);
    if (commit === undefined) return unprocessable(`No commit found for SHA: ${params[0]}`);
    return accept.includes('sha') ? { status: 200, raw: Buffer.from(commit.oid) } : ok(commitJson(repo, commit, url));
  }),
  reads(/^\/commits\/([^/]+)\/pulls$/, 'contents', async ({ repo, params, query, self }) =>
    paged(
      repo.pulls.filter((pull) => pull.head.sha === params[0] || pull.merge_commit_sha === params[0]),
      query,
      self,
    ),
  ),
  reads(/^\/compare\/(.+?)\.\.\.(.+)$/, 'contents', compared),
  reads(/^\/branches$/, 'contents', async ({ repo, query, self }) => {
    const out = await git(repo.path, ['for-each-ref', '--format=%(refname:lstrip=2) %(objectname)', 'refs/heads']);
    const all = out.toString('utf8').split('\n').filter(Boolean);
    return paged(
      all.map((line) => {
        const [name = '', sha = ''] = line.split(' ');
        return { name, commit: { sha }, protected: rulesFor(repo, `refs/heads/${name}`, 'none').length > 0 };
      }),
      query,
      self,
    );
  }),
  reads(/^\/branches\/(.+)$/, 'contents', async ({ repo, params, url, staleBy }) => {
    const ref = `refs/heads/${params[0]}`;
    const commit = await repo.tip(ref, staleBy);
    if (commit === undefined) return NOT_FOUND;
    return ok({
      name: params[0],
      commit: commitJson(repo, commit, url),
      protected: rulesFor(repo, ref, 'none').length > 0,
    });
  }),
];

// Above this size GitHub names the file and sends no content; the raw media type and the blob still do.
const INLINE_LIMIT = 1024 * 1024;

async function contents({ repo, params, query, accept, url, staleBy }: RestContext): Promise<ReturnType<typeof ok>> {
  const path = (params[0] ?? '').replace(/\/$/, '');
  const commit = await repo.find(query.get('ref') ?? '', staleBy);
  if (commit === undefined) return NOT_FOUND;
  const entry = path === '' ? undefined : await repo.objects.entry(commit.tree, path);
  if (path !== '' && entry === undefined) return NOT_FOUND;
  const describe = (name: string, at: string, sha: string, type: string): Record<string, unknown> => ({
    type,
    name,
    path: at,
    sha,
    html_url: `${url}/${repo.fullName}/blob/${commit.oid}/${at}`,
  });
  if (entry === undefined || entry.type === 'tree') {
    const tree = await repo.objects.tree(entry?.oid ?? commit.tree);
    return ok(
      (tree?.entries ?? []).map((child) => {
        const type = child.type === 'tree' ? 'dir' : child.type === 'commit' ? 'submodule' : 'file';
        return describe(child.name, path === '' ? child.name : `${path}/${child.name}`, child.oid, type);
      }),
    );
  }
  const found = entry.type === 'blob' ? await repo.objects.blob(entry.oid) : undefined;
  if (found === undefined) return ok(describe(entry.name, path, entry.oid, 'submodule'));
  if (accept.includes('raw')) {
    return {
      status: 200,
      raw: found.bytes,
      headers: { 'content-type': 'application/vnd.github.raw+json; charset=utf-8' },
    };
  }
  const inline = found.bytes.length <= INLINE_LIMIT;
  return ok({
    ...describe(entry.name, path, entry.oid, entry.mode === '120000' ? 'symlink' : 'file'),
    size: found.bytes.length,
    encoding: inline ? 'base64' : 'none',
    content: inline ? found.bytes.toString('base64').replace(/(.{60})/g, '$1\n') : '',
  });
}

async function compared({ repo, params, query, url, staleBy }: RestContext): Promise<ReturnType<typeof ok>> {
  const [base, head] = await Promise.all(params.map((name) => repo.find(name.replace(/^[^/:]+:/, ''), staleBy)));
  if (base === undefined || head === undefined) return NOT_FOUND;
  const found = await compare(repo.path, base.oid, head.oid);
  if (found === undefined) return NOT_FOUND;
  const size = Math.min(100, Number(query.get('per_page') ?? 250) || 250);
  const number = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const shown = query.has('per_page') || query.has('page') ? size : 250;
  const commits = await Promise.all(
    found.ahead.slice((number - 1) * shown, number * shown).map((oid) => repo.objects.commit(oid)),
  );
  const mergeBase = await repo.objects.commit(found.mergeBase);
  return ok({
    status: found.status,
    ahead_by: found.ahead.length,
    behind_by: found.behind,
    total_commits: found.ahead.length,
    base_commit: commitJson(repo, base, url),
    merge_base_commit: mergeBase === undefined ? null : commitJson(repo, mergeBase, url),
    commits: commits.flatMap((commit) => (commit === undefined ? [] : [commitJson(repo, commit, url)])),
    // The list of files comes with the first page only.
    files: number === 1 && found.ahead.length > 0 ? await changedFiles(repo.path, found.mergeBase, head.oid) : [],
  });
}
