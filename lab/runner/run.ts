/** A run of a workflow from its event to its conclusion. */
import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispatchInputs } from './call.ts';
import { concurrencyGroup } from './concurrency.ts';
import type { Value } from './evaluate.ts';
import { githubContext, isFork, type RunFrame } from './frame.ts';
import { runJobs } from './jobs.ts';
import { openRun } from './open.ts';
import { actionResolver } from './resolve.ts';
import { slots } from './slots.ts';
import { labStandins } from './standins.ts';
import { loadTree, type WorkflowNode } from './tree.ts';
import type { Artifact, Run, RunOptions } from './types.ts';

/**
 * Runs a workflow on this machine as GitHub would for the event.
 * Always answers with a Run: faults of the workflow are in it (`startup_failure`, `failure`), only faults of the machine
 * (no disk, no such folder) are thrown.
 */
export async function runWorkflow(o: RunOptions): Promise<Run> {
  const { id, attempt, emit, finish } = openRun(o);
  const { node, errors } = await loadTree({
    repositories: o.repositories,
    repo: o.repo,
    sha: o.sha,
    file: o.file,
    event: o.event.name,
    defaultPermissions: o.defaultPermissions ?? 'read',
  });
  emit({ type: 'run-started', run: id, name: node?.file.name ?? o.file });
  if (node === undefined) return finish({ name: o.file, conclusion: 'startup_failure', errors });

  const name = node.file.name ?? o.file;
  const folder = o.workDir ?? (await mkdtemp(join(tmpdir(), 'lab-run-')));
  const artifacts = join(folder, `artifacts-${id}`);
  await mkdir(artifacts, { recursive: true });
  const frame: RunFrame = {
    options: o,
    id,
    attempt,
    folder,
    artifacts,
    github: githubContext(o, { id, attempt, workflow: name, workflowRef: `${o.repo}/${o.file}@${o.ref}` }),
    fork: isFork(o),
    signal: o.signal ?? new AbortController().signal,
    slots: slots(o.parallel ?? 2),
    resolver: actionResolver({ repositories: o.repositories, standins: o.standins ?? labStandins() }),
    emit,
    errors: [],
  };
  const inputs = topInputs(node, o, frame);
  const { jobs, conclusion: result } = await runJobs({
    frame,
    node,
    prefix: '',
    inputs,
    secrets: frame.fork ? {} : (o.secrets ?? {}),
    signal: frame.signal,
    top: true,
  });
  // A run that a person cancelled is cancelled, whatever its clean-up jobs say; one that had ended well before stays green.
  const cancelled = frame.signal.aborted && result !== 'success';
  const conclusion = cancelled ? 'cancelled' : frame.errors.length > 0 ? 'failure' : result;
  const scope = { contexts: { github: frame.github, inputs, vars: o.vars ?? {} } };
  return finish({
    name,
    conclusion,
    errors: frame.errors,
    ...(node.file.concurrency !== undefined && { concurrency: concurrencyGroup(node.file.concurrency, scope) }),
    jobs,
    artifacts: await artifactsIn(artifacts),
  });
}

function topInputs(node: WorkflowNode, o: RunOptions, frame: RunFrame): Record<string, Value> {
  if (o.event.name !== 'workflow_dispatch' || node.file.dispatch === undefined) return {};
  const given = (o.event.payload.inputs ?? {}) as Readonly<Record<string, unknown>>;
  return dispatchInputs(node.file.dispatch, given, { contexts: { github: frame.github, vars: o.vars ?? {} } });
}

async function artifactsIn(folder: string): Promise<Artifact[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, folder: join(folder, entry.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
