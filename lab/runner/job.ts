/** One job on its machine: token, pre parts, steps, post parts, outputs. */
import { evaluateCondition, evaluateMap, evaluateToken, isRecord, type Scope, toText, type Value } from './evaluate.ts';
import type { RunFrame } from './frame.ts';
import { conditionScope, type Layer, layerEnv, stepName, stepScope } from './layer.ts';
import { type Hook, type Machine, openMachine } from './machine.ts';
import type { JobDef, Permissions } from './model.ts';
import { tokenPermissions } from './permissions.ts';
import { type Sink, stepSink } from './sink.ts';
import { AFTER_CANCEL_MS, complain, runStep, timeLimit } from './steps.ts';
import type { WorkflowNode } from './tree.ts';
import type { AnnotationRecord, Conclusion, StepRun } from './types.ts';
import { preHooks } from './uses.ts';

/** GitHub's own limit when the job names none. */
const DEFAULT_MINUTES = 360;
/** All outputs of a job together. */
const OUTPUT_LIMIT = 1024 * 1024;

export interface JobTask {
  frame: RunFrame;
  node: WorkflowNode;
  def: JobDef;
  /** Name of its check run. */
  name: string;
  /** github (without a token), needs, inputs, vars, strategy, matrix. */
  contexts: Readonly<Record<string, Value>>;
  /** What the secrets context holds without the environment and the token. */
  secrets: Readonly<Record<string, string>>;
  /** Secrets of the environment that the file may name; undefined: all. */
  declaredSecrets: ReadonlySet<string> | undefined;
  permissions: Permissions;
  /** Aborted: the running step is ended, the others see cancelled(). */
  signal: AbortSignal;
}

export interface JobEnd {
  conclusion: Conclusion;
  reason?: string;
  outputs: Readonly<Record<string, string>>;
  steps: readonly StepRun[];
  annotations: readonly AnnotationRecord[];
  runsOn: readonly string[];
  environment?: string;
}

export async function runJob(task: JobTask): Promise<JobEnd> {
  const { frame, def, signal } = task;
  const log = new StepLog();
  let facts: Pick<JobEnd, 'runsOn' | 'environment'> = { runsOn: [] };
  let machine: Machine | undefined;
  try {
    const scope: Scope = { contexts: task.contexts };
    const environment = environmentName(def, scope);
    facts = { runsOn: labels(def, scope), ...(environment !== undefined && { environment }) };
    if (environment !== undefined && frame.options.approve !== undefined) {
      const approved = await frame.options.approve({ environment, job: task.name });
      if (!approved) return { ...ended('failure'), ...facts, reason: `environment ${environment}: not approved` };
    }
    const token = await frame.options.forge.mintToken(tokenPermissions(task.permissions));
    const secrets = secretsOf(task, environment, token);
    const minutes = def.timeout === undefined ? DEFAULT_MINUTES : Number(evaluateToken(def.timeout, scope));
    using limit = timeLimit(signal, minutes);
    machine = await openMachine({
      frame,
      jobId: def.id,
      jobName: task.name,
      token,
      secrets: [...Object.values(frame.fork ? {} : (frame.options.secrets ?? {})), ...Object.values(secrets)],
      signal: limit.signal,
    });
    const layer = jobLayer(task, machine, secrets, environment);
    await runParts(layer, def, log);
    const outputs = outputsOf(layer, def, log);
    const timedOut = limit.signal.aborted && !signal.aborted;
    return {
      ...facts,
      conclusion: layer.status,
      ...(timedOut && { reason: `has exceeded the maximum execution time of ${minutes} minutes` }),
      outputs,
      steps: log.steps,
      annotations: log.annotations,
    };
  } catch (error) {
    const text = (error as Error).message;
    const reason = machine?.masker.mask(text) ?? text;
    return {
      ...ended(signal.aborted ? 'cancelled' : 'failure'),
      ...facts,
      reason,
      steps: log.steps,
      annotations: log.annotations,
    };
  } finally {
    await machine?.close();
  }
}

function ended(conclusion: Conclusion): JobEnd {
  return { conclusion, outputs: {}, steps: [], annotations: [], runsOn: [] };
}

/** What the steps of a job leave behind. */
class StepLog {
  readonly steps: StepRun[] = [];
  /** Of the job itself: outputs that were dropped. */
  readonly own: AnnotationRecord[] = [];

  get annotations(): AnnotationRecord[] {
    return [...this.steps.flatMap((step) => step.annotations), ...this.own];
  }
}

async function runParts(layer: Layer, def: JobDef, log: StepLog): Promise<void> {
  const { machine } = layer;
  for (const hook of await preHooks(layer, def.steps)) await runHook(layer, hook, 'pre', log);
  for (const [index, step] of def.steps.entries()) {
    const name = machine.masker.mask(stepName(layer, step));
    await record(machine, { name, kind: 'main', ...(!step.id.startsWith('__') && { id: step.id }) }, log, (sink) =>
      runStep(layer, step, `${layer.key}/${index}`, name, sink),
    );
  }
  for (let hook = machine.posts.pop(); hook !== undefined; hook = machine.posts.pop()) {
    await runHook(layer, hook, 'post', log);
  }
}

interface Part {
  outcome: Conclusion;
  conclusion: Conclusion;
  outputs: Readonly<Record<string, string>>;
}

async function record(
  machine: Machine,
  step: Pick<StepRun, 'id' | 'name' | 'kind'>,
  log: StepLog,
  body: (sink: Sink) => Promise<Part>,
): Promise<void> {
  const { emit } = machine.frame;
  const sink = stepSink({ job: machine.jobName, step: step.name, masker: machine.masker, emit });
  emit({ type: 'step-started', job: machine.jobName, step: step.name });
  const start = performance.now();
  const part = await body(sink);
  machine.check();
  const seconds = (performance.now() - start) / 1000;
  log.steps.push({ ...step, ...part, ...sink.taken, seconds });
  emit({ type: 'step-ended', job: machine.jobName, step: step.name, conclusion: part.conclusion, seconds });
}

async function runHook(layer: Layer, hook: Hook, kind: 'pre' | 'post', log: StepLog): Promise<void> {
  const { machine } = layer;
  await record(machine, { name: hook.name, kind }, log, async (sink) => {
    const conclusion = await hookConclusion(layer, hook, sink);
    if (conclusion === 'cancelled') layer.status = 'cancelled';
    else if (conclusion === 'failure' && layer.status === 'success') layer.status = 'failure';
    return { outcome: conclusion, conclusion, outputs: {} };
  });
}

async function hookConclusion(layer: Layer, hook: Hook, sink: Sink): Promise<Conclusion> {
  const late = layer.signal.aborted;
  if (late) layer.status = 'cancelled';
  const signal = late ? AbortSignal.timeout(AFTER_CANCEL_MS) : layer.signal;
  let ok = false;
  try {
    if (!evaluateCondition(hook.if, conditionScope(layer, layerEnv(layer)))) return 'skipped';
    ok = await hook.run(sink, signal);
  } catch (error) {
    complain(sink, (error as Error).message);
  }
  if (signal.aborted) return 'cancelled';
  return ok ? 'success' : 'failure';
}

function jobLayer(
  task: JobTask,
  machine: Machine,
  secrets: Readonly<Record<string, string>>,
  environment: string | undefined,
): Layer {
  const { frame, node, def } = task;
  const own = environment === undefined ? undefined : frame.options.environments?.[environment];
  const vars = { ...(task.contexts.vars as Record<string, string>), ...own?.vars };
  const contexts: Record<string, Value> = { ...task.contexts, vars, secrets };
  const scope: Scope = { contexts: { ...contexts, github: machine.github } };
  // env of the workflow cannot see env; env of the job cannot see it either: both are evaluated on their own.
  const env = { ...evaluateMap(node.file.env, scope), ...evaluateMap(def.env, scope) };
  return {
    machine,
    key: '',
    depth: 0,
    from: node.repository,
    defaults: def.defaults,
    env,
    contexts,
    github: {},
    steps: {},
    status: 'success',
    signal: machine.signal,
  };
}

/** Passed secrets, over them those of the environment that the file declares, and the token. */
function secretsOf(task: JobTask, environment: string | undefined, token: string): Record<string, string> {
  const { frame, declaredSecrets } = task;
  const own = environment === undefined || frame.fork ? {} : (frame.options.environments?.[environment]?.secrets ?? {});
  const seen = Object.entries(own).filter(([name]) => declaredSecrets?.has(name.toUpperCase()) ?? true);
  return { ...task.secrets, ...Object.fromEntries(seen), GITHUB_TOKEN: token };
}

function environmentName(def: JobDef, scope: Scope): string | undefined {
  if (def.environment === undefined) return undefined;
  const value = evaluateToken(def.environment, scope);
  const name = isRecord(value) ? toText(value.name) : toText(value);
  return name === '' ? undefined : name;
}

/** A label, a list of labels, or `{group, labels}`; anything else fails the job, as no runner would ever take it. */
function labels(def: JobDef, scope: Scope): string[] {
  if (def.runsOn === undefined) throw new Error('runs-on is missing');
  const value = evaluateToken(def.runsOn, scope);
  const list = isRecord(value) ? value.labels : value;
  const found = (Array.isArray(list) ? list : [list]).map((label: Value) => toText(label));
  if (found.length === 0 || found.includes(''))
    throw new Error(`runs-on: ${JSON.stringify(value)} is no label and no list of labels`);
  return found;
}

function outputsOf(layer: Layer, def: JobDef, log: StepLog): Record<string, string> {
  const scope = stepScope(layer, layerEnv(layer));
  const kept: Record<string, string> = {};
  let size = 0;
  for (const [name, value] of Object.entries(evaluateMap(def.outputs, scope))) {
    if (value === '') continue;
    if (layer.machine.masker.holds(value)) {
      const message = `Skip output '${name}' since it may contain secret.`;
      log.own.push({ level: 'warning', message });
      continue;
    }
    // GitHub measures UTF-16.
    size += (name.length + value.length) * 2;
    kept[name] = value;
  }
  if (size > OUTPUT_LIMIT)
    throw new Error(`the outputs of job ${def.id} are ${size} bytes, the most is ${OUTPUT_LIMIT}`);
  return kept;
}
