/** Steps that use an action: JavaScript with pre, main and post, or a composite of further steps. */
import { join } from 'node:path';
import { type ActionDef, type CompositeRuns, loadAction, type NodeRuns } from './action.ts';
import { evaluateMap, evaluateString } from './evaluate.ts';
import { execute, inputEnv, stateEnv } from './execute.ts';
import { type Layer, layerEnv, MAX_DEPTH, type StepFrame, type StepResult, stepName, stepScope } from './layer.ts';
import type { Hook } from './machine.ts';
import type { ActionPlace } from './resolve.ts';
import type { Sink } from './sink.ts';

async function loadUses(uses: string, layer: Layer): Promise<{ place: ActionPlace; action: ActionDef }> {
  const place = await layer.machine.frame.resolver.resolve(uses, layer.from, layer.machine.workspace);
  return { place, action: await loadAction(place) };
}

export async function runUses(frame: StepFrame): Promise<StepResult> {
  const { layer, def, sink } = frame;
  const { place, action } = await loadUses(def.uses ?? '', layer);
  const inputs = inputsOf(frame, action);
  sink.log(`##[group]Run ${place.uses}`);
  for (const [name, value] of Object.entries(inputs)) if (value !== '') sink.log(`  ${name}: ${value}`);
  sink.log('##[endgroup]');
  return action.runs.using === 'node'
    ? runNode(frame, place, action.runs, inputs)
    : runComposite(frame, place, action, action.runs, inputs);
}

/** What `with` gives, else the default of the action; a name the action does not know is passed on with a warning. */
function inputsOf(frame: Pick<StepFrame, 'layer' | 'def' | 'env' | 'sink'>, action: ActionDef): Record<string, string> {
  const scope = stepScope(frame.layer, frame.env);
  const given = evaluateMap(frame.def.with, scope);
  const names = new Map([...action.inputs.keys()].map((name) => [name.toLowerCase(), name]));
  const unknown = Object.keys(given).filter((name) => !names.has(name.toLowerCase()));
  if (unknown.length > 0) {
    frame.sink.annotate({
      level: 'warning',
      message: `Unexpected input(s) '${unknown.join("', '")}', valid inputs are ['${[...action.inputs.keys()].join("', '")}']`,
    });
  }
  const inputs: Record<string, string> = {};
  for (const [name, input] of action.inputs) if (input.default) inputs[name] = evaluateString(input.default, scope);
  for (const [name, value] of Object.entries(given)) inputs[names.get(name.toLowerCase()) ?? name] = value;
  for (const [name, { deprecation }] of action.inputs) {
    if (deprecation !== undefined && name in given) {
      frame.sink.annotate({
        level: 'warning',
        message: `Input '${name}' has been deprecated with message: ${deprecation}`,
      });
    }
  }
  return inputs;
}

async function runNode(
  frame: StepFrame,
  place: ActionPlace,
  runs: NodeRuns,
  inputs: Readonly<Record<string, string>>,
): Promise<StepResult> {
  const { layer, name, env, sink, signal } = frame;
  const part = nodePart(frame, place, inputs);
  if (runs.post !== undefined) {
    const file = runs.post;
    layer.machine.posts.push({
      name: `Post ${name}`,
      if: runs.postIf,
      run: async (to, until) => (await part(file, to, until, env)).ok,
    });
  }
  const { ok, outputs } = await part(runs.main, sink, signal, env);
  return { ok, outputs };
}

/** Runs one file of the action; its state is kept for the next one. */
function nodePart(
  frame: Pick<StepFrame, 'layer' | 'def' | 'key'>,
  place: ActionPlace,
  inputs: Readonly<Record<string, string>>,
) {
  const { layer, def, key } = frame;
  const { states } = layer.machine;
  return async (file: string, sink: Sink, signal: AbortSignal, env: Readonly<Record<string, string>>) => {
    const executed = await execute({
      machine: layer.machine,
      sink,
      file: process.execPath,
      args: [join(place.folder, file)],
      cwd: layer.machine.workspace,
      env: { ...env, ...inputEnv(inputs), ...stateEnv(states.get(key) ?? {}) },
      own: {
        GITHUB_ACTION: def.id,
        GITHUB_ACTION_REPOSITORY: place.origin.repository,
        GITHUB_ACTION_REF: place.origin.ref,
      },
      signal,
    });
    states.set(key, { ...states.get(key), ...executed.state });
    return executed;
  };
}

async function runComposite(
  frame: StepFrame,
  place: ActionPlace,
  action: ActionDef,
  runs: CompositeRuns,
  inputs: Readonly<Record<string, string>>,
): Promise<StepResult> {
  const { layer, key, env, sink } = frame;
  if (layer.depth >= MAX_DEPTH) throw new Error(`"${place.uses}": composite actions nest deeper than ${MAX_DEPTH}`);
  const inner = compositeLayer(layer, key, place, env, inputs, frame.signal);
  for (const [index, def] of runs.steps.entries()) {
    await frame.nested(inner, def, `${key}/${index}`, sink);
  }
  const scope = stepScope(inner, layerEnv(inner));
  const outputs: Record<string, string> = {};
  for (const [name, value] of action.outputs) if (value) outputs[name] = evaluateString(value, scope);
  return { ok: inner.status === 'success', outputs };
}

/** Inside a composite action: its own inputs and steps, no secrets, no needs. */
function compositeLayer(
  outer: Layer,
  key: string,
  place: ActionPlace,
  env: Readonly<Record<string, string>>,
  inputs: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Layer {
  const { strategy, matrix } = outer.contexts;
  return {
    machine: outer.machine,
    key,
    depth: outer.depth + 1,
    from: place.repository,
    defaults: {},
    env,
    contexts: { strategy, matrix, inputs },
    github: {
      action_path: place.folder,
      action_repository: place.origin.repository,
      action_ref: place.origin.ref,
    },
    steps: {},
    status: 'success',
    signal,
  };
}

/**
 * The pre parts of all actions of a layer, in order, those inside composite actions too. Actions of the workspace have none:
 * their files are not there yet when a job starts. Also proves, before the first step, that every action can be found.
 */
export async function preHooks(layer: Layer, steps: readonly StepFrame['def'][]): Promise<Hook[]> {
  const hooks: Hook[] = [];
  for (const [index, def] of steps.entries()) {
    if (def.uses === undefined || def.uses.startsWith('./')) continue;
    const { place, action } = await loadUses(def.uses, layer);
    const key = `${layer.key}/${index}`;
    if (action.runs.using === 'composite') {
      if (layer.depth >= MAX_DEPTH) throw new Error(`"${place.uses}": composite actions nest deeper than ${MAX_DEPTH}`);
      hooks.push(
        ...(await preHooks(compositeLayer(layer, key, place, layer.env, {}, layer.signal), action.runs.steps)),
      );
      continue;
    }
    const { pre, preIf } = action.runs;
    if (pre === undefined) continue;
    hooks.push({
      name: `Pre ${stepName(layer, def)}`,
      if: preIf,
      async run(sink, signal) {
        const env = { ...layerEnv(layer), ...evaluateMap(def.env, stepScope(layer, layerEnv(layer))) };
        const inputs = inputsOf({ layer, def, env, sink }, action);
        return (await nodePart({ layer, def, key }, place, inputs)(pre, sink, signal, env)).ok;
      },
    });
  }
  return hooks;
}
