/** One list of steps: that of a job, or that of a composite action inside it. */
import { evaluateString, type Scope, type Value } from './evaluate.ts';
import type { Machine } from './machine.ts';
import type { RunDefaults, StepDef } from './model.ts';
import type { Repository } from './repositories.ts';
import type { Sink } from './sink.ts';
import type { Conclusion } from './types.ts';

type Status = 'success' | 'failure' | 'cancelled';

interface StepContext {
  outputs: Readonly<Record<string, string>>;
  outcome: Conclusion;
  conclusion: Conclusion;
}

export interface Layer {
  machine: Machine;
  /** Unique within the job; prefix of the keys of its steps. */
  key: string;
  /** Composite actions nest to this depth at most. */
  depth: number;
  /** What `$/` means in it. */
  from: Repository | undefined;
  defaults: RunDefaults;
  /** Environment of the layer: workflow and job, or the composite step on top of its own layer. */
  env: Readonly<Record<string, string>>;
  /** needs, inputs, secrets, vars, strategy, matrix: what the place may see. */
  contexts: Readonly<Record<string, Value>>;
  /** Additions to the github context: action_path of a composite action. */
  github: Readonly<Record<string, Value>>;
  steps: Record<string, StepContext>;
  status: Status;
  /** Cancels what runs in the layer. */
  signal: AbortSignal;
}

/** A step as it is being run. */
export interface StepFrame {
  layer: Layer;
  def: StepDef;
  /** Unique within the job: key of the layer and position. */
  key: string;
  name: string;
  env: Readonly<Record<string, string>>;
  sink: Sink;
  signal: AbortSignal;
  /** Runs a step of a layer inside this one. */
  nested(layer: Layer, def: StepDef, key: string, sink: Sink): Promise<void>;
}

export interface StepResult {
  ok: boolean;
  outputs: Readonly<Record<string, string>>;
}

export const MAX_DEPTH = 9;

/** The environment of the layer with what earlier steps of the job have put into GITHUB_ENV. */
export function layerEnv(layer: Layer): Record<string, string> {
  return { ...layer.env, ...layer.machine.env };
}

/** What expressions of a step see. @param env the environment so far */
export function stepScope(layer: Layer, env: Readonly<Record<string, string>>): Scope {
  const { machine } = layer;
  return {
    contexts: {
      ...layer.contexts,
      github: { ...machine.github, ...layer.github },
      runner: machine.runner,
      env,
      job: { status: layer.status },
      steps: layer.steps as unknown as Value,
    },
    hashFiles: machine.hashFiles,
  };
}

/** The same for a condition. */
export function conditionScope(layer: Layer, env: Readonly<Record<string, string>>): Scope {
  return {
    ...stepScope(layer, env),
    status: {
      success: () => layer.status === 'success',
      failure: () => layer.status === 'failure',
      cancelled: () => layer.status === 'cancelled',
    },
  };
}

/** Name for the log; an expression that fails shows as it is written. */
export function stepName(layer: Layer, def: StepDef): string {
  if (def.name !== undefined) {
    try {
      return evaluateString(def.name, stepScope(layer, layerEnv(layer)));
    } catch {
      return def.name.toString();
    }
  }
  if (def.uses !== undefined) return `Run ${def.uses}`;
  return `Run ${def.run?.toString().trimStart().split('\n')[0] ?? ''}`;
}
