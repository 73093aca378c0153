/** The delivery of the demo: pull request, merge, push, stages, and what came of it. */
import { parseDocument } from 'yaml';
import { ActionError } from '../../src/runner/index.ts';
import type { PodFacts } from '../cluster/cluster.ts';
import { git } from '../forge/git.ts';
import { renderReport } from '../report/report.ts';
import { leafJobs, type Run } from '../runner/index.ts';
import { firstFailures } from '../traffic/stats.ts';
import { auditPods } from './audit.ts';
import { changeFor } from './change.ts';
import { collectFacts, handoffsSince } from './collect.ts';
import type { Developer } from './developer.ts';
import { showDrift } from './drift.ts';
import { pullRequestEvent, pushEvent } from './events.ts';
import { unmet } from './expect.ts';
import type { DemoOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { SERVICE, stablePath } from './seed.ts';
import { tellDelivery, writeReport } from './tell.ts';
import type { Live, World } from './world.ts';

/** What an act of the demo works with. */
export interface DemoStage {
  root: string;
  world: World;
  dev: Developer;
  options: DemoOptions;
  progress: Progress;
  signal: AbortSignal;
  /** `performance.now()` of the start, and seconds of the set-up. */
  began: number;
  setUp: number;
}

/** What an act showed. */
export interface Outcome {
  /** Sentences that do not hold; none when all was as promised. */
  problems: readonly string[];
  /** For --json. */
  json: Readonly<Record<string, unknown>>;
  /** For people. */
  tell(): void;
  live: Live | undefined;
}

export async function deliver(o: DemoStage): Promise<Outcome> {
  const { world, options, progress } = o;
  const going = world.goLive();
  progress.title(
    `A pull request: ${options.fault === undefined ? 'a better version' : `a version with the fault "${options.fault}"`}`,
  );
  // The gate looks at the source alone: the first version starts meanwhile.
  const [pushed, live] = await Promise.all([proposeAndMerge(o), going]);
  const valuesBefore = await world.values();
  const headBefore = await headOf(world.paths.config);

  progress.title(`Push of ${pushed.slice(0, 12)} to main: deliver`);
  const start = Date.now();
  const ready = (performance.now() - o.began) / 1000;
  const run = await world.run(pushEvent(pushed), progress.onEvent, o.signal);
  o.signal.throwIfAborted();
  for (const error of run.errors) progress.info(error);
  const head = await headOf(world.paths.config);
  await live.cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 120);
  // The last second of traffic belongs to the version that stays.
  await new Promise((done) => setTimeout(done, 1500));
  const end = Date.now();
  if (options.drift) progress.title('A change by hand, behind Git');
  const drift = options.drift ? await showDrift(live.cluster, live.traffic) : undefined;

  const outputs = deliveryOutputs(run);
  const audit = outputs.verdict === 'pass' ? await auditPods(o.root, world, live.cluster, outputs.digest ?? '') : [];
  const handoffs = await handoffsSince(world.paths.config, headBefore);
  const valuesAfter = await world.values();
  const active = activeSlot(valuesAfter, options);
  const serves = (pod: PodFacts): boolean => active === undefined || pod.labels.slot === active;
  const digests = (of: (pod: PodFacts) => boolean): string[] => [
    ...new Set(
      live.cluster
        .pods()
        .filter((p) => p.state === 'Running' && of(p))
        .map((p) => p.imageId),
    ),
  ];
  const running = digests(serves);
  const samples = live.traffic.samples().filter((sample) => sample.at >= start && sample.at <= end);
  const facts = await collectFacts({
    strategy: options.strategy,
    drift,
    audit,
    run,
    revision: pushed,
    samples,
    start,
    end,
    handoffs,
    running,
    outputs,
    timings: [
      { name: 'set-up', seconds: o.setUp },
      { name: 'pull request and first version', seconds: ready - o.setUp },
      { name: 'push to end', seconds: (end - start) / 1000 },
      { name: 'all', seconds: (performance.now() - o.began) / 1000 },
    ],
  });
  const report = await writeReport(o, renderReport(facts), run);
  const digestIn = (values: string): string =>
    String(parseDocument(values).getIn([...stablePath(options.strategy, values), 'digest']) ?? '');
  const problems = unmet(options, {
    conclusion: run.conclusion,
    verdict: outputs.verdict ?? '',
    reason: outputs.reason ?? '',
    handoffs,
    valuesBefore,
    valuesAfter,
    digest: {
      delivered: outputs.digest ?? '',
      values: digestIn(valuesAfter),
      registry: world.registry.tag(SERVICE, outputs.tag ?? '') ?? '',
      running,
      standby: digests((pod) => !serves(pod)),
      before: digestIn(valuesBefore),
    },
    failed: facts.requests.failed,
    failures: firstFailures(samples, start),
    sent: facts.requests.sent,
    drift,
    audit,
  });
  return {
    problems,
    json: {
      strategy: options.strategy,
      outputs,
      requests: facts.requests,
      downtime: facts.downtime,
      drift,
      audit: audit.map(({ name, status }) => ({ name, status })),
      commits: handoffs.map(({ sha, subject }) => ({ sha, subject })),
      report,
      timings: facts.timings,
    },
    tell: () => tellDelivery(progress, facts, handoffs, report),
    live,
  };
}

function activeSlot(values: string, { strategy }: DemoOptions): string | undefined {
  return strategy === 'blueGreen' ? stablePath(strategy, values)[1] : undefined;
}

async function headOf(gitDir: string): Promise<string> {
  return (await git(gitDir, ['rev-parse', 'main'])).toString('utf8').trim();
}

async function proposeAndMerge({ world, dev, options, progress, signal }: DemoStage): Promise<string> {
  const change = changeFor(options);
  const pull = await dev.propose('change', change.title, change.edits);
  const checked = await world.run(pullRequestEvent(pull), progress.onEvent, signal);
  signal.throwIfAborted();
  const merged = await dev.merge(pull);
  if ('refused' in merged) {
    throw new ActionError('E_LAB_MERGE', {
      what: 'merge of the pull request',
      why: `the forge answered ${merged.refused}: ${merged.message} (the run ended ${checked.conclusion})`,
      fix: 'See the red job above',
    });
  }
  progress.info(`merged as ${merged.sha.slice(0, 12)}: the gate is green`);
  return merged.sha;
}

/** Outputs of the called workflow, and those of its jobs that it does not hand on. */
function deliveryOutputs(run: Run): Record<string, string> {
  const called = run.jobs.find((job) => job.id === 'deliver');
  const result = leafJobs(run).find((job) => job.id === 'result');
  const message = result?.steps.find((s) => s.id === 'result')?.outputs.message ?? '';
  return { ...called?.outputs, message };
}
