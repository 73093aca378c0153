/** What all jobs of one run share. */
import { isRecord, type Value } from './evaluate.ts';
import type { ActionResolver } from './resolve.ts';
import type { Slots } from './slots.ts';
import type { RunEvent, RunOptions } from './types.ts';

export interface RunFrame {
  options: RunOptions;
  id: number;
  attempt: number;
  /** Parent of all folders of the run. */
  folder: string;
  artifacts: string;
  /** The github context without what belongs to a job. */
  github: Readonly<Record<string, Value>>;
  /** Whether the run is for a pull request from a fork: no secrets, a token that only reads. */
  fork: boolean;
  signal: AbortSignal;
  slots: Slots;
  resolver: ActionResolver;
  emit(event: RunEvent): void;
  /** Faults around the jobs; any of them makes the run red. */
  errors: string[];
}

/** The parts of the github context that are the same in every job. */
export function githubContext(
  o: RunOptions,
  run: { id: number; attempt: number; workflow: string; workflowRef: string },
): Record<string, Value> {
  const payload = o.event.payload as { readonly [key: string]: Value };
  const pull = o.event.name.startsWith('pull_request') ? record(payload.pull_request) : {};
  const actor = o.actor ?? text(record(payload.sender).login, 'lab');
  return {
    actor,
    triggering_actor: actor,
    api_url: o.forge.apiUrl,
    base_ref: text(record(pull.base).ref, ''),
    event: payload,
    event_name: o.event.name,
    graphql_url: o.forge.graphqlUrl,
    head_ref: text(record(pull.head).ref, ''),
    ref: o.ref,
    ref_name: o.ref.replace(/^refs\/(heads|tags|pull)\//, ''),
    ref_protected: false,
    ref_type: o.ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    repository: o.repo,
    repository_id: String(record(payload.repository).id ?? ''),
    repository_owner: o.repo.split('/')[0] ?? '',
    repository_owner_id: String(record(record(payload.repository).owner).id ?? ''),
    repositoryUrl: `${o.forge.serverUrl.replace(/^http/, 'git')}/${o.repo}.git`,
    retention_days: '90',
    run_attempt: String(run.attempt),
    run_id: String(run.id),
    run_number: String(o.runNumber ?? 1),
    secret_source: 'Actions',
    server_url: o.forge.serverUrl,
    sha: o.sha,
    workflow: run.workflow,
    workflow_ref: run.workflowRef,
    workflow_sha: o.sha,
  };
}

/** Whether the event is a pull request whose head is in another repository. */
export function isFork(o: RunOptions): boolean {
  if (o.event.name !== 'pull_request') return false;
  const payload = o.event.payload as { readonly [key: string]: Value };
  const name = record(record(record(payload.pull_request).head).repo).full_name;
  // A deleted fork has no repository any more: it is a fork all the same.
  return name !== o.repo;
}

/** The commit that checks are shown on: the head of a pull request, not the trial merge. */
export function checkedSha(o: RunOptions): string {
  const payload = o.event.payload as { readonly [key: string]: Value };
  return o.event.name === 'pull_request' ? text(record(record(payload.pull_request).head).sha, o.sha) : o.sha;
}

function record(value: Value): { readonly [key: string]: Value } {
  return isRecord(value) ? value : {};
}

function text(value: Value, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
