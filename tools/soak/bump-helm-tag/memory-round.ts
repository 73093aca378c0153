/** A round in memory: the real engine, a seeded host, seeded time. */

import { seededRandom } from '../../../lab/traffic/images.ts';
import type { ConfigRepository, Relation, SourceHistory } from '../../../src/bump-helm-tag/config-repository.ts';
import { parseBumpInputs } from '../../../src/bump-helm-tag/inputs.ts';
import { outputsOf } from '../../../src/bump-helm-tag/report.ts';
import { run } from '../../../src/bump-helm-tag/run.ts';
import { ActionError, Deadline, describeError, memoryLog } from '../../../src/runner/index.ts';
import { check, type End, type SeenCommit, type Violation } from './checker.ts';
import type { FaultProfile } from './faults.ts';
import { handEdit, type Layout, type RoundPlan, type WriterPlan, withLine } from './layouts.ts';
import { type ClientPorts, MemoryRepository, MemoryServer } from './memory.ts';
import { VirtualTime } from './virtual-time.ts';

export interface RoundResult {
  plan: RoundPlan;
  commits: readonly SeenCommit[];
  violations: readonly Violation[];
  ends: readonly End[];
  /** Commits of bumps on the branch. */
  landed: number;
  writes: number;
  conflicts: number;
  /** Seconds that the round took its writers. */
  took: number;
}

export interface RoundOptions {
  layout: Layout;
  profile: FaultProfile;
  writers: number;
  seed: number;
  /** Another host, for the tests of the checker. */
  server?: (files: Readonly<Record<string, string>>) => MemoryServer;
  client?: (server: MemoryServer, ports: ClientPorts) => ConfigRepository;
  inputs?: Readonly<Record<string, string>>;
}

const MEMORY_ENV = { GITHUB_REPOSITORY: 'org/app', INPUT_TOKEN: 't' };
const DEADLINE = 300;
const HURRIED = 10;
/** Writers start within so many seconds. */
const SPREAD = 1;

export async function memoryRound(o: RoundOptions): Promise<RoundResult> {
  // The same seed means other lots in another corner of the table.
  const random = seededRandom(mixed(o.seed, `${o.layout.name} ${o.profile.name} ${o.writers}`));
  const plan = o.layout.plan(o.writers, random);
  const server = (o.server ?? ((files) => new MemoryServer(files)))(plan.files);
  const time = new VirtualTime(random);
  const sameAgain = random() < 0.5;
  humans(plan, server, time, random);
  const work = plan.writers.map((writer) => one(writer, { o, plan, server, time, random, sameAgain }));
  let took = 0;
  const all = Promise.all(work).finally(() => {
    took = time.elapsed();
  });
  const ends = await time.drive(all);
  const commits: readonly SeenCommit[] = server.commits;
  return {
    plan,
    commits,
    violations: check(plan, commits, ends),
    ends,
    landed: commits.filter((c) => /^Bump-Id: /m.test(c.message)).length,
    writes: [...server.sent.values()].reduce((a, b) => a + b, 0),
    conflicts: ends.reduce((sum, e) => sum + Number(e.outputs.conflicts ?? 0), 0),
    took,
  };
}

interface World {
  o: RoundOptions;
  plan: RoundPlan;
  server: MemoryServer;
  time: VirtualTime;
  random: () => number;
  sameAgain: boolean;
}

async function one(writer: WriterPlan, world: World): Promise<End> {
  const { o, plan, server, time, random } = world;
  const bumpId = uuid(random);
  const seconds = random() < o.profile.hurried ? HURRIED : DEADLINE;
  const ending = new AbortController();
  await time.sleep(SPREAD * random());
  if (random() < o.profile.cancelled)
    time.after(8 * random(), () =>
      ending.abort(new ActionError('E_CANCELLED', { what: 'run', why: 'it was cancelled', fix: 'Run it again' })),
    );
  time.after(seconds, () =>
    ending.abort(new ActionError('E_TIMEOUT', { what: 'deadline', why: 'the time is over', fix: 'Raise deadline' })),
  );
  const ports = { time, random, profile: o.profile, ending: ending.signal, sameAgain: world.sameAgain };
  const repository = o.client?.(server, ports) ?? new MemoryRepository(server, ports);
  using deadline = new Deadline(seconds, time, ending.signal);
  const env = inputsEnv({ ...writer.inputs, deadline: `${seconds}s`, ...o.inputs }, MEMORY_ENV);
  const end = await writerEnd(bumpId, env, {
    repository,
    source: inLine(plan.history),
    clock: time,
    random,
    deadline,
    log: memoryLog(),
  });
  return { ...end, sent: server.sent.get(bumpId) ?? 0 };
}

/** The environment of a step with these inputs. */
export function inputsEnv(
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...env,
    'INPUT_CONFIG-REPOSITORY': 'org/cfg',
    ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
  };
}

/** Runs the action in this process and puts its end as a job would see it. */
export async function writerEnd(
  bumpId: string,
  env: Readonly<Record<string, string>>,
  ports: Parameters<typeof run>[2],
): Promise<End> {
  try {
    const outcome = await run(parseBumpInputs(env), bumpId, ports);
    const outputs = Object.entries(outputsOf(outcome, bumpId)).map(([key, value]) => [key, String(value)]);
    return { bumpId, code: 0, outputs: Object.fromEntries(outputs), message: '' };
  } catch (error) {
    return { bumpId, code: 1, outputs: {}, message: describeError('bump-helm-tag', error).message };
  }
}

/** Builds in a line: each is an ancestor of those behind it. */
export function inLine(history: readonly string[]): SourceHistory {
  return {
    async relation(base, head): Promise<Relation> {
      const [b, h] = [history.indexOf(base), history.indexOf(head)];
      return b < 0 ? 'base-unknown' : h < 0 ? 'head-unknown' : b === h ? 'identical' : b < h ? 'ahead' : 'behind';
    },
  };
}

// People commit too, to the same file, whenever they like.
function humans(plan: RoundPlan, server: MemoryServer, time: VirtualTime, random: () => number): void {
  for (let n = 1; n <= 1 + plan.writers.length / 10; n += 1)
    time.after(6 * random(), () => {
      const { line, message } = handEdit(plan, n, random);
      server.push({ [line.file]: withLine(server.head.files[line.file] ?? '', line.mark, line.text) }, message);
    });
}

/** A seed of its own for each corner of the table. */
export function mixed(seed: number, text: string): number {
  return [...text].reduce((sum, c) => (Math.imul(sum, 31) + c.charCodeAt(0)) | 0, seed);
}

export function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
