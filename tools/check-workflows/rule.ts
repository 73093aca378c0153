/** The shape of a rule, and what several of them ask of a workflow. */
import type { Job, Problem, Step, WorkflowFile } from './model.ts';

export interface Pins {
  [action: string]: { commit: string; version: string };
}

/** What a rule finds; the caller knows the file. */
export type Found = Omit<Problem, 'file'>;
export type Rule = (file: WorkflowFile, pins: Pins) => Found[];

export const jobsOf = (file: WorkflowFile): [string, Job][] => Object.entries(file.value.jobs ?? {});

export const stepsOf = (file: WorkflowFile): { job: string; step: Step }[] =>
  jobsOf(file).flatMap(([job, j]) => (j.steps ?? []).map((step) => ({ job, step })));

/** The scripts of all jobs. */
export const scriptsOf = (file: WorkflowFile): { job: string; script: string }[] =>
  stepsOf(file).flatMap(({ job, step }) => (typeof step.run === 'string' ? [{ job, script: step.run }] : []));

export const events = (file: WorkflowFile): string[] => {
  const on = file.value.on;
  return typeof on === 'string' ? [on] : Array.isArray(on) ? on.map(String) : Object.keys((on ?? {}) as object);
};

/** The jobs that a job waits for, directly or through others. */
export function neededBy(file: WorkflowFile, job: string): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const needs = file.value.jobs?.[name]?.needs;
    for (const other of typeof needs === 'string' ? [needs] : Array.isArray(needs) ? needs.map(String) : []) {
      if (found.has(other)) continue;
      found.add(other);
      visit(other);
    }
  };
  visit(job);
  return found;
}

/** The line that begins a job. */
export function jobLine(file: WorkflowFile, job: string): number {
  const name = job.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const at = file.text.search(new RegExp(`^ +${name}:`, 'm'));
  return at < 0 ? 1 : file.text.slice(0, at).split('\n').length;
}

/** The line of the first place where a piece of a script stands. */
export function textLine(file: WorkflowFile, text: string): number {
  const at = file.text.indexOf(text.trim().split('\n')[0] ?? '');
  return at < 0 ? 1 : file.text.slice(0, at).split('\n').length;
}

/** Does the job hold this permission? */
export const grants = (file: WorkflowFile, job: string, scope: string, level: string): boolean =>
  file.grants.some((grant) => grant.job === job && grant.scope === scope && grant.level === level);
