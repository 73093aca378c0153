/** The jobs of one workflow, each when those it needs have ended. */
import { callOutputs } from './call.ts';
import type { Value } from './evaluate.ts';
import { JobRunner } from './job-runner.ts';
import { baseContexts, type Call, combine, type JobsEnd, type Result } from './jobs-call.ts';
import type { JobDef } from './model.ts';
import type { JobRun } from './types.ts';

/** Runs all jobs to their end, whatever happens to them. */
export async function runJobs(call: Call): Promise<JobsEnd> {
  const results = new Map<string, Result>();
  const running = new Map<string, Promise<JobRun>>();
  const start = async (def: JobDef): Promise<JobRun> => {
    // The parser has refused circles and unknown names.
    await Promise.all(def.needs.map((need) => running.get(need)));
    const { job, result } = await new JobRunner(call, def, results, runJobs).run();
    results.set(def.id, { result, outputs: job.outputs });
    return job;
  };
  for (const def of inOrder(call.node.file.jobs)) running.set(def.id, start(def));
  const jobs = await Promise.all(call.node.file.jobs.map(async (def) => (await running.get(def.id)) as JobRun));
  return {
    jobs,
    conclusion: combine([...results.values()].map(({ result }) => result)),
    outputs: callOutputs(call.node.file, {
      contexts: { ...baseContexts(call), jobs: Object.fromEntries(results) as unknown as Value },
    }),
  };
}

/** Jobs after those they need, so that each finds the promises it waits for. */
function inOrder(jobs: readonly JobDef[]): JobDef[] {
  const sorted: JobDef[] = [];
  const place = (job: JobDef): void => {
    if (sorted.includes(job)) return;
    for (const need of job.needs) {
      const needed = jobs.find((other) => other.id === need);
      if (needed !== undefined) place(needed);
    }
    sorted.push(job);
  };
  for (const job of jobs) place(job);
  return sorted;
}
