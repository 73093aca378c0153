/** What the jobs of one workflow run with, and how their results add up. */
import { evaluateToken, type Value } from './evaluate.ts';
import type { RunFrame } from './frame.ts';
import type { JobDef } from './model.ts';
import type { WorkflowNode } from './tree.ts';
import type { Conclusion, JobRun } from './types.ts';

/** One workflow of the run, the top one or a called one. */
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

/** What other jobs see of a job. */
export interface Result {
  result: Conclusion;
  outputs: Readonly<Record<string, string>>;
}

export interface JobsEnd {
  jobs: JobRun[];
  conclusion: Conclusion;
  /** Of `on.workflow_call.outputs`. */
  outputs: Record<string, string>;
}

/** success: all succeeded; skipped: none ran; a failure outweighs a cancellation. */
export function combine(conclusions: readonly Conclusion[]): Conclusion {
  if (conclusions.includes('failure')) return 'failure';
  if (conclusions.includes('cancelled')) return 'cancelled';
  return conclusions.every((conclusion) => conclusion === 'skipped') ? 'skipped' : 'success';
}

export function baseContexts(call: Call): Record<string, Value> {
  return { github: call.frame.github, inputs: call.inputs, vars: call.frame.options.vars ?? {} };
}

/** A job or cell with continue-on-error that failed counts as a success for all that looks at it. */
export function tolerated(def: JobDef, conclusion: Conclusion, contexts: Readonly<Record<string, Value>>): Conclusion {
  if (conclusion !== 'failure' || def.continueOnError === undefined) return conclusion;
  return evaluateToken(def.continueOnError, { contexts }) === true ? 'success' : conclusion;
}
