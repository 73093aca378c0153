/** Routes: commit statuses, check runs, workflow runs. */
import { invalidField, NOT_FOUND, ok, paged, unprocessable } from '../answer.ts';
import { type CheckRun, type CommitStatus, nextId, type Repo } from '../store.ts';
import type { Token } from '../tokens.ts';
import { type Route, reads, text, writes } from './route.ts';

export const checkRoutes: readonly Route[] = [
  writes('POST', /^\/statuses\/([0-9a-f]{40})$/, 'statuses', async ({ repo, params, body, token }) => {
    const status: CommitStatus = {
      sha: params[0] ?? '',
      state: text(body.state),
      context: text(body.context) || 'default',
      description: text(body.description) || null,
      target_url: text(body.target_url) || null,
      app: appOf(token),
    };
    if (!['error', 'failure', 'pending', 'success'].includes(status.state)) {
      return invalidField('Status', 'state', 'custom');
    }
    if ((await repo.objects.commit(status.sha)) === undefined) {
      return unprocessable(`No commit found for SHA: ${status.sha}`);
    }
    repo.statuses.push(status);
    return ok(status, 201);
  }),
  reads(/^\/commits\/(.+)\/statuses$/, 'statuses', async ({ repo, params, query, self }) => {
    const commit = await repo.find(params[0] ?? '');
    return commit === undefined ? NOT_FOUND : paged(statusesOf(repo, commit.oid), query, self);
  }),
  reads(/^\/commits\/(.+)\/status$/, 'statuses', async ({ repo, params }) => {
    const commit = await repo.find(params[0] ?? '');
    if (commit === undefined) return NOT_FOUND;
    // Only the newest of each context counts.
    const newest = new Map(
      statusesOf(repo, commit.oid)
        .toReversed()
        .map((one) => [one.context, one]),
    );
    const statuses = [...newest.values()];
    const states = statuses.map((one) => one.state);
    const state =
      states.includes('failure') || states.includes('error')
        ? 'failure'
        : states.length > 0 && states.every((one) => one === 'success')
          ? 'success'
          : 'pending';
    return ok({ state, sha: commit.oid, total_count: statuses.length, statuses });
  }),
  writes('POST', /^\/check-runs$/, 'checks', ({ repo, body, token }) => {
    if (text(body.name) === '' || text(body.head_sha) === '') {
      return unprocessable('Invalid request.\n\n"name", "head_sha" weren\'t supplied.');
    }
    // Not looked up: the head of a fork's pull request is a commit that only the fork has here.
    if (!/^[0-9a-f]{40}$/.test(text(body.head_sha))) {
      return unprocessable(`No commit found for SHA: ${text(body.head_sha)}`);
    }
    const problem = checkProblem(body);
    if (problem !== undefined) return unprocessable(problem);
    const check = { ...checkOf(body), id: nextId(), app: appOf(token) };
    repo.checks.push(check);
    return ok(check, 201);
  }),
  writes('PATCH', /^\/check-runs\/(\d+)$/, 'checks', ({ repo, params, body, token }) => {
    const check = repo.checks.find((one) => one.id === Number(params[0]));
    // Only the App that made a check may change it.
    if (check === undefined || (check.app !== null && check.app.id !== token.appId)) return NOT_FOUND;
    const problem = checkProblem(body);
    if (problem !== undefined) return unprocessable(problem);
    Object.assign(check, checkOf({ ...check, ...body }));
    return ok(check);
  }),
  reads(/^\/check-runs\/(\d+)$/, 'checks', ({ repo, params }) => {
    const check = repo.checks.find((one) => one.id === Number(params[0]));
    return check === undefined ? NOT_FOUND : ok(check);
  }),
  reads(/^\/commits\/(.+)\/check-runs$/, 'checks', async ({ repo, params, query, self }) => {
    const commit = await repo.find(params[0] ?? '');
    if (commit === undefined) return NOT_FOUND;
    const name = query.get('check_name');
    const found = repo.checks.filter((one) => one.head_sha === commit.oid && (name === null || one.name === name));
    // `latest` is GitHub's default: one check run of each name and App.
    const newest = new Map(found.map((one) => [`${one.app?.id} ${one.name}`, one]));
    return paged(query.get('filter') === 'all' ? found : [...newest.values()], query, self, 'check_runs');
  }),
  reads(/^\/actions\/runs$/, 'actions', ({ repo, query, self }) => {
    const wanted = (['head_sha', 'event', 'status'] as const).filter((key) => query.has(key));
    const branch = query.get('branch');
    const found = repo.runs.filter(
      (run) =>
        wanted.every((key) => [run[key], key === 'status' ? run.conclusion : ''].includes(query.get(key))) &&
        (branch === null || run.head_branch === branch),
    );
    found.reverse();
    return paged(found, query, self, 'workflow_runs');
  }),
  reads(/^\/actions\/runs\/(\d+)(?:\/attempts\/(\d+))?$/, 'actions', ({ repo, params, url }) => {
    const run = repo.runs.find((one) => one.id === Number(params[0]));
    if (run === undefined || (params[1] && Number(params[1]) !== run.run_attempt)) return NOT_FOUND;
    return ok({ ...run, html_url: `${url}/${repo.fullName}/actions/runs/${run.id}` });
  }),
];

const appOf = (token: Token): { id: number } | null => (token.appId === undefined ? null : { id: token.appId });

// Newest first, as GitHub lists them.
function statusesOf(repo: Repo, sha: string): CommitStatus[] {
  return repo.statuses.filter((one) => one.sha === sha).toReversed();
}

const CONCLUSIONS = [
  'action_required',
  'cancelled',
  'failure',
  'neutral',
  'success',
  'skipped',
  'stale',
  'timed_out',
] as const;

function checkProblem(body: Readonly<Record<string, unknown>>): string | undefined {
  const { conclusion, status, output } = body;
  if (conclusion !== undefined && !CONCLUSIONS.some((one) => one === conclusion)) {
    return `Invalid request.\n\n${String(conclusion)} is not a member of ["${CONCLUSIONS.join('", "')}"].`;
  }
  if (status === 'completed' && conclusion === undefined) {
    return 'Invalid request.\n\nMissing required conclusion for a completed check run.';
  }
  const { annotations = [], title, summary } = (output ?? { title: '', summary: '' }) as Record<string, unknown>;
  if (typeof title !== 'string' || typeof summary !== 'string') {
    return 'Invalid request.\n\n"title", "summary" weren\'t supplied.';
  }
  if (Array.isArray(annotations) && annotations.length > 50) {
    return 'Invalid request.\n\nNo more than 50 items are allowed in annotations.';
  }
  return undefined;
}

function checkOf(body: Readonly<Record<string, unknown>>): Omit<CheckRun, 'id' | 'app'> {
  const optional = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    name: text(body.name),
    head_sha: text(body.head_sha),
    // A conclusion alone completes a check run.
    status: optional(body.conclusion) === null ? text(body.status) || 'queued' : 'completed',
    conclusion: optional(body.conclusion),
    started_at: optional(body.started_at),
    completed_at: optional(body.completed_at),
    details_url: optional(body.details_url),
    output: body.output ?? null,
    external_id: text(body.external_id),
  };
}
