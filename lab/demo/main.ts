/** npm run demo: from a push to a verified canary, on this machine. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { ActionError, describeError } from '../../src/runner/index.ts';
import { git } from '../forge/git.ts';
import { renderReport } from '../report/report.ts';
import { leafJobs, type Run } from '../runner/index.ts';
import { collectFacts, handoffsSince } from './collect.ts';
import { developer } from './developer.ts';
import { pullRequestEvent, pushEvent } from './events.ts';
import { unmet } from './expect.ts';
import { type DemoOptions, FAULTS, parseOptions, USAGE } from './options.ts';
import { consoleProgress, type Progress } from './progress.ts';
import { CONFIG, SERVICE } from './seed.ts';
import { type Live, startWorld, type World } from './world.ts';

const root = join(import.meta.dirname, '../..');
const controller = new AbortController();
// Not `once`: Ctrl-C comes twice, from the terminal and from the process that started this one, and the second one would end
// it before its pods are stopped. An abort that is repeated changes nothing.
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () =>
    controller.abort(
      new ActionError('E_CANCELLED', { what: 'delivery', why: `it was cancelled (${name})`, fix: 'Run it again' }),
    ),
  );
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else process.exitCode = await demo(options);
} catch (error) {
  console.error(describeError('demo', error).message);
  if (!(error instanceof ActionError)) console.error(error);
  process.exitCode = 1;
}

async function demo(options: DemoOptions): Promise<number> {
  const began = performance.now();
  const progress = consoleProgress(options.json);
  progress.title('Set-up');
  await using world = await startWorld(root, options, progress);
  const setUp = (performance.now() - began) / 1000;

  progress.title(
    `A pull request: ${options.fault === undefined ? 'a better version' : `a version with the fault "${options.fault}"`}`,
  );
  // The gate looks at the source alone: the first version starts meanwhile.
  const [pushed, live] = await Promise.all([proposeAndMerge(world, options, progress), world.live]);
  const valuesBefore = await world.values();
  const headBefore = await headOf(world.paths.config);

  progress.title(`Push of ${pushed.slice(0, 12)} to main: deliver`);
  const start = Date.now();
  const run = await world.run(pushEvent(pushed), progress.onEvent, controller.signal);
  controller.signal.throwIfAborted();
  for (const error of run.errors) progress.info(error);
  const head = await headOf(world.paths.config);
  await live.cluster.waitFor((s) => s.revision === head && s.sync === 'Synced' && s.health === 'Healthy', 60);
  // The last second of traffic belongs to the version that stays.
  await new Promise((done) => setTimeout(done, 1500));
  const end = Date.now();
  // Awaited here: a returned promise would let the world go while it is still looked at.
  const seen = { run, live, pushed, start, end, setUp, valuesBefore, headBefore, began };
  return await conclude(world, options, progress, seen);
}

async function headOf(gitDir: string): Promise<string> {
  return (await git(gitDir, ['rev-parse', 'main'])).toString('utf8').trim();
}

async function proposeAndMerge(world: World, options: DemoOptions, progress: Progress): Promise<string> {
  const token = world.forge.createToken({
    permissions: { contents: 'write', pull_requests: 'write' },
    repositories: [SERVICE],
    login: 'developer',
  });
  const dev = developer(world.forge, SERVICE, token);
  const fault = options.fault === undefined ? {} : FAULTS[options.fault];
  const pull = await dev.propose(
    'change',
    options.fault === undefined ? 'Say which release this is' : `Ship the fault ${options.fault}`,
    {
      'k8s_histogram_eq/__init__.py': (text) => `${text.trimEnd()}\n\n__version__ = '1.1.0'\n`,
      ...(options.fault === undefined
        ? {}
        : {
            Dockerfile: (text: string) =>
              Object.entries(fault).reduce((t, [name, value]) => t.replace(`${name}=""`, `${name}="${value}"`), text),
          }),
    },
  );
  const checked = await world.run(pullRequestEvent(pull), progress.onEvent, controller.signal);
  controller.signal.throwIfAborted();
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

interface Delivered {
  run: Run;
  live: Live;
  pushed: string;
  start: number;
  end: number;
  setUp: number;
  valuesBefore: string;
  headBefore: string;
  began: number;
}

async function conclude(world: World, options: DemoOptions, progress: Progress, d: Delivered): Promise<number> {
  const outputs = deliveryOutputs(d.run);
  const handoffs = await handoffsSince(world.paths.config, d.headBefore);
  const valuesAfter = await world.values();
  const running = [
    ...new Set(
      d.live.cluster
        .pods()
        .filter((p) => p.state === 'Running')
        .map((p) => p.imageId),
    ),
  ];
  const digestIn = (text: string): string => String(parseDocument(text).getIn(['image', 'digest']) ?? '');
  const samples = d.live.traffic.samples();
  const facts = await collectFacts({
    run: d.run,
    revision: d.pushed,
    samples,
    start: d.start,
    end: d.end,
    handoffs,
    running,
    outputs,
    timings: [
      { name: 'set-up', seconds: d.setUp },
      { name: 'push to end', seconds: (d.end - d.start) / 1000 },
      { name: 'all', seconds: (performance.now() - d.began) / 1000 },
    ],
  });
  const own = join(root, '.lab/demo');
  // Our own folder shows the last run and nothing older; a folder that somebody named is not ours to clear.
  if (options.report === undefined) await rm(own, { recursive: true, force: true });
  const report = resolve(options.report ?? join(own, 'report.html'));
  await writeReport(report, renderReport(facts), d.run);
  const problems = unmet(options, {
    conclusion: d.run.conclusion,
    verdict: outputs.verdict ?? '',
    reason: outputs.reason ?? '',
    handoffs,
    valuesBefore: d.valuesBefore,
    valuesAfter,
    digest: {
      delivered: outputs.digest ?? '',
      values: digestIn(valuesAfter),
      registry: world.registry.tag(SERVICE, outputs.tag ?? '') ?? '',
      running,
      before: digestIn(d.valuesBefore),
    },
    failed: facts.requests.failed,
    sent: facts.requests.sent,
  });
  if (options.json)
    console.log(
      JSON.stringify({
        ok: problems.length === 0,
        problems,
        outputs,
        requests: facts.requests,
        commits: handoffs.map(({ sha, subject }) => ({ sha, subject })),
        report,
        timings: facts.timings,
      }),
    );
  else tell(progress, facts, handoffs, report, problems);
  if (options.keep) await keepRunning(world, d.live.cluster, progress);
  return problems.length === 0 ? 0 : 1;
}

function tell(
  progress: Progress,
  facts: Awaited<ReturnType<typeof collectFacts>>,
  handoffs: Awaited<ReturnType<typeof handoffsSince>>,
  report: string,
  problems: readonly string[],
): void {
  progress.title(`Git log of ${CONFIG}`);
  for (const h of handoffs) {
    progress.info(`${h.sha.slice(0, 12)} ${h.subject}`);
    for (const [key, value] of h.trailers.filter(([k]) => /^(Bump-Id|Image-Ref|Bump-Value|Delivery-Id)$/.test(k)))
      progress.info(`               ${key}: ${value}`);
  }
  progress.title('Result');
  const r = facts.requests;
  progress.info(facts.message);
  progress.info(
    `${r.sent} requests, ${r.toCanary} to the new version, ${r.failed} failed (${((100 * r.failed) / Math.max(1, r.sent)).toFixed(2)} %)`,
  );
  progress.info(`image ${facts.image.ref}`);
  progress.info(`pods run ${facts.image.running.join(', ')}`);
  for (const timing of facts.timings) progress.info(`${timing.name}: ${timing.seconds.toFixed(1)} s`);
  progress.info(`report ${report}`);
  for (const problem of problems) progress.info(`NOT AS PROMISED: ${problem}`);
}

async function writeReport(path: string, page: string, run: Run): Promise<void> {
  const dir = dirname(path);
  await mkdir(dir, { recursive: true });
  for (const artifact of run.artifacts.filter((a) => a.name.startsWith('canary-'))) {
    await rm(join(dir, artifact.name), { recursive: true, force: true });
    await cp(artifact.folder, join(dir, artifact.name), { recursive: true });
  }
  await writeFile(path, page);
}

/** Outputs of the called workflow, and those of its jobs that it does not hand on. */
function deliveryOutputs(run: Run): Record<string, string> {
  const deliver = run.jobs.find((job) => job.id === 'deliver');
  const result = leafJobs(run).find((job) => job.id === 'result');
  const message = result?.steps.find((s) => s.id === 'result')?.outputs.message ?? '';
  return { ...deliver?.outputs, message };
}

async function keepRunning(world: World, cluster: Live['cluster'], progress: Progress): Promise<void> {
  progress.title('Left running until Ctrl-C');
  progress.info(`service ${cluster.gatewayUrl}`);
  progress.info(`forge ${world.forge.url}`);
  progress.info(`metrics ${world.metrics.url}`);
  progress.info(`Argo CD's read API ${cluster.apiUrl} (token ${cluster.apiToken})`);
  await new Promise<void>((done) => {
    if (controller.signal.aborted) done();
    controller.signal.addEventListener('abort', () => done());
  });
}
