/** Routes: pull requests, their reviews, merging, issue comments. */
import { type Answer, invalidField, NOT_FOUND, ok, paged, refusal, unprocessable } from '../answer.ts';
import { changedFiles, compare } from '../history.ts';
import { mergePull, refreshPulls } from '../pulls.ts';
import { nextId, type Pull, type Repo } from '../store.ts';
import { type RestContext, type Route, reads, text, type WriteContext, writes } from './route.ts';
import { commitJson, pullJson } from './shapes.ts';

export const pullRoutes: readonly Route[] = [
  writes('POST', /^\/pulls$/, 'pull_requests', createPull),
  reads(/^\/pulls$/, 'pull_requests', listPulls),
  reads(/^\/pulls\/(\d+)$/, 'pull_requests', async (c) => {
    const pull = await fresh(c);
    return pull === undefined ? NOT_FOUND : ok(pullJson(c.repo, pull, c.url));
  }),
  writes('PATCH', /^\/pulls\/(\d+)$/, 'pull_requests', async (c) => {
    const pull = await fresh(c);
    if (pull === undefined) return NOT_FOUND;
    const { title, body, state } = c.body;
    if (state !== undefined && (pull.merged || (state !== 'open' && state !== 'closed'))) {
      return invalidField('PullRequest', 'state', 'invalid');
    }
    if (typeof title === 'string') pull.title = title;
    if (typeof body === 'string') pull.body = body;
    if (state === 'open' || state === 'closed') pull.state = state;
    if (pull.state === 'closed') c.repo.autoMerges.delete(pull.number);
    return ok(pullJson(c.repo, pull, c.url));
  }),
  reads(/^\/pulls\/(\d+)\/files$/, 'pull_requests', async (c) => {
    const pull = await fresh(c);
    const found = pull === undefined ? undefined : await compare(c.repo.path, pull.base.sha, pull.head.sha);
    if (pull === undefined || found === undefined) return NOT_FOUND;
    return paged(await changedFiles(c.repo.path, found.mergeBase, pull.head.sha), c.query, c.self);
  }),
  reads(/^\/pulls\/(\d+)\/commits$/, 'pull_requests', async (c) => {
    const pull = await fresh(c);
    const found = pull === undefined ? undefined : await compare(c.repo.path, pull.base.sha, pull.head.sha);
    if (found === undefined) return NOT_FOUND;
    const commits = await Promise.all(found.ahead.map((oid) => c.repo.objects.commit(oid)));
    return paged(
      commits.flatMap((commit) => (commit === undefined ? [] : [commitJson(c.repo, commit, c.url)])),
      c.query,
      c.self,
    );
  }),
  writes('POST', /^\/pulls\/(\d+)\/reviews$/, 'pull_requests', async (c) => {
    const pull = await fresh(c);
    if (pull === undefined) return NOT_FOUND;
    const states: Record<string, string> = {
      APPROVE: 'APPROVED',
      REQUEST_CHANGES: 'CHANGES_REQUESTED',
      COMMENT: 'COMMENTED',
    };
    const state = states[text(c.body.event)];
    if (state === undefined) return unprocessable('Unprocessable Entity: event is missing or not valid');
    if (state === 'APPROVED' && pull.user.login === c.token.login) {
      return unprocessable('Unprocessable Entity: Can not approve your own pull request');
    }
    const review = {
      id: nextId(),
      pull: pull.number,
      state,
      commit_id: pull.head.sha,
      body: text(c.body.body),
      user: { login: c.token.login },
    };
    c.repo.reviews.push(review);
    return ok(review);
  }),
  reads(/^\/pulls\/(\d+)\/reviews$/, 'pull_requests', (c) =>
    paged(
      c.repo.reviews.filter((review) => review.pull === Number(c.params[0])),
      c.query,
      c.self,
    ),
  ),
  writes('PUT', /^\/pulls\/(\d+)\/merge$/, 'contents', async (c) => {
    const pull = await fresh(c);
    if (pull === undefined) return NOT_FOUND;
    const done = await mergePull(c.repo, pull, c.token, {
      sha: text(c.body.sha),
      method: text(c.body.merge_method) || 'merge',
      title: text(c.body.commit_title),
      message: text(c.body.commit_message),
    });
    if ('status' in done) return refusal(done.status, done.message);
    return ok({ sha: done.sha, merged: true, message: 'Pull Request successfully merged' });
  }),
  writes('POST', /^\/issues\/(\d+)\/comments$/, 'issues|pull_requests', ({ repo, params, body, token }) => {
    if (text(body.body) === '') return invalidField('IssueComment', 'body', 'missing_field');
    const comment = {
      id: nextId(),
      issue: Number(params[0]),
      body: text(body.body),
      user: { login: token.login },
    };
    repo.comments.push(comment);
    return ok(comment, 201);
  }),
  writes('PATCH', /^\/issues\/comments\/(\d+)$/, 'issues|pull_requests', ({ repo, params, body }) => {
    const comment = repo.comments.find((one) => one.id === Number(params[0]));
    if (comment === undefined) return NOT_FOUND;
    comment.body = text(body.body);
    return ok(comment);
  }),
  reads(/^\/issues\/(\d+)\/comments$/, 'issues|pull_requests', ({ repo, params, query, self }) =>
    paged(
      repo.comments.filter((one) => one.issue === Number(params[0])),
      query,
      self,
    ),
  ),
];

async function fresh({ repo, params }: RestContext): Promise<Pull | undefined> {
  await refreshPulls(repo);
  return repo.pulls.find((pull) => pull.number === Number(params[0]));
}

const branchName = (repo: Repo, value: string): string =>
  value.startsWith(`${repo.owner}:`) ? value.slice(repo.owner.length + 1) : value;

async function createPull({ repo, body, url, token }: WriteContext): Promise<Answer> {
  const [head, base] = [branchName(repo, text(body.head)), text(body.base)];
  const headCommit = await repo.tip(`refs/heads/${head}`);
  const baseCommit = await repo.tip(`refs/heads/${base}`);
  if (text(body.title) === '') return invalidField('PullRequest', 'title', 'missing_field');
  if (headCommit === undefined) return invalidField('PullRequest', 'head', 'invalid');
  if (baseCommit === undefined) return invalidField('PullRequest', 'base', 'invalid');
  const problem = async (): Promise<string | undefined> => {
    if (repo.pulls.some((pull) => pull.state === 'open' && pull.head.ref === head && pull.base.ref === base)) {
      return `A pull request already exists for ${repo.owner}:${head}.`;
    }
    const found = await compare(repo.path, baseCommit.oid, headCommit.oid);
    return found?.ahead.length === 0 ? `No commits between ${base} and ${head}` : undefined;
  };
  const message = await problem();
  if (message !== undefined) {
    const errors = [{ resource: 'PullRequest', code: 'custom', message }];
    return ok({ message: 'Validation Failed', errors, status: '422' }, 422);
  }
  const pull: Pull = {
    number: repo.pulls.length + 1,
    title: text(body.title),
    body: text(body.body),
    state: 'open',
    draft: body.draft === true,
    merged: false,
    merged_at: null,
    merge_commit_sha: null,
    mergeable: null,
    head: { ref: head, sha: headCommit.oid },
    base: { ref: base, sha: baseCommit.oid },
    user: { login: token.login },
  };
  repo.pulls.push(pull);
  await refreshPulls(repo);
  return ok(pullJson(repo, pull, url), 201);
}

async function listPulls({ repo, query, url, self }: RestContext): Promise<Answer> {
  await refreshPulls(repo);
  const state = query.get('state') ?? 'open';
  const [head, base] = [query.get('head'), query.get('base')];
  const found = repo.pulls.filter(
    (pull) =>
      (state === 'all' || pull.state === state) &&
      (head === null || `${repo.owner}:${pull.head.ref}` === head || !head.includes(':')) &&
      (base === null || pull.base.ref === base),
  );
  found.reverse();
  return paged(
    found.map((pull) => pullJson(repo, pull, url)),
    query,
    self,
  );
}
