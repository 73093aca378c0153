/** The machine of one job: its folders, environment, secrets and log. Each job gets a fresh one. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Value } from './evaluate.ts';
import type { RunFrame } from './frame.ts';
import { hashFiles } from './hash-files.ts';
import { type Masker, masker } from './mask.ts';
import { killOrphans } from './orphans.ts';
import type { Sink } from './sink.ts';

/** A pre or post part of a JavaScript action that waits for its turn. */
export interface Hook {
  name: string;
  /** Condition, without an implied success(). */
  if: string;
  /** @returns whether it went well */
  run(sink: Sink, signal: AbortSignal): Promise<boolean>;
}

export interface Machine {
  frame: RunFrame;
  /** Name of the job's check run, for events. */
  jobName: string;
  workspace: string;
  temp: string;
  /** Base environment: PATH, HOME, LANG, what the options add, RUNNER_*, GITHUB_*. */
  base: Readonly<Record<string, string>>;
  /** What earlier steps put into GITHUB_ENV. */
  env: Record<string, string>;
  /** What earlier steps put into GITHUB_PATH, the last one first. */
  path: string[];
  masker: Masker;
  /** The github context of this job. */
  github: Readonly<Record<string, Value>>;
  runner: Readonly<Record<string, Value>>;
  hashFiles(patterns: readonly string[]): string;
  /** Cancels running steps; not aborted at the start even when the run is cancelled already. */
  signal: AbortSignal;
  /** Post parts in the order in which their main parts began: run backwards. */
  posts: Hook[];
  /** GITHUB_STATE by key of the step. */
  states: Map<string, Record<string, string>>;
  /** Sessions of the processes that steps have started. */
  sessions: Set<number>;
  /** Throws when the machine is lost. */
  check(): void;
  /** A number that no other step of the job has. */
  nextId(): string;
  close(): Promise<void>;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'X64', arm64: 'ARM64', arm: 'ARM', ia32: 'X86' };
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' };

export async function openMachine(o: {
  frame: RunFrame;
  jobId: string;
  jobName: string;
  token: string;
  secrets: readonly string[];
  signal: AbortSignal;
}): Promise<Machine> {
  const { frame } = o;
  const tracking = `lab_${randomUUID()}`;
  const folder = join(frame.folder, 'jobs', `${slug(o.jobName)}-${tracking.slice(-8)}`);
  const repository = frame.options.repo.split('/')[1] ?? 'repository';
  const workspace = join(folder, 'work', repository, repository);
  const temp = join(folder, 'temp');
  const home = join(folder, 'home');
  const tools = join(frame.folder, 'tools');
  for (const path of [workspace, temp, home, tools]) await mkdir(path, { recursive: true });
  const eventPath = join(temp, '_github_workflow', 'event.json');
  await mkdir(join(temp, '_github_workflow'));
  await writeFile(eventPath, JSON.stringify(frame.options.event.payload));

  const github = { ...frame.github, job: o.jobId, token: o.token, workspace, event_path: eventPath };
  const runner = {
    os: SYSTEMS[process.platform] ?? process.platform,
    arch: ARCHITECTURES[process.arch] ?? process.arch,
    name: 'lab',
    environment: 'self-hosted',
    temp,
    tool_cache: tools,
    workspace: join(folder, 'work', repository),
  };
  let ids = 0;
  const lost = frame.options.machineLost?.(o.jobName);
  const sessions = new Set<number>();
  // Again and again until the job is closed: a step may be just about to start something.
  let sweeper: NodeJS.Timeout | undefined;
  const onLost = (): void => {
    void killOrphans(tracking, sessions);
    sweeper = setInterval(() => void killOrphans(tracking, sessions), 100);
  };
  lost?.addEventListener('abort', onLost, { once: true });
  return {
    frame,
    jobName: o.jobName,
    workspace,
    temp,
    base: {
      PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: home,
      LANG: 'C.UTF-8',
      ...frame.options.env,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      LAB_ARTIFACTS: frame.artifacts,
      RUNNER_TRACKING_ID: tracking,
      ...upper('RUNNER', runner),
      ...upper('GITHUB', github, GITHUB_VARIABLES),
    },
    env: {},
    path: [],
    masker: masker([o.token, ...o.secrets]),
    github,
    runner,
    hashFiles: (patterns) => hashFiles(workspace, patterns),
    signal: o.signal,
    posts: [],
    states: new Map(),
    sessions,
    check() {
      if (lost?.aborted) throw new Error('the runner lost communication with the server');
    },
    nextId: () => {
      ids += 1;
      return String(ids);
    },
    async close() {
      lost?.removeEventListener('abort', onLost);
      clearInterval(sweeper);
      await killOrphans(tracking, sessions);
      if (frame.options.keep !== true) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Keys of the github context that are GITHUB_* variables too: never the token. */
const GITHUB_VARIABLES = [
  'actor',
  'api_url',
  'base_ref',
  'event_name',
  'event_path',
  'graphql_url',
  'head_ref',
  'job',
  'ref',
  'ref_name',
  'ref_protected',
  'ref_type',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'retention_days',
  'run_attempt',
  'run_id',
  'run_number',
  'server_url',
  'sha',
  'triggering_actor',
  'workflow',
  'workflow_ref',
  'workflow_sha',
  'workspace',
];

function upper(
  prefix: string,
  context: Readonly<Record<string, Value>>,
  keys: readonly string[] = Object.keys(context),
): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [`${prefix}_${key.toUpperCase()}`, String(context[key] ?? '')]));
}

function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 40);
}
