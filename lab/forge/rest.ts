/** The REST routes of the forge, as GitHub answers them. One table: method, path, permission, handler. */
import { blob, type CommitInfo, entryAt, git, gitRaw, log, parseTree, resolve } from './git.ts';
import { mergeRefusal, type Ruleset, rulesFor } from './rules.ts';
import { type CheckRun, nextId, type Pull, type Repo } from './store.ts';
import type { Access, Token } from './tokens.ts';

export interface RestContext {
  url: string;
  repo: Repo;
  token: Token | 'none';
  params: readonly string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
  accept: string;
}

export interface RestAnswer {
  status: number;
  json?: unknown;
  raw?: Buffer;
}

export interface Route {
  method: string;
  /** Below /repos/{owner}/{repo}. */
  path: RegExp;
  permission: string;
  access: Access;
  handle(c: RestContext): Promise<RestAnswer>;
}

const NOT_FOUND: RestAnswer = {
  status: 404,
  json: { message: 'Not Found', documentation_url: 'https://docs.example.org/rest', status: '404' },
};
const ok = (json: unknown, status = 200): RestAnswer => ({ status, json });
const unprocessable = (message: string): RestAnswer =>
  ok({ message, documentation_url: 'https://docs.example.org/rest', status: '422' }, 422);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const route = (method: string, path: RegExp, permission: string, access: Access, handle: Route['handle']): Route => ({
  method,
  path,
  permission,
  access,
  handle,
});

export const ROUTES: readonly Route[] = [
  route('GET', /^$/, 'metadata', 'read', async ({ repo, url }) =>
    ok({
      id: repo.id,
      full_name: repo.fullName,
      name: repo.fullName.split('/')[1],
      private: repo.private,
      default_branch: repo.defaultBranch,
      fork: false,
      clone_url: `${url}/${repo.fullName}.git`,
      owner: { login: repo.fullName.split('/')[0] },
    }),
  ),
  route('GET', /^\/contents\/(.+)$/, 'contents', 'read', contents),
  route('GET', /^\/commits$/, 'contents', 'read', async ({ repo, query, url }) => {
    const from = await resolve(repo.path, query.get('sha') ?? repo.defaultBranch);
    if (from === undefined) return NOT_FOUND;
    const path = query.get('path');
    const perPage = Number(query.get('per_page') ?? 30);
    const skip = (Number(query.get('page') ?? 1) - 1) * perPage;
    return ok(
      (await log(repo.path, [`--max-count=${perPage}`, `--skip=${skip}`, from, ...(path ? ['--', path] : [])])).map(
        (c) => commitJson(repo, c, url),
      ),
    );
  }),
  route('GET', /^\/commits\/([^/]+)$/, 'contents', 'read', async ({ repo, params, url }) => {
    const oid = await resolve(repo.path, params[0] ?? '');
    if (oid === undefined) return unprocessable(`No commit found for SHA: ${params[0]}`);
    const commit = (await log(repo.path, ['-1', oid]))[0];
    return commit === undefined ? NOT_FOUND : ok(commitJson(repo, commit, url));
  }),
  route('GET', /^\/compare\/(.+)\.\.\.(.+)$/, 'contents', 'read', compare),
  route('GET', /^\/git\/blobs\/([0-9a-f]+)$/, 'contents', 'read', async ({ repo, params }) => {
    const oid = await resolve(repo.path, params[0] ?? '', 'blob');
    if (oid === undefined) return NOT_FOUND;
    const bytes = await blob(repo.path, oid);
    return ok({
      sha: oid,
      size: bytes.length,
      encoding: 'base64',
      content: bytes.toString('base64').replace(/(.{60})/g, '$1\n'),
    });
  }),
  route('GET', /^\/git\/trees\/([^/]+)$/, 'contents', 'read', async ({ repo, params, query }) => {
    const oid = await resolve(repo.path, params[0] ?? '', 'tree');
    if (oid === undefined) return NOT_FOUND;
    const entries = parseTree(
      (await git(repo.path, ['ls-tree', '-z', ...(query.has('recursive') ? ['-r', '-t'] : []), oid])).toString(),
    );
    return ok({
      sha: oid,
      truncated: false,
      tree: entries.map((e) => ({ path: e.path, mode: e.mode, type: e.type, sha: e.oid })),
    });
  }),
  route('GET', /^\/git\/ref\/(.+)$/, 'contents', 'read', async ({ repo, params }) => {
    const ref = `refs/${params[0]}`;
    const oid = await resolve(repo.path, ref);
    return oid === undefined ? NOT_FOUND : ok({ ref, object: { type: 'commit', sha: oid } });
  }),
  route('POST', /^\/git\/refs$/, 'contents', 'write', async ({ repo, body }) => {
    const [ref, sha] = [text(body.ref), text(body.sha)];
    if (!/^refs\/(heads|tags)\//.test(ref) || (await resolve(repo.path, sha)) === undefined)
      return unprocessable('Reference does not exist');
    const made = await gitRaw(repo.path, ['update-ref', '--', ref, sha, '']);
    return made.code === 0
      ? ok({ ref, object: { type: 'commit', sha } }, 201)
      : unprocessable('Reference already exists');
  }),
  route('GET', /^\/branches\/(.+)$/, 'contents', 'read', async ({ repo, params, token }) => {
    const oid = await resolve(repo.path, `refs/heads/${params[0]}`);
    return oid === undefined
      ? NOT_FOUND
      : ok({
          name: params[0],
          commit: { sha: oid },
          protected: rulesFor(repo, `refs/heads/${params[0]}`, token).length > 0,
        });
  }),
  route('POST', /^\/pulls$/, 'pull_requests', 'write', createPull),
  route('GET', /^\/pulls$/, 'pull_requests', 'read', async ({ repo, query, url }) => {
    const state = query.get('state') ?? 'open';
    return ok(repo.pulls.filter((p) => state === 'all' || p.state === state).map((p) => pullJson(repo, p, url)));
  }),
  route('GET', /^\/pulls\/(\d+)$/, 'pull_requests', 'read', async ({ repo, params, url }) => {
    const pull = repo.pulls.find((p) => p.number === Number(params[0]));
    return pull === undefined ? NOT_FOUND : ok(pullJson(repo, pull, url));
  }),
  route('GET', /^\/pulls\/(\d+)\/files$/, 'pull_requests', 'read', async ({ repo, params }) => {
    const pull = repo.pulls.find((p) => p.number === Number(params[0]));
    if (pull === undefined) return NOT_FOUND;
    const out = (await git(repo.path, ['diff', '--name-status', '-z', `${pull.base.sha}...${pull.head.sha}`]))
      .toString()
      .split('\0')
      .filter(Boolean);
    const words: Record<string, string> = { A: 'added', M: 'modified', D: 'removed' };
    return ok(
      Array.from({ length: out.length / 2 }, (_, i) => ({
        filename: out[2 * i + 1],
        status: words[out[2 * i] ?? ''] ?? 'changed',
      })),
    );
  }),
  route('PUT', /^\/pulls\/(\d+)\/merge$/, 'contents', 'write', mergePull),
  route('POST', /^\/issues\/(\d+)\/comments$/, 'issues', 'write', async ({ repo, params, body, token }) => {
    const comment = {
      id: nextId(),
      issue: Number(params[0]),
      body: text(body.body),
      user: { login: token === 'none' ? '' : token.login },
    };
    repo.comments.push(comment);
    return ok(comment, 201);
  }),
  route('GET', /^\/issues\/(\d+)\/comments$/, 'issues', 'read', async ({ repo, params }) =>
    ok(repo.comments.filter((c) => c.issue === Number(params[0]))),
  ),
  route('POST', /^\/statuses\/([0-9a-f]{40})$/, 'statuses', 'write', async ({ repo, params, body }) => {
    const status = {
      sha: params[0] ?? '',
      state: text(body.state),
      context: text(body.context) || 'default',
      description: text(body.description) || null,
      target_url: text(body.target_url) || null,
    };
    if (!['error', 'failure', 'pending', 'success'].includes(status.state)) return unprocessable('Validation Failed');
    repo.statuses.push(status);
    return ok(status, 201);
  }),
  route('POST', /^\/check-runs$/, 'checks', 'write', async ({ repo, body }) => {
    if (text(body.name) === '' || text(body.head_sha) === '')
      return unprocessable('Invalid request: name and head_sha are required');
    const check = { ...checkOf(body), id: nextId() };
    repo.checks.push(check);
    return ok(check, 201);
  }),
  route('PATCH', /^\/check-runs\/(\d+)$/, 'checks', 'write', async ({ repo, params, body }) => {
    const check = repo.checks.find((c) => c.id === Number(params[0]));
    if (check === undefined) return NOT_FOUND;
    Object.assign(check, checkOf({ ...check, ...body }), { id: check.id });
    return ok(check);
  }),
  route('GET', /^\/commits\/([^/]+)\/check-runs$/, 'checks', 'read', async ({ repo, params }) => {
    const sha = await resolve(repo.path, params[0] ?? '');
    const found = repo.checks.filter((c) => c.head_sha === sha);
    return ok({ total_count: found.length, check_runs: found });
  }),
  route('POST', /^\/rulesets$/, 'administration', 'write', async ({ repo, body }) => {
    if (!Array.isArray(body.rules) || text(body.name) === '') return unprocessable('Validation Failed');
    const ruleset = { target: 'branch', ...body, id: nextId() } as unknown as Ruleset;
    repo.rulesets.push(ruleset);
    return ok(ruleset, 201);
  }),
  route('GET', /^\/rulesets$/, 'metadata', 'read', async ({ repo }) => ok(repo.rulesets)),
  route('GET', /^\/rules\/branches\/(.+)$/, 'metadata', 'read', async ({ repo, params }) =>
    ok(rulesFor(repo, `refs/heads/${params[0]}`, 'none')),
  ),
  route('POST', /^\/code-scanning\/sarifs$/, 'security_events', 'write', async ({ repo, body, url }) => {
    const id = `sarif-${nextId()}`;
    repo.sarifs.push({ id, commit_sha: text(body.commit_sha), ref: text(body.ref), sarif: text(body.sarif) });
    return ok({ id, url: `${url}/repos/${repo.fullName}/code-scanning/sarifs/${id}` }, 202);
  }),
  route('POST', /^\/attestations$/, 'attestations', 'write', async ({ repo, body }) => {
    for (const digest of subjectDigests(body.bundle)) repo.attestations.push({ digest, bundle: body.bundle });
    return ok({ id: nextId() }, 201);
  }),
  route('GET', /^\/attestations\/(sha256:[0-9a-f]{64})$/, 'attestations', 'read', async ({ repo, params }) => {
    const found = repo.attestations.filter((a) => a.digest === params[0]);
    return found.length === 0
      ? NOT_FOUND
      : ok({ attestations: found.map((a) => ({ bundle: a.bundle, repository_id: repo.id })) });
  }),
];

async function contents({ repo, params, query, accept }: RestContext): Promise<RestAnswer> {
  const path = decodeURIComponent(params[0] ?? '');
  const commit = await resolve(repo.path, query.get('ref') ?? repo.defaultBranch);
  const entry = commit === undefined ? undefined : await entryAt(repo.path, commit, path);
  if (entry === undefined || entry.type !== 'blob') return NOT_FOUND;
  const bytes = await blob(repo.path, entry.oid);
  if (accept.includes('raw')) return { status: 200, raw: bytes };
  return ok({
    type: 'file',
    name: path.split('/').at(-1),
    path,
    sha: entry.oid,
    size: bytes.length,
    encoding: 'base64',
    content: bytes.toString('base64'),
  });
}

async function compare({ repo, params, query, url }: RestContext): Promise<RestAnswer> {
  const [base, head] = await Promise.all(params.map((p) => resolve(repo.path, decodeURIComponent(p))));
  if (base === undefined || head === undefined) return NOT_FOUND;
  const counts = (await git(repo.path, ['rev-list', '--left-right', '--count', `${base}...${head}`]))
    .toString()
    .trim()
    .split('\t')
    .map(Number);
  const [behind = 0, ahead = 0] = counts;
  const status = base === head ? 'identical' : ahead > 0 && behind > 0 ? 'diverged' : ahead > 0 ? 'ahead' : 'behind';
  const mergeBase = (await gitRaw(repo.path, ['merge-base', base, head])).stdout.toString().trim();
  const perPage = Number(query.get('per_page') ?? 30);
  const commits = (await log(repo.path, ['--reverse', `${base}..${head}`])).slice(0, perPage);
  return ok({
    status,
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    merge_base_commit: { sha: mergeBase },
    commits: commits.map((c) => commitJson(repo, c, url)),
    files: [],
  });
}

async function createPull({ repo, body, url, token }: RestContext): Promise<RestAnswer> {
  const [head, base] = [text(body.head).replace(/^.*:/, ''), text(body.base)];
  const [headSha, baseSha] = await Promise.all([head, base].map((b) => resolve(repo.path, `refs/heads/${b}`)));
  if (headSha === undefined || baseSha === undefined) return unprocessable('Validation Failed');
  const number = repo.pulls.length + 1;
  const pull: Pull = {
    number,
    title: text(body.title),
    body: text(body.body),
    state: 'open',
    merged: false,
    merge_commit_sha: null,
    head: { ref: head, sha: headSha },
    base: { ref: base, sha: baseSha },
    user: { login: token === 'none' ? '' : token.login },
  };
  repo.pulls.push(pull);
  await git(repo.path, ['update-ref', `refs/pull/${number}/head`, headSha]);
  const merge = await mergeCommit(repo, baseSha, headSha, `Merge ${headSha} into ${baseSha}`);
  if (merge !== undefined) {
    await git(repo.path, ['update-ref', `refs/pull/${number}/merge`, merge]);
    pull.merge_commit_sha = merge;
  }
  return ok(pullJson(repo, pull, url), 201);
}

async function mergePull({ repo, params, body, token }: RestContext): Promise<RestAnswer> {
  const pull = repo.pulls.find((p) => p.number === Number(params[0]));
  if (pull === undefined || token === 'none') return NOT_FOUND;
  if (pull.state !== 'open') return ok({ message: 'Pull Request is not mergeable' }, 405);
  if (text(body.sha) !== '' && body.sha !== pull.head.sha)
    return ok({ message: 'Head branch was modified. Review and try the merge again.' }, 409);
  const refusal = mergeRefusal(repo, pull, token);
  if (refusal !== undefined)
    return ok({ message: refusal, documentation_url: 'https://docs.example.org/rest/pulls' }, 405);
  return repo.exclusive(async () => {
    const ref = `refs/heads/${pull.base.ref}`;
    const baseSha = (await resolve(repo.path, ref)) ?? '';
    const merge = await mergeCommit(
      repo,
      baseSha,
      pull.head.sha,
      `Merge pull request #${pull.number} from ${pull.head.ref}\n\n${pull.title}`,
    );
    if (merge === undefined) return ok({ message: 'Pull Request has merge conflicts' }, 405);
    await git(repo.path, ['update-ref', ref, merge, baseSha]);
    Object.assign(pull, { state: 'closed', merged: true, merge_commit_sha: merge });
    return ok({ sha: merge, merged: true, message: 'Pull Request successfully merged' });
  });
}

async function mergeCommit(repo: Repo, base: string, head: string, message: string): Promise<string | undefined> {
  const tree = await gitRaw(repo.path, ['merge-tree', '--write-tree', base, head]);
  if (tree.code !== 0) return undefined;
  const who = {
    GIT_AUTHOR_NAME: 'forge',
    GIT_AUTHOR_EMAIL: 'noreply@example.org',
    GIT_COMMITTER_NAME: 'forge',
    GIT_COMMITTER_EMAIL: 'noreply@example.org',
  };
  const oid = tree.stdout.toString().split('\n')[0] ?? '';
  return (await git(repo.path, ['commit-tree', oid, '-p', base, '-p', head, '-F', '-'], message, who))
    .toString()
    .trim();
}

function commitJson(repo: Repo, c: CommitInfo, url: string): object {
  const verified = repo.verified.has(c.oid);
  return {
    sha: c.oid,
    html_url: `${url}/${repo.fullName}/commit/${c.oid}`,
    commit: {
      message: c.message,
      tree: { sha: c.tree },
      author: c.author,
      committer: c.committer,
      verification: { verified, reason: verified ? 'valid' : 'unsigned' },
    },
    parents: c.parents.map((sha) => ({ sha })),
  };
}

function pullJson(repo: Repo, pull: Pull, url: string): object {
  return {
    ...pull,
    html_url: `${url}/${repo.fullName}/pull/${pull.number}`,
    head: { ...pull.head, repo: { full_name: repo.fullName } },
    base: { ...pull.base, repo: { full_name: repo.fullName } },
  };
}

function checkOf(body: Record<string, unknown>): Omit<CheckRun, 'id'> {
  const optional = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    name: text(body.name),
    head_sha: text(body.head_sha),
    status: text(body.status) || (body.conclusion === undefined ? 'queued' : 'completed'),
    conclusion: optional(body.conclusion),
    started_at: optional(body.started_at),
    completed_at: optional(body.completed_at),
    details_url: optional(body.details_url),
    output: body.output ?? null,
    external_id: text(body.external_id),
  };
}

// The subjects of the in-toto statement inside a Sigstore bundle's DSSE envelope.
function subjectDigests(bundle: unknown): string[] {
  try {
    const payload = (bundle as { dsseEnvelope: { payload: string } }).dsseEnvelope.payload;
    const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as {
      subject: { digest: { sha256: string } }[];
    };
    return statement.subject.map((s) => `sha256:${s.digest.sha256}`);
  } catch {
    return [];
  }
}
