/** A call of a reusable workflow at run time: what goes in and what comes out. */
import { evaluateString, evaluateToken, type Scope, toText, type Value } from './evaluate.ts';
import { pairs } from './load.ts';
import type { InputDef, JobDef, WorkflowFile } from './model.ts';
import { typeProblem } from './tree.ts';

/** Values of the inputs of the callee. @param scope what the caller's `with` sees. Throws when a type does not fit. */
export function callInputs(file: WorkflowFile, job: JobDef, scope: Scope): Record<string, Value> {
  const given = new Map(pairs(job.call?.with));
  return Object.fromEntries(
    [...(file.call?.inputs ?? [])].map(([name, input]) => {
      const token = given.get(name) ?? input.default;
      if (token === undefined) return [name, emptyOf(input)];
      const value = evaluateToken(token, scope);
      const fitting = input.type === 'string' && typeof value !== 'object' ? toText(value) : (value ?? '');
      const problem = typeProblem(input, fitting);
      if (problem !== undefined) throw new Error(`input ${name}: ${problem}`);
      return [name, fitting];
    }),
  );
}

/** Inputs of a run by hand, from the event. */
export function dispatchInputs(
  inputs: ReadonlyMap<string, InputDef>,
  given: Readonly<Record<string, unknown>>,
  scope: Scope,
): Record<string, Value> {
  return Object.fromEntries(
    [...inputs].map(([name, input]) => {
      const raw = given[name] ?? (input.default === undefined ? emptyOf(input) : evaluateToken(input.default, scope));
      if (input.type === 'boolean') return [name, raw === true || raw === 'true'];
      return [name, input.type === 'number' ? Number(raw) : String(raw)];
    }),
  );
}

function emptyOf(input: InputDef): Value {
  if (input.type === 'boolean') return false;
  return input.type === 'number' ? 0 : '';
}

/** Secrets of the callee: only what it declares, '' for what it declares and nobody passes. */
export function callSecrets(
  file: WorkflowFile,
  job: JobDef,
  own: Readonly<Record<string, string>>,
  scope: Scope,
): Record<string, string> {
  if (job.call?.secrets === 'inherit') return { ...own };
  const passed = new Map(pairs(job.call?.secrets).map(([name, token]) => [name.toUpperCase(), token]));
  return Object.fromEntries(
    [...(file.call?.secrets.keys() ?? [])].map((name) => {
      const token = passed.get(name.toUpperCase());
      return [name, token === undefined ? '' : evaluateString(token, scope)];
    }),
  );
}

/** Outputs of the callee, from the outputs of its jobs. */
export function callOutputs(file: WorkflowFile, scope: Scope): Record<string, string> {
  return Object.fromEntries(
    [...(file.call?.outputs ?? [])]
      .map(([name, token]) => [name, evaluateString(token, scope)] as const)
      .filter(([, value]) => value !== ''),
  );
}
