/** A run of a workflow by nektos/act, told in the words of the lab's own runner. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkedSha, githubContext, isFork } from '../runner/frame.ts';
import { labStandins, type Run, type RunEvent, type RunOptions } from '../runner/index.ts';
import type { Permissions } from '../runner/model.ts';
import { openRun } from '../runner/open.ts';
import { readOnly, tokenPermissions } from '../runner/permissions.ts';
import { loadTree, type WorkflowNode } from '../runner/tree.ts';
import type { Conclusion } from '../runner/types.ts';
import { type ActCommand, actCommand } from './command.ts';
import { actLog, type JobRecord, type LogEvent } from './log.ts';
import { checkName, findPlace, topPlace } from './places.ts';
import { conclusionOf, isGuard, replayJobs } from './replay.ts';
import { standinTrees, suiteTree } from './trees.ts';

export interface ActOptions
  extends Pick<
    RunOptions,
    | 'repo'
    | 'file'
    | 'event'
    | 'ref'
    | 'sha'
    | 'forge'
    | 'repositories'
    | 'standins'
    | 'secrets'
    | 'vars'
    | 'env'
    | 'signal'
    | 'onEvent'
    | 'workDir'
    | 'actor'
    | 'runId'
    | 'attempt'
  > {
  /** Path of act. */
  act: string;
  /** `owner/name` of the suite, and the refs that callers name it by. */
  suite: { name: string; refs: readonly string[] };
}

/** After this long act is ended by force. */
const GRACE_MS = 30_000;

/**
 * Runs a workflow by act, every job on this machine, one after the other. What act does not know has no effect: permissions of
 * single jobs (one token has those of all), environments, concurrency, time limits of jobs. A red called workflow ends the
 * run: jobs of its caller that would look at it never start.
 */
export async function runWithAct(o: ActOptions): Promise<Run> {
  const { id, attempt, emit, finish } = openRun(o);
  const { node, errors } = await loadTree({
    repositories: o.repositories,
    repo: o.repo,
    sha: o.sha,
    file: o.file,
    event: o.event.name,
    defaultPermissions: 'read',
  });
  const name = node?.file.name ?? o.file;
  emit({ type: 'run-started', run: id, name });
  if (node === undefined) return finish({ name, conclusion: 'startup_failure', errors });

  const parent = o.workDir ?? (await mkdtemp(join(tmpdir(), 'lab-act-')));
  const artifacts = join(parent, `artifacts-${id}`);
  await mkdir(artifacts, { recursive: true });
  const folder = await mkdtemp(join(parent, 'act-'));
  try {
    const fork = isFork(o);
    const secrets = fork ? {} : (o.secrets ?? {});
    const command = await actCommand({
      options: o,
      folder,
      workflow: (await node.repository.read(o.file)) ?? '',
      runId: id,
      attempt,
      actor: o.actor ?? 'lab',
      secrets: { ...secrets, GITHUB_TOKEN: await o.forge.mintToken(tokenPermissions(allPermissions(node, fork))) },
      artifacts,
      trees: {
        ...(await suiteTree({ folder: join(folder, 'suite'), ...o.suite })),
        ...(await standinTrees(join(folder, 'standins'), o.standins ?? labStandins())),
      },
    });
    const checks = teller(o, node, emit);
    const log = actLog(checks.take);
    const end = await execute(o.act, command, folder, log.take, o.signal);
    const problems = await checks.settle();
    const github = githubContext(o, { id, attempt, workflow: name, workflowRef: `${o.repo}/${o.file}@${o.ref}` });
    const { jobs, conclusion } = replayJobs({
      place: topPlace(node),
      records: log.jobs,
      base: { github, vars: o.vars ?? {} },
      inputs: {},
      secrets: { ...secrets, GITHUB_TOKEN: '' },
    });
    // A run that ended before its first job has only act's own words to explain it.
    if (end.code !== 0 && (log.jobs.length === 0 || conclusion === 'success')) problems.push(`act: ${end.said}`);
    const red = end.code !== 0 || problems.length > 0;
    return finish({
      name,
      conclusion: o.signal?.aborted ? 'cancelled' : red ? 'failure' : conclusion,
      errors: problems,
      jobs,
      artifacts: (await readdir(artifacts)).sort().map((entry) => ({ name: entry, folder: join(artifacts, entry) })),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** act knows one token for all jobs: it may what any of them may. */
function allPermissions(node: WorkflowNode, fork: boolean): Permissions {
  const all: Record<string, Permissions[string]> = {};
  const add = ({ permissions, calls }: WorkflowNode): void => {
    for (const granted of permissions.values()) {
      for (const [scope, level] of Object.entries(granted)) if (all[scope] !== 'write') all[scope] = level;
    }
    for (const callee of calls.values()) add(callee);
  };
  add(node);
  return fork ? readOnly(all) : all;
}

/** Hands on what the log tells: events by GitHub's names of the jobs, and their check runs to the forge. */
function teller(
  o: ActOptions,
  node: WorkflowNode,
  emit: (event: RunEvent) => void,
): { take(event: LogEvent): void; settle(): Promise<string[]> } {
  const top = topPlace(node);
  const problems: string[] = [];
  let posted: Promise<unknown> = Promise.resolve();
  const nameOf = (job: JobRecord): string => {
    const found = findPlace(top, job);
    return found === undefined ? job.path : checkName(found.place, found.def, job);
  };
  const post = (job: JobRecord, conclusion?: Conclusion): void => {
    const name = nameOf(job);
    const facts = { name, headSha: checkedSha(o), startedAt: new Date(job.started).toISOString() };
    const summary = job.steps.map((step) => step.summary).filter((text) => text !== '');
    const check =
      conclusion === undefined
        ? { ...facts, status: 'in_progress' as const }
        : {
            ...facts,
            status: 'completed' as const,
            conclusion,
            completedAt: new Date(job.ended).toISOString(),
            summary: summary.join('\n\n'),
            annotations: job.steps.flatMap((step) => step.annotations),
          };
    // In turn, so that the end of a job never overtakes its start.
    posted = posted
      .then(() => o.forge.checkRun?.(check))
      .catch((error: unknown) => {
        problems.push(`check run "${name}" could not be posted: ${(error as Error).message}`);
      });
  };
  return {
    take(event) {
      // Guards are no steps of the workflow.
      if ('step' in event && isGuard(event.step)) return;
      const job = nameOf(event.job);
      if (event.type === 'job-started') {
        emit({ type: event.type, job });
        post(event.job);
      } else if (event.type === 'job-ended') {
        const conclusion = conclusionOf(event.job);
        emit({ type: event.type, job, conclusion, seconds: (event.job.ended - event.job.started) / 1000 });
        post(event.job, conclusion);
      } else if (event.type === 'step-started') {
        emit({ type: event.type, job, step: event.step.name });
      } else if (event.type === 'step-ended') {
        const { conclusion, step } = event;
        emit({ type: event.type, job, step: step.name, conclusion, seconds: step.seconds });
      } else if (event.type === 'log') {
        emit({ type: event.type, job, step: event.step.name, line: event.line });
      } else {
        emit({ type: event.type, job, step: event.step.name, annotation: event.annotation });
      }
    },
    async settle() {
      await posted;
      return problems;
    },
  };
}

/** Ended as a person would by the signal, and by force when that does not help. */
async function execute(
  act: string,
  command: ActCommand,
  cwd: string,
  onLine: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<{ code: number; said: string }> {
  const child = spawn(act, command.args, { cwd, env: command.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2000);
  });
  let force: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGINT');
    force = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const closed = new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  });
  try {
    const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on('line', onLine);
    return { code: await closed, said: said.trim().split('\n').at(-1) ?? '' };
  } finally {
    clearTimeout(force);
    signal?.removeEventListener('abort', stop);
  }
}
