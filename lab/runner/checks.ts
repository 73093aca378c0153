/** Check runs on the forge, named as GitHub names the jobs of a run. */
import { checkedSha, type RunFrame } from './frame.ts';
import type { CheckRun, JobRun } from './types.ts';

/** Tells the forge; a forge that cannot be told makes the run red, because checks decide about merging. */
export async function postCheck(frame: RunFrame, check: Omit<CheckRun, 'headSha'>): Promise<void> {
  try {
    await frame.options.forge.checkRun?.({ ...check, headSha: checkedSha(frame.options) });
  } catch (error) {
    frame.errors.push(`check run "${check.name}" could not be posted: ${(error as Error).message}`);
  }
}

export async function postEnd(frame: RunFrame, job: JobRun): Promise<void> {
  await postCheck(frame, {
    name: job.name,
    status: 'completed',
    conclusion: job.conclusion,
    startedAt: job.startedAt,
    completedAt: new Date().toISOString(),
    summary: [job.reason ?? '', ...job.steps.map((step) => step.summary)].filter((text) => text !== '').join('\n\n'),
    annotations: job.annotations,
  });
}
