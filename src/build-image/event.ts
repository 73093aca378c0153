/** What the event says that started the run. */
import type { Env } from '../runner/index.ts';

export type Tier = 'trusted' | 'pr';

export interface EventFacts {
  name: string;
  tier: Tier;
  branch?: string;
  gitTag?: string;
  /** Number of the pull request, where there is one. */
  pr?: number;
  defaultBranch?: string;
  /** The commit the event speaks of, and its time in unix seconds. */
  commit?: { id: string; time: number };
  repository: { url: string; name: string; description: string; license: string };
}

interface Payload {
  pull_request?: { number?: unknown };
  issue?: { number?: unknown };
  head_commit?: { id?: unknown; timestamp?: unknown } | null;
  workflow_run?: { event?: unknown; pull_requests?: { number?: unknown }[] };
  repository?: {
    html_url?: unknown;
    name?: unknown;
    description?: unknown;
    default_branch?: unknown;
    license?: { spdx_id?: unknown } | null;
  };
}

const PR_EVENTS = new Set(['pull_request', 'pull_request_target', 'issue_comment']);

/** @param payload content of the event file, any JSON */
export function readEvent(env: Env, payload: unknown): EventFacts {
  const event = (typeof payload === 'object' && payload !== null ? payload : {}) as Payload;
  const name = env.GITHUB_EVENT_NAME ?? '';
  const ref = env.GITHUB_REF ?? '';
  const origin = text(event.workflow_run?.event);
  const fromPr = PR_EVENTS.has(name) || (name === 'workflow_run' && PR_EVENTS.has(origin));
  const number = event.pull_request?.number ?? event.issue?.number ?? event.workflow_run?.pull_requests?.[0]?.number;
  const time = Date.parse(text(event.head_commit?.timestamp)) / 1000;
  const fallback = env.GITHUB_REPOSITORY
    ? `${env.GITHUB_SERVER_URL ?? 'https://github.com'}/${env.GITHUB_REPOSITORY}`
    : '';
  const { repository } = event;
  return {
    name,
    tier: fromPr ? 'pr' : 'trusted',
    ...(ref.startsWith('refs/heads/') ? { branch: ref.slice('refs/heads/'.length) } : {}),
    ...(ref.startsWith('refs/tags/') ? { gitTag: ref.slice('refs/tags/'.length) } : {}),
    ...(typeof number === 'number' && fromPr ? { pr: number } : {}),
    ...(typeof repository?.default_branch === 'string' ? { defaultBranch: repository.default_branch } : {}),
    ...(Number.isNaN(time) ? {} : { commit: { id: text(event.head_commit?.id), time } }),
    repository: {
      url: text(repository?.html_url) || fallback,
      name: text(repository?.name) || (env.GITHUB_REPOSITORY ?? '').replace(/^.*\//, ''),
      description: text(repository?.description),
      license: text(repository?.license?.spdx_id),
    },
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
