/** The jobs of one workflow: needs, conditions, matrices, calls, results. */
import { callInputs, callOutputs, callSecrets } from './call.ts';
import { postCheck, postEnd } from './checks.ts';
import { evaluateCondition, evaluateString, evaluateToken, type Scope, type Value } from './evaluate.ts';
import type { RunFrame } from './frame.ts';
import { isBasicExpression } from './grammar.ts';
import { runJob } from './job.ts';
import { planStrategy, type Strategy } from './matrix.ts';
import type { JobDef, Permissions } from './model.ts';
import { readOnly } from './permissions.ts';
import { slots } from './slots.ts';
import type { WorkflowNode } from './tree.ts';
import type { Conclusion, JobRun } from './types.ts';

/** What a workflow is run with. */
export interface Call {
  frame: RunFrame;
  node: WorkflowNode;
  /** Names of the calling jobs: `deliver / `, or ''. */
  prefix: string;
  inputs: Readonly<Record<string, Value>>;
  secrets: Readonly<Record<string, string>>;
  signal: AbortSignal;
  top: boolean;
}

interface Result {
  result: Conclusion;
  outputs: Readonly<Record<string, string>>;
}

interface JobsEnd {
  jobs: JobRun[];
  conclusion: Conclusion;
  /** Of `on.workflow_call.outputs`. */
  outputs: Record<string, string>;
}

/** Runs all jobs to their end, whatever happens to them. */
export async function runJobs(call: Call): Promise<JobsEnd> {
  const results = new Map<string, Result>();
  const running = new Map<string, Promise<JobRun>>();
  const start = async (def: JobDef): Promise<JobRun> => {
    // The parser has refused circles and unknown names.
    await Promise.all(def.needs.map((need) => running.get(need)));
    const job = await new JobRunner(call, def, results).run();
    results.set(def.id, { result: toleratedResult(call, def, job), outputs: job.outputs });
    return job;
  };
  for (const def of inOrder(call.node.file.jobs)) running.set(def.id, start(def));
  const jobs = await Promise.all(call.node.file.jobs.map(async (def) => (await running.get(def.id)) as JobRun));
  const scope: Scope = {
    contexts: { ...baseContexts(call), jobs: Object.fromEntries(results) as unknown as Value },
  };
  const conclusion = combine([...results.values()].map(({ result }) => result));
  return { jobs, conclusion, outputs: callOutputs(call.node.file, scope) };
}

/** Jobs after those they need, so that each finds the promises it waits for. */
function inOrder(jobs: readonly JobDef[]): JobDef[] {
  const sorted: JobDef[] = [];
  const place = (job: JobDef): void => {
    if (sorted.includes(job)) return;
    for (const need of job.needs) {
      const needed = jobs.find((other) => other.id === need);
      if (needed !== undefined) place(needed);
    }
    sorted.push(job);
  };
  for (const job of jobs) place(job);
  return sorted;
}

/** success: all succeeded; skipped: none ran; a failure outweighs a cancellation. */
function combine(conclusions: readonly Conclusion[]): Conclusion {
  if (conclusions.includes('failure')) return 'failure';
  if (conclusions.includes('cancelled')) return 'cancelled';
  return conclusions.every((conclusion) => conclusion === 'skipped') ? 'skipped' : 'success';
}

function baseContexts(call: Call): Record<string, Value> {
  return {
    github: call.frame.github,
    inputs: call.inputs,
    vars: call.frame.options.vars ?? {},
  };
}

/** A job with continue-on-error that failed counts as a success for the jobs after it and for the run. */
function toleratedResult(call: Call, def: JobDef, job: JobRun): Conclusion {
  return job.conclusion === 'failure' && tolerates(call, def, {}) ? 'success' : job.conclusion;
}

function tolerates(call: Call, def: JobDef, contexts: Readonly<Record<string, Value>>): boolean {
  if (def.continueOnError === undefined) return false;
  const none = { needs: {}, matrix: {}, strategy: {} };
  return evaluateToken(def.continueOnError, { contexts: { ...baseContexts(call), ...none, ...contexts } }) === true;
}

interface CellPlan {
  matrix: Readonly<Record<string, Value>>;
  name: string;
  contexts: Readonly<Record<string, Value>>;
  signal: AbortSignal;
}

class JobRunner {
  readonly #call: Call;
  readonly #def: JobDef;
  readonly #results: ReadonlyMap<string, Result>;
  readonly #startedAt = new Date().toISOString();
  readonly #start = performance.now();

  constructor(call: Call, def: JobDef, results: ReadonlyMap<string, Result>) {
    this.#call = call;
    this.#def = def;
    this.#results = results;
  }

  async run(): Promise<JobRun> {
    const { frame, prefix, signal } = this.#call;
    const contexts = { ...baseContexts(this.#call), needs: this.#needs() };
    const plain = `${prefix}${this.#plainName(contexts)}`;
    try {
      if (!this.#wanted(contexts)) return await this.#skip(plain);
      if (this.#def.strategy === undefined) {
        return await this.#cell({ matrix: {}, name: plain, contexts: { ...contexts, ...ONE_CELL }, signal }, contexts);
      }
      const value = evaluateToken(this.#def.strategy, { contexts });
      return await this.#cells(planStrategy(value, plain), contexts);
    } catch (error) {
      const job = this.#job(plain, 'failure', { reason: (error as Error).message });
      frame.errors.push(`${plain}: ${(error as Error).message}`);
      await postEnd(frame, job);
      return job;
    }
  }

  /** The condition, over all jobs before this one in the workflow, not only those it names. */
  #wanted(contexts: Readonly<Record<string, Value>>): boolean {
    const { signal } = this.#call;
    const before = [...this.#ancestors(this.#def)].map((id) => this.#results.get(id)?.result);
    return evaluateCondition(this.#def.if, {
      contexts,
      status: {
        success: () => !signal.aborted && before.every((result) => result === 'success'),
        failure: () => before.includes('failure'),
        cancelled: () => signal.aborted,
      },
    });
  }

  #ancestors(def: JobDef): Set<string> {
    const found = new Set<string>();
    for (const need of def.needs) {
      found.add(need);
      const job = this.#call.node.file.jobs.find((other) => other.id === need);
      if (job !== undefined) for (const id of this.#ancestors(job)) found.add(id);
    }
    return found;
  }

  #needs(): Value {
    return Object.fromEntries(this.#def.needs.map((id) => [id, this.#results.get(id)])) as unknown as Value;
  }

  /** The name without values of a matrix; one that cannot be said yet is the job's id. */
  #plainName(contexts: Readonly<Record<string, Value>>): string {
    const { id, name } = this.#def;
    if (name === undefined) return id;
    try {
      return evaluateString(name, { contexts: { ...contexts, ...ONE_CELL, matrix: {} } }) || id;
    } catch {
      return id;
    }
  }

  /** What does not run because the run was cancelled is cancelled; what its condition refuses is skipped. */
  async #skip(name: string): Promise<JobRun> {
    const { frame, signal } = this.#call;
    const ready = this.#def.needs.every((id) => this.#results.get(id)?.result === 'success');
    const job = this.#job(name, signal.aborted && ready ? 'cancelled' : 'skipped', {});
    await postEnd(frame, job);
    frame.emit({ type: 'job-ended', job: name, conclusion: job.conclusion, seconds: 0 });
    return job;
  }

  async #cells(strategy: Strategy, contexts: Readonly<Record<string, Value>>): Promise<JobRun> {
    const { signal, prefix } = this.#call;
    const stop = new AbortController();
    const places = slots(Math.min(strategy.maxParallel, strategy.cells.length));
    const outputs: Record<string, string> = {};
    const run = async (cell: Strategy['cells'][number], index: number): Promise<JobRun> => {
      const own = {
        ...contexts,
        matrix: cell.matrix,
        strategy: {
          'fail-fast': strategy.failFast,
          'job-index': index,
          'job-total': strategy.cells.length,
          'max-parallel': Number.isFinite(strategy.maxParallel) ? strategy.maxParallel : strategy.cells.length,
        },
      };
      const plan: CellPlan = { matrix: cell.matrix, name: cell.name, contexts: own, signal: this.#joined(stop.signal) };
      const { name } = this.#def;
      // A name with an expression says itself which cell it is.
      if (name !== undefined && isBasicExpression(name))
        plan.name = `${prefix}${evaluateString(name, { contexts: own })}`;
      if (stop.signal.aborted || (signal.aborted && !this.#wanted(contexts))) return this.#cancelledCell(plan);
      const job = await this.#cell(plan, contexts);
      for (const [key, value] of Object.entries(job.outputs)) outputs[key] = value;
      if (job.conclusion === 'failure' && strategy.failFast && !tolerates(this.#call, this.#def, own)) stop.abort();
      return job;
    };
    const jobs = await Promise.all(strategy.cells.map((cell, index) => places.take(() => run(cell, index))));
    const conclusion = combine(jobs.map((job) => job.conclusion));
    return { ...this.#job(`${prefix}${this.#def.id}`, conclusion, {}), outputs, jobs, annotations: [] };
  }

  /** The signal of the call, also aborted by fail-fast; one that is over already cancels nothing that starts now. */
  #joined(stop: AbortSignal): AbortSignal {
    return AbortSignal.any([this.#call.signal, stop]);
  }

  async #cancelledCell(plan: CellPlan): Promise<JobRun> {
    const job = { ...this.#job(plan.name, 'cancelled', {}), matrix: plan.matrix };
    await postEnd(this.#call.frame, job);
    return job;
  }

  async #cell(plan: CellPlan, contexts: Readonly<Record<string, Value>>): Promise<JobRun> {
    return this.#def.call === undefined ? this.#leaf(plan, contexts) : this.#called(plan);
  }

  async #called(plan: CellPlan): Promise<JobRun> {
    const { frame, node, secrets } = this.#call;
    const callee = node.calls.get(this.#def.id);
    if (callee === undefined) throw new Error(`job ${this.#def.id}: its workflow was not loaded`);
    const scope: Scope = { contexts: plan.contexts };
    const inputs = callInputs(callee.file, this.#def, scope);
    const passed = callSecrets(callee.file, this.#def, secrets, { contexts: { ...plan.contexts, secrets } });
    const { jobs, conclusion, outputs } = await runJobs({
      frame,
      node: callee,
      prefix: `${plan.name} / `,
      inputs,
      secrets: passed,
      signal: plan.signal,
      top: false,
    });
    const group = callee.file.concurrency;
    return {
      ...this.#job(plan.name, conclusion, {}),
      ...(group !== undefined && { concurrency: concurrencyGroup(group, { contexts: { ...plan.contexts, inputs } }) }),
      matrix: plan.matrix,
      outputs,
      jobs,
    };
  }

  async #leaf(plan: CellPlan, contexts: Readonly<Record<string, Value>>): Promise<JobRun> {
    const { frame, node, secrets, top } = this.#call;
    return frame.slots.take(async () => {
      const { signal } = plan;
      // Cancelled while it waited for a machine: it runs only if its condition still wants it.
      if (signal.aborted && !this.#wanted(contexts)) return this.#cancelledCell(plan);
      const startedAt = new Date().toISOString();
      const start = performance.now();
      await postCheck(frame, { name: plan.name, status: 'in_progress', startedAt });
      frame.emit({ type: 'job-started', job: plan.name });
      const end = await runJob({
        frame,
        node,
        def: this.#def,
        name: plan.name,
        contexts: plan.contexts,
        secrets,
        declaredSecrets: top
          ? undefined
          : new Set([...(node.file.call?.secrets.keys() ?? [])].map((name) => name.toUpperCase())),
        permissions: this.#permissions(),
        // A job that starts after the cancel is not cancelled by it.
        signal: signal.aborted ? new AbortController().signal : signal,
      });
      const seconds = (performance.now() - start) / 1000;
      const { concurrency } = this.#def;
      const job: JobRun = {
        ...this.#job(plan.name, end.conclusion, {}),
        ...end,
        ...(concurrency !== undefined && { concurrency: concurrencyGroup(concurrency, { contexts: plan.contexts }) }),
        matrix: plan.matrix,
        startedAt,
        seconds,
      };
      await postEnd(frame, job);
      frame.emit({ type: 'job-ended', job: plan.name, conclusion: job.conclusion, seconds });
      return job;
    });
  }

  #permissions(): Permissions {
    const permissions = this.#call.node.permissions.get(this.#def.id) ?? {};
    return this.#call.frame.fork ? readOnly(permissions) : permissions;
  }

  #job(name: string, conclusion: Conclusion, more: { reason?: string }): JobRun {
    return {
      id: this.#def.id,
      name,
      workflow: this.#call.node.label,
      conclusion,
      ...more,
      permissions: this.#permissions(),
      runsOn: [],
      outputs: {},
      jobs: [],
      steps: [],
      annotations: [],
      startedAt: this.#startedAt,
      seconds: (performance.now() - this.#start) / 1000,
    };
  }
}

/** Of a job without a matrix. */
const ONE_CELL = {
  matrix: null,
  strategy: { 'fail-fast': true, 'job-index': 0, 'job-total': 1, 'max-parallel': 1 },
};

/** Recorded only: this runner has one run at a time. */
export function concurrencyGroup(token: Parameters<typeof evaluateToken>[0], scope: Scope): string {
  const value = evaluateToken(token, scope);
  return typeof value === 'string' ? value : String((value as { group?: Value } | null)?.group ?? '');
}
