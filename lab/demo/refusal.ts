/** A change that turns the gate red: it must not be merged, and nothing may be shipped. */
import { oneLine } from '../../src/text/index.ts';
import { git } from '../forge/git.ts';
import { renderReport } from '../report/report.ts';
import { leafJobs, type Run } from '../runner/index.ts';
import { changeFor } from './change.ts';
import { refusalFacts } from './collect.ts';
import type { DemoStage, Outcome } from './deliver.ts';
import { pullRequestEvent } from './events.ts';
import { GATE_JOBS, type RefusalFacts, unrefused } from './expect.ts';
import type { RedGate } from './options.ts';
import { writeReport } from './tell.ts';

/** Pushes the change and shows that it gets nowhere. Production is not needed for it and is not started. */
export async function refuse(o: DemoStage, fault: RedGate): Promise<Outcome> {
  o.progress.title(`A pull request: a change that the gate must refuse ("${fault}")`);
  const start = Date.now();
  const { run, facts } = await propose(o, fault);
  const problems = unrefused(fault, facts);
  const timings = [
    { name: 'set-up', seconds: o.setUp },
    { name: 'pull request to refusal', seconds: (Date.now() - start) / 1000 },
    { name: 'all', seconds: (performance.now() - o.began) / 1000 },
  ];
  const message = facts.merge?.message ?? 'The change was merged.';
  const page = renderReport(refusalFacts({ run, message, start, timings, strategy: o.options.strategy }));
  const report = await writeReport(o, page, run);
  return {
    problems,
    json: { fault, ...facts, report, timings },
    tell: () => {
      const { info, title } = o.progress;
      title('Result');
      info(`${GATE_JOBS[fault]}: ${facts.job}; deliver / gate: ${facts.gate}`);
      info(
        `merge: ${facts.merge === undefined ? 'done' : `HTTP ${facts.merge.refused} ${oneLine(facts.merge.message, 200)}`}`,
      );
      info(`writes to the registry: ${facts.registryWrites.length}, handoff commits: ${facts.configCommits}`);
      for (const timing of timings) info(`${timing.name}: ${timing.seconds.toFixed(1)} s`);
      info(`report ${report}`);
    },
    live: undefined,
  };
}

async function propose(
  { world, dev, progress, signal }: DemoStage,
  fault: RedGate,
): Promise<{ run: Run; facts: RefusalFacts }> {
  const head = async (gitDir: string): Promise<string> =>
    (await git(gitDir, ['rev-parse', 'main'])).toString('utf8').trim();
  const main = await head(world.paths.service);
  const config = await head(world.paths.config);
  const asked = world.registry.requests().length;
  const change = changeFor({ fault: undefined, redGate: fault });
  const pull = await dev.propose('change', change.title, change.edits);
  const run = await world.run(pullRequestEvent(pull), progress.onEvent, signal);
  signal.throwIfAborted();
  const merged = await dev.merge(pull);
  const jobs = leafJobs(run);
  const conclusionOf = (name: string): string =>
    jobs.find((job) => job.name === name || job.name.startsWith(`${name} (`))?.conclusion ?? 'missing';
  const commits = await git(world.paths.config, ['rev-list', '--count', `${config}..main`]);
  return {
    run,
    facts: {
      conclusion: run.conclusion,
      job: conclusionOf(GATE_JOBS[fault]),
      gate: conclusionOf('deliver / gate'),
      merge: 'refused' in merged ? merged : undefined,
      registryWrites: world.registry
        .requests()
        .slice(asked)
        .filter((request) => request.method !== 'GET' && request.method !== 'HEAD')
        .map((request) => `${request.method} ${request.path}`),
      configCommits: Number(commits.toString('utf8')),
      mainUnmoved: (await head(world.paths.service)) === main,
    },
  };
}
