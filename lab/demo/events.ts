/** The events that GitHub would send for the service repository, as far as the workflows read them. */
import type { WorkflowRun } from '../forge/store.ts';
import type { Run, RunOptions } from '../runner/index.ts';
import type { PullRequest } from './developer.ts';
import { SERVICE } from './seed.ts';

export interface DemoEvent {
  name: string;
  ref: string;
  sha: string;
  payload: Readonly<Record<string, unknown>>;
}

const [owner = '', name = ''] = SERVICE.split('/');
const repository = {
  full_name: SERVICE,
  name,
  owner: { login: owner },
  default_branch: 'main',
  fork: false,
  private: false,
};

/** A push to main whose head is `sha`. */
export function pushEvent(sha: string): DemoEvent {
  const ref = 'refs/heads/main';
  const head_commit = { id: sha, timestamp: new Date().toISOString() };
  return {
    name: 'push',
    ref,
    sha,
    payload: { ref, after: sha, before: '0'.repeat(40), repository, head_commit },
  };
}

/** A pull request of the repository itself, run at its merge commit. */
export function pullRequestEvent(pull: PullRequest): DemoEvent {
  const { number } = pull;
  const pull_request = {
    ...pull,
    head: { ...pull.head, repo: repository },
    base: { ...pull.base, repo: repository },
  };
  return {
    name: 'pull_request',
    ref: `refs/pull/${number}/merge`,
    sha: pull.merge_commit_sha,
    payload: { action: 'opened', number, pull_request, repository },
  };
}

/** A run that has ended, as the forge shows it. */
export function runFact(run: Run, { file, ref }: Pick<RunOptions, 'file' | 'ref'>): WorkflowRun {
  return {
    id: run.id,
    name: run.name,
    path: file,
    event: run.event,
    run_attempt: run.attempt,
    status: 'completed',
    conclusion: run.conclusion,
    head_sha: run.sha,
    head_branch: ref.replace(/^refs\/heads\//, ''),
  };
}
