/** A round on the lab's forge: the real engine, the real transports, a real Git repository, the same faults. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../../../lab/forge/git.ts';
import { type Forge, startForge } from '../../../lab/forge/server.ts';
import { seededRandom } from '../../../lab/traffic/images.ts';
import { parseBumpInputs } from '../../../src/bump-helm-tag/inputs.ts';
import { openEdges } from '../../../src/bump-helm-tag/open.ts';
import { type Http, openHttp } from '../../../src/http/index.ts';
import { ActionError, type Clock, Deadline, memoryLog, systemClock } from '../../../src/runner/index.ts';
import { check, type End, type SeenCommit } from './checker.ts';
import { type FaultProfile, forgeFaults } from './faults.ts';
import type { Layout, RoundPlan, WriterPlan } from './layouts.ts';
import { inLine, inputsEnv, mixed, type RoundResult, uuid, writerEnd } from './memory-round.ts';

/** The engine's waits pass five times as fast as the wall clock: a round is to race, not to wait. */
const PACE = 5;
const DEADLINE = 300;
const HURRIED = 12;
/** The longest effect that comes after its request was given up. */
const LATE_MS = 1300;

const fastClock: Clock = {
  now: () => systemClock.now() * PACE,
  sleep: (seconds, signal) => systemClock.sleep(seconds / PACE, signal),
};

interface World {
  forge: Forge;
  http: Http;
  transport: 'github' | 'git';
  profile: FaultProfile;
  plan: RoundPlan;
  random: () => number;
  env: Readonly<Record<string, string>>;
}

export async function forgeRound(o: {
  transport: 'github' | 'git';
  layout: Layout;
  profile: FaultProfile;
  writers: number;
  seed: number;
}): Promise<RoundResult> {
  const random = seededRandom(mixed(o.seed, `${o.transport} ${o.layout.name} ${o.profile.name} ${o.writers}`));
  const plan = o.layout.plan(o.writers, random);
  const temp = await mkdtemp(join(tmpdir(), 'soak-'));
  const forge = await startForge();
  const http = openHttp();
  try {
    const { path } = await forge.createRepository('org/cfg', { files: plan.files });
    const token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
    const env = {
      GITHUB_REPOSITORY: 'org/app',
      GITHUB_API_URL: forge.apiUrl,
      GITHUB_SERVER_URL: forge.url,
      RUNNER_TEMP: temp,
      PATH: process.env.PATH ?? '',
      INPUT_TOKEN: token,
      INPUT_TRANSPORT: o.transport,
    };
    for (const fault of forgeFaults(o.profile, o.transport, random, 6 * o.writers)) forge.faults.add(fault);
    const world = { forge, http, transport: o.transport, profile: o.profile, plan, random, env };
    const start = systemClock.now();
    const ends = await Promise.all(plan.writers.map((writer) => one(writer, world)));
    const took = (systemClock.now() - start) * PACE;
    if (o.profile.writes.late !== undefined) await systemClock.sleep(LATE_MS / 1000);
    const commits = await readLog(path, Object.keys(plan.files));
    const write = o.transport === 'github' ? /graphql$/ : /git-receive-pack$/;
    return {
      plan,
      commits,
      violations: check(plan, commits, ends),
      ends,
      landed: commits.filter((c) => /^Bump-Id: /m.test(c.message)).length,
      writes: forge
        .requests()
        .filter((r) => r.method === 'POST' && write.test(r.path) && (r.operation ?? 'BumpCommit') === 'BumpCommit')
        .length,
      conflicts: ends.reduce((sum, e) => sum + Number(e.outputs.conflicts ?? 0), 0),
      took,
    };
  } finally {
    await http.close();
    await forge.close();
    await rm(temp, { recursive: true, force: true });
  }
}

async function one(writer: WriterPlan, { http, profile, plan, random, env }: World): Promise<End> {
  const bumpId = uuid(random);
  const seconds = random() < profile.hurried ? HURRIED : DEADLINE;
  const cancelAfter = random() < profile.cancelled ? 8 * random() : undefined;
  const ending = new AbortController();
  const timer =
    cancelAfter === undefined
      ? undefined
      : setTimeout(
          () =>
            ending.abort(new ActionError('E_CANCELLED', { what: 'run', why: 'it was cancelled', fix: 'Run it again' })),
          (cancelAfter / PACE) * 1000,
        );
  const given = inputsEnv({ ...writer.inputs, deadline: `${seconds}s` }, env);
  // What a run waits for is told by the fast clock; what cuts its requests off is the wall clock.
  using deadline = new Deadline(seconds, fastClock, ending.signal);
  const edges = openEdges(parseBumpInputs(given), given, http, deadline, memoryLog());
  try {
    return await writerEnd(bumpId, given, {
      repository: edges.repository,
      source: inLine(plan.history),
      clock: fastClock,
      random,
      deadline,
      log: memoryLog(),
    });
  } finally {
    clearTimeout(timer);
    await edges.close();
  }
}

/** The branch from its first commit to its last, with the files of every commit. */
export async function readLog(path: string, files: readonly string[]): Promise<SeenCommit[]> {
  const log = (await git(path, ['log', '--reverse', '-z', '--format=%H%n%P%n%B', 'main'])).toString().split('\0');
  const commits = log
    .filter((record) => record !== '')
    .map((record) => {
      const [oid = '', parents = '', ...message] = record.split('\n');
      return { oid, parents: parents.split(' ').filter(Boolean), message: message.join('\n').trimEnd() };
    });
  const wanted = commits.flatMap(({ oid }) => files.map((file) => `${oid}:${file}`));
  const blobs = readBatch(await git(path, ['cat-file', '--batch'], `${wanted.join('\n')}\n`));
  return commits.map((commit, i) => ({
    ...commit,
    files: Object.fromEntries(files.map((file, k) => [file, blobs[i * files.length + k] ?? ''])),
  }));
}

function readBatch(out: Buffer): string[] {
  const blobs: string[] = [];
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf('\n', at);
    const head = out.subarray(at, end).toString('latin1');
    const size = Number(/ blob (\d+)$/.exec(head)?.[1] ?? -1);
    blobs.push(size < 0 ? '' : out.subarray(end + 1, end + 1 + size).toString('utf8'));
    at = size < 0 ? end + 1 : end + 2 + size;
  }
  return blobs;
}
