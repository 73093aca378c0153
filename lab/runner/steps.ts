/** The steps of a job or composite action, one after the other: condition, run, outcome and conclusion. */
import { evaluateCondition, evaluateMap, evaluateString, evaluateToken } from './evaluate.ts';
import { execute } from './execute.ts';
import { conditionScope, type Layer, layerEnv, type StepFrame, type StepResult, stepName, stepScope } from './layer.ts';
import type { StepDef } from './model.ts';
import { shellCommand } from './shell.ts';
import type { Sink } from './sink.ts';
import type { Conclusion } from './types.ts';
import { runUses } from './uses.ts';

/** GitHub gives the steps that run after a cancel five minutes. */
export const AFTER_CANCEL_MS = 300_000;

export interface StepEnd {
  outcome: Conclusion;
  conclusion: Conclusion;
  outputs: Readonly<Record<string, string>>;
}

/** Runs one step and records it in the layer: `steps` context and status. */
export async function runStep(layer: Layer, def: StepDef, key: string, name: string, sink: Sink): Promise<StepEnd> {
  const end = await attempt(layer, def, key, name, sink);
  if (!def.id.startsWith('__')) layer.steps[def.id] = end;
  if (end.outcome === 'cancelled') layer.status = 'cancelled';
  else if (end.conclusion === 'failure' && layer.status === 'success') layer.status = 'failure';
  return end;
}

async function attempt(layer: Layer, def: StepDef, key: string, name: string, sink: Sink): Promise<StepEnd> {
  // A cancel before this step has killed an earlier one: this one runs, if its condition wants it, for a limited time.
  const late = layer.signal.aborted;
  const cancel = late ? AbortSignal.timeout(AFTER_CANCEL_MS) : layer.signal;
  let tolerant = false;
  let outcome: Conclusion = 'success';
  let outputs: Readonly<Record<string, string>> = {};
  try {
    if (late) layer.status = 'cancelled';
    const before = layerEnv(layer);
    if (!evaluateCondition(def.if, conditionScope(layer, before))) {
      return { outcome: 'skipped', conclusion: 'skipped', outputs: {} };
    }
    const env = { ...before, ...evaluateMap(def.env, stepScope(layer, before)) };
    const scope = stepScope(layer, env);
    tolerant = def.continueOnError !== undefined && evaluateToken(def.continueOnError, scope) === true;
    const minutes = def.timeout === undefined ? undefined : Number(evaluateToken(def.timeout, scope));
    using limit = timeLimit(cancel, minutes);
    const frame: StepFrame = { layer, def, key, name, env, sink, signal: limit.signal, nested };
    const result = def.uses === undefined ? await runScript(frame) : await runUses(frame);
    outputs = result.outputs;
    if (cancel.aborted) outcome = 'cancelled';
    else if (limit.signal.aborted) {
      complain(sink, `The action '${name}' has timed out after ${minutes} minutes.`);
      outcome = 'failure';
    } else outcome = result.ok ? 'success' : 'failure';
  } catch (error) {
    complain(sink, (error as Error).message);
    outcome = cancel.aborted ? 'cancelled' : 'failure';
  }
  return { outcome, conclusion: outcome === 'failure' && tolerant ? 'success' : outcome, outputs };
}

async function nested(layer: Layer, def: StepDef, key: string, sink: Sink): Promise<void> {
  await runStep(layer, def, key, stepName(layer, def), sink);
}

async function runScript({ layer, def, env, sink, signal }: StepFrame): Promise<StepResult> {
  const { machine } = layer;
  const scope = stepScope(layer, env);
  if (def.run === undefined) throw new Error('a step needs run or uses');
  const script = evaluateString(def.run, scope);
  const shell = def.shell ?? layer.defaults.shell;
  const folder = def.workingDirectory ?? layer.defaults.workingDirectory;
  const { file, args } = await shellCommand(
    script,
    shell === undefined ? undefined : evaluateString(shell, scope),
    machine.temp,
    machine.nextId(),
  );
  sink.log(`##[group]Run ${script.trim().split('\n')[0] ?? ''}`);
  for (const line of script.trimEnd().split('\n')) sink.log(line);
  sink.log('##[endgroup]');
  const wanted = folder === undefined ? '' : evaluateString(folder, scope);
  const cwd = wanted.startsWith('/') ? wanted : `${machine.workspace}/${wanted}`.replace(/\/$/, '');
  const own = { GITHUB_ACTION: def.id, ...githubEnv(layer) };
  const { ok, exit, outputs } = await execute({ machine, sink, file, args, cwd, env, own, signal });
  if (!ok && !signal.aborted) complain(sink, `Process completed with ${exit}.`);
  return { ok, outputs };
}

/** GITHUB_ACTION_PATH for the scripts of a composite action. */
function githubEnv(layer: Layer): Record<string, string> {
  return Object.fromEntries(
    Object.entries(layer.github).map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, String(value)]),
  );
}

/** An error of the runner itself about a step. */
export function complain(sink: Sink, message: string): void {
  sink.log(`##[error]${message}`);
  sink.annotate({ level: 'error', message });
}

/** The signal, also aborted after so many minutes. */
export function timeLimit(signal: AbortSignal, minutes: number | undefined): Disposable & { signal: AbortSignal } {
  if (minutes === undefined) return { signal, [Symbol.dispose]: () => {} };
  if (!(minutes > 0)) throw new Error('timeout-minutes is no number above 0');
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), minutes * 60_000);
  return { signal: AbortSignal.any([signal, controller.signal]), [Symbol.dispose]: () => clearTimeout(timer) };
}
