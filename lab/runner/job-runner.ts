/** One job of a workflow: its condition, the cells of its matrix, a call or steps, and its result. */
import { callInputs, callSecrets } from './call.ts';
import { postCheck, postEnd } from './checks.ts';
import { concurrencyGroup } from './concurrency.ts';
import { evaluateCondition, evaluateString, evaluateToken, type Scope, type Value } from './evaluate.ts';
import { isBasicExpression } from './grammar.ts';
import { runJob } from './job.ts';
import { baseContexts, type Call, combine, type JobsEnd, type Result, tolerated } from './jobs-call.ts';
import { planStrategy, type Strategy } from './matrix.ts';
import type { JobDef, Permissions } from './model.ts';
import { readOnly } from './permissions.ts';
import { slots } from './slots.ts';
import type { Conclusion, JobRun } from './types.ts';

interface CellPlan {
  matrix: Readonly<Record<string, Value>>;
  name: string;
  contexts: Readonly<Record<string, Value>>;
  signal: AbortSignal;
}

/** A job and what counts of it for the others. */
export interface Ended {
  job: JobRun;
  result: Conclusion;
}

export class JobRunner {
  readonly #call: Call;
  readonly #def: JobDef;
  readonly #results: ReadonlyMap<string, Result>;
  readonly #nested: (call: Call) => Promise<JobsEnd>;
  readonly #startedAt = new Date().toISOString();
  readonly #start = performance.now();

  /** @param nested runs the workflow that this job calls */
  constructor(call: Call, def: JobDef, results: ReadonlyMap<string, Result>, nested: (call: Call) => Promise<JobsEnd>) {
    this.#nested = nested;
    this.#call = call;
    this.#def = def;
    this.#results = results;
  }

  async run(): Promise<Ended> {
    const { frame, prefix, signal } = this.#call;
    const contexts = { ...baseContexts(this.#call), needs: this.#needs() };
    const own = this.#plainName(contexts);
    const plain = `${prefix}${own}`;
    try {
      if (!this.#wanted(contexts)) return await this.#skip(plain, contexts);
      if (this.#def.strategy === undefined) {
        const plan = { matrix: {}, name: plain, contexts: { ...contexts, ...ONE_CELL }, signal };
        const job = await this.#cell(plan, contexts);
        return { job, result: tolerated(this.#def, job.conclusion, plan.contexts) };
      }
      const value = evaluateToken(this.#def.strategy, { contexts });
      return await this.#cells(planStrategy(value, own), contexts);
    } catch (error) {
      const reason = (error as Error).message;
      const job = this.#job(plain, 'failure', { reason });
      frame.errors.push(`${plain}: ${reason}`);
      await postEnd(frame, job);
      return { job, result: 'failure' };
    }
  }

  /** The condition, over all jobs before this one in the workflow, not only those it names. */
  #wanted(contexts: Readonly<Record<string, Value>>, cancelled = this.#call.signal.aborted): boolean {
    const before = [...this.#ancestors(this.#def)].map((id) => this.#results.get(id)?.result);
    return evaluateCondition(this.#def.if, {
      contexts,
      status: {
        success: () => !cancelled && before.every((result) => result === 'success'),
        failure: () => before.includes('failure'),
        cancelled: () => cancelled,
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
  async #skip(name: string, contexts: Readonly<Record<string, Value>>): Promise<Ended> {
    const { frame, signal } = this.#call;
    const ready = this.#def.needs.every((id) => this.#results.get(id)?.result === 'success');
    const cancelled = signal.aborted && ready && this.#wanted(contexts, false);
    const job = this.#job(name, cancelled ? 'cancelled' : 'skipped', {});
    await postEnd(frame, job);
    frame.emit({ type: 'job-ended', job: name, conclusion: job.conclusion, seconds: 0 });
    return { job, result: job.conclusion };
  }

  async #cells(strategy: Strategy, contexts: Readonly<Record<string, Value>>): Promise<Ended> {
    const { signal, prefix } = this.#call;
    const stop = new AbortController();
    const places = slots(Math.min(strategy.maxParallel, strategy.cells.length));
    const outputs: Record<string, string> = {};
    const run = async (index: number): Promise<Ended> => {
      const plan = this.#plan(strategy, index, contexts, stop.signal);
      if (stop.signal.aborted || (signal.aborted && !this.#wanted(contexts))) {
        const job = await this.#cancelledCell(plan);
        return { job, result: job.conclusion };
      }
      const job = await this.#cell(plan, contexts);
      // The last one that has ended wins; an empty value is not among the outputs.
      Object.assign(outputs, job.outputs);
      const result = tolerated(this.#def, job.conclusion, plan.contexts);
      if (result === 'failure' && strategy.failFast) stop.abort();
      return { job, result };
    };
    const ended = await Promise.all(strategy.cells.map((_, index) => places.take(() => run(index))));
    const name = `${prefix}${this.#def.id}`;
    const job = this.#job(name, combine(ended.map((cell) => cell.job.conclusion)), {});
    return {
      job: { ...job, outputs, jobs: ended.map((cell) => cell.job) },
      result: combine(ended.map((cell) => cell.result)),
    };
  }

  #plan(strategy: Strategy, index: number, contexts: Readonly<Record<string, Value>>, stop: AbortSignal): CellPlan {
    const { matrix = {}, name: values = this.#def.id } = strategy.cells[index] ?? {};
    const total = strategy.cells.length;
    const own = {
      ...contexts,
      matrix,
      strategy: {
        'fail-fast': strategy.failFast,
        'job-index': index,
        'job-total': total,
        'max-parallel': Number.isFinite(strategy.maxParallel) ? strategy.maxParallel : total,
      },
    };
    const { name } = this.#def;
    // A name with an expression says itself which cell it is.
    const said = name !== undefined && isBasicExpression(name) ? evaluateString(name, { contexts: own }) : values;
    return {
      matrix,
      name: `${this.#call.prefix}${said}`,
      contexts: own,
      signal: AbortSignal.any([this.#call.signal, stop]),
    };
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
    const { jobs, conclusion, outputs } = await this.#nested({
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
