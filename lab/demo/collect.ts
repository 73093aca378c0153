/** From what the parts saw to the facts of the delivery report. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { git } from '../forge/git.ts';
import type {
  AuditFact,
  CommitFact,
  DeliveryFacts,
  DriftFact,
  JobFact,
  StageFact,
  TrafficFact,
} from '../report/facts.ts';
import { leafJobs, type Run } from '../runner/index.ts';
import { downtime, isFailure, type Sample } from '../traffic/stats.ts';
import type { Strategy } from './options.ts';
import { APP, VALUES_FILE } from './seed.ts';

export interface Handoff extends CommitFact {
  /** Unix milliseconds. */
  at: number;
  /** Weight that the commit asks for, when it sets one. */
  weight: number | undefined;
}

/** Commits after `since`, oldest first. */
export async function handoffsSince(gitDir: string, since: string): Promise<Handoff[]> {
  const out = (await git(gitDir, ['log', '--reverse', '--format=%H%x00%ct%x00%B%x01', `${since}..main`])).toString(
    'utf8',
  );
  const commits: Handoff[] = [];
  for (const record of out.split('\x01')) {
    const [sha = '', seconds = '', message = ''] = record.replace(/^\n/, '').split('\0');
    if (sha === '') continue;
    const diff = (await git(gitDir, ['show', '--format=', sha])).toString('utf8');
    const blocks = parseBlocks(message.trimEnd());
    const weight = blocks.flatMap((b) => b.targets).find((t) => t.id.endsWith('#canary.weight'))?.value;
    commits.push({
      sha,
      at: Number(seconds) * 1000,
      subject: message.split('\n')[0] ?? '',
      trailers: trailersOf(message),
      diff,
      weight: weight === undefined ? undefined : Number(weight),
    });
  }
  return commits;
}

function trailersOf(message: string): [string, string][] {
  const paragraph = message.trimEnd().split(/\n\n/).at(-1) ?? '';
  return paragraph.split('\n').flatMap((line): [string, string][] => {
    const at = line.indexOf(': ');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 2)]];
  });
}

/** Counts a second: requests by version, and failures. */
export function trafficBySecond(
  samples: readonly Sample[],
  canaryRevision: string,
  start: number,
  end: number,
): TrafficFact[] {
  const seconds: TrafficFact[] = Array.from({ length: Math.max(0, Math.ceil((end - start) / 1000)) }, (_, second) => ({
    second,
    stable: 0,
    canary: 0,
    failed: 0,
  }));
  for (const sample of samples) {
    const fact = seconds[Math.floor((sample.at - start) / 1000)];
    if (fact === undefined) continue;
    if (sample.revision === canaryRevision) fact.canary += 1;
    else if (sample.revision !== '') fact.stable += 1;
    if (isFailure(sample.code)) fact.failed += 1;
  }
  return seconds;
}

export interface CollectOptions {
  strategy: Strategy;
  drift: DriftFact | undefined;
  audit: readonly AuditFact[];
  run: Run;
  revision: string;
  samples: readonly Sample[];
  /** Unix milliseconds of the push, and of the end. */
  start: number;
  end: number;
  handoffs: readonly Handoff[];
  running: readonly string[];
  timings: readonly { name: string; seconds: number }[];
  outputs: Readonly<Record<string, string>>;
}

// A cell that was cancelled in the queue has no time of its own to show.
function jobFacts(run: Run, start: number): JobFact[] {
  const since = (iso: string): number => Math.max(0, (Date.parse(iso) - start) / 1000);
  return leafJobs(run)
    .filter((job) => job.conclusion !== 'skipped' && job.steps.length > 0)
    .map((job) => ({
      name: job.name,
      conclusion: job.conclusion,
      start: since(job.startedAt),
      end: since(job.startedAt) + job.seconds,
    }));
}

/** Of a change that was not merged: its jobs, and nothing else happened. */
export function refusalFacts(o: {
  run: Run;
  message: string;
  start: number;
  strategy: Strategy;
  timings: DeliveryFacts['timings'];
}): DeliveryFacts {
  return {
    app: APP,
    strategy: o.strategy,
    revision: o.run.sha,
    verdict: 'refused',
    message: o.message,
    jobs: jobFacts(o.run, o.start),
    stages: [],
    traffic: [],
    wanted: [],
    downtime: { failed: 0, byCode: {}, seconds: 0 },
    drift: undefined,
    audit: [],
    requests: { sent: 0, failed: 0, toCanary: 0 },
    image: { ref: '', reused: false, running: [] },
    commits: [],
    machine: machine(),
    timings: o.timings,
  };
}

function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model ?? arch()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}; values in ${VALUES_FILE}`;
}

export async function collectFacts(o: CollectOptions): Promise<DeliveryFacts> {
  const { samples } = o;
  return {
    app: APP,
    strategy: o.strategy,
    revision: o.revision,
    verdict: o.outputs.verdict || 'hold',
    message: o.outputs.message || o.outputs.reason || '',
    jobs: jobFacts(o.run, o.start),
    stages: await stageFacts(o.run),
    traffic: trafficBySecond(samples, o.revision, o.start, o.end),
    wanted: wantedWeights(o.handoffs, o.start, o.outputs.verdict === 'pass'),
    downtime: downtime(samples),
    drift: o.drift,
    audit: o.audit,
    requests: {
      sent: samples.length,
      failed: samples.filter((s) => isFailure(s.code)).length,
      toCanary: samples.filter((s) => s.revision === o.revision).length,
    },
    image: { ref: o.outputs.ref ?? '', reused: o.outputs.reused === 'true', running: o.running },
    commits: o.handoffs,
    machine: machine(),
    timings: o.timings,
  };
}

/** The share of the new version that Git asked for, from each moment on. */
export function wantedWeights(
  handoffs: readonly Pick<Handoff, 'at' | 'weight'>[],
  start: number,
  delivered: boolean,
): { second: number; weight: number }[] {
  // Without weights only the last commit moves requests, and it moves all of them. With weights the last one, `finish`, sets
  // the weight to 0, because the new version is the stable one then: all traffic is meant for it too.
  return [
    { second: 0, weight: 0 },
    ...handoffs.flatMap(({ at, weight }, index) => {
      const wanted = delivered && index === handoffs.length - 1 ? 100 : weight;
      return wanted === undefined ? [] : [{ second: Math.max(0, (at - start) / 1000), weight: wanted }];
    }),
  ];
}

/** Of the step that the run judged: its trace may hold those before it. */
function secondsOf(steps: unknown): number | undefined {
  const last: unknown = Array.isArray(steps) ? steps.at(-1) : undefined;
  if (typeof last !== 'object' || last === null || !('start' in last && 'end' in last)) return undefined;
  return Number(last.end) - Number(last.start);
}

async function stageFacts(run: Run): Promise<StageFact[]> {
  const stages: (StageFact & { index: number })[] = [];
  for (const artifact of run.artifacts.filter((a) => a.name.startsWith('canary-'))) {
    const read = async (name: string): Promise<Record<string, unknown> | undefined> => {
      const text = await readFile(join(artifact.folder, name), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
    };
    const record = await read('stage.json');
    if (record === undefined) continue;
    const verdict = await read('verdict.json');
    stages.push({
      index: Number(record.index),
      name: String(record.name),
      weight: Number(record.weight),
      verdict: verdict === undefined ? 'handoff only' : String(verdict.verdict),
      message: verdict === undefined ? '' : String(verdict.message),
      seconds: secondsOf(verdict?.steps),
      commit: String(record['commit-sha']),
      report: verdict === undefined ? undefined : `${artifact.name}/report.html`,
    });
  }
  return stages.sort((a, b) => a.index - b.index);
}
