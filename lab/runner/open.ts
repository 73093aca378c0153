/** How every run begins and ends, whoever executes its jobs. */
import type { Run, RunEvent, RunOptions } from './types.ts';

type Opening = Pick<RunOptions, 'repo' | 'ref' | 'sha' | 'event' | 'runId' | 'attempt' | 'onEvent'>;

export interface OpenRun {
  id: number;
  attempt: number;
  emit(event: RunEvent): void;
  /** Tells that the run has ended. @returns the whole Run: what is given over what any run has */
  finish(run: Pick<Run, 'name' | 'conclusion'> & Partial<Run>): Run;
}

let runs = 0;

export function openRun(o: Opening): OpenRun {
  const startedAt = new Date().toISOString();
  const start = performance.now();
  runs += 1;
  const id = o.runId ?? Date.now() * 1000 + (runs % 1000);
  const attempt = o.attempt ?? 1;
  const emit = (event: RunEvent): void => o.onEvent?.(event);
  return {
    id,
    attempt,
    emit,
    finish(run) {
      const seconds = (performance.now() - start) / 1000;
      emit({ type: 'run-ended', run: id, conclusion: run.conclusion, seconds });
      const facts = { id, attempt, repo: o.repo, ref: o.ref, sha: o.sha, event: o.event.name };
      return { ...facts, errors: [], jobs: [], artifacts: [], startedAt, seconds, ...run };
    },
  };
}
