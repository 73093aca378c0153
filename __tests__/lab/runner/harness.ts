/** Small workflows in memory, run for real on this machine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CheckRun,
  type JobRun,
  type OpenRepository,
  type Run,
  type RunOptions,
  runWorkflow,
  type StepRun,
} from '../../../lab/runner/index.ts';
import { directoryRepository } from '../../../lab/runner/repositories.ts';

export const SHA = '0123456789abcdef0123456789abcdef01234567';
const FILE = '.github/workflows/w.yml';

/** A repository whose workflow files are texts; actions of it live in `dir`. */
export function memoryRepository(name: string, files: Record<string, string>, dir?: string): OpenRepository {
  return async (ref) => ({
    name,
    ref,
    sha: SHA,
    read: async (path) => files[path],
    ...(dir !== undefined && { folder: (path: string) => join(dir, path) }),
  });
}

export interface Ran extends Run {
  checks: CheckRun[];
  minted: Record<string, string>[];
}

type Options = Partial<Omit<RunOptions, 'event'>> & {
  event?: string | RunOptions['event'];
  /** More workflow files of the same repository, by path. */
  files?: Record<string, string>;
};

/** Runs the text as the workflow of lab/service. */
export async function run(text: string, o: Options = {}): Promise<Ran> {
  const { files, event, ...options } = o;
  const workDir = await mkdtemp(join(tmpdir(), 'runner-test-'));
  const checks: CheckRun[] = [];
  const minted: Record<string, string>[] = [];
  try {
    const done = await runWorkflow({
      repo: 'lab/service',
      file: FILE,
      event: typeof event === 'object' ? event : { name: event ?? 'push', payload: {} },
      ref: 'refs/heads/main',
      sha: SHA,
      workDir,
      cancelTimes: { interruptMs: 400, terminateMs: 200 },
      ...options,
      repositories: {
        'lab/service': memoryRepository('lab/service', { [FILE]: text, ...files }),
        ...options.repositories,
      },
      forge: {
        serverUrl: 'http://127.0.0.1:9',
        apiUrl: 'http://127.0.0.1:9/api/v3',
        graphqlUrl: 'http://127.0.0.1:9/api/graphql',
        mintToken: async (permissions) => {
          minted.push({ ...permissions });
          return `ghs_${minted.length}_0123456789abcdef`;
        },
        checkRun: async (check) => {
          checks.push(check);
        },
        ...options.forge,
      },
    });
    return { ...done, checks, minted };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** A job of the run by ids: `job(run, 'deliver', 'build')`. */
export function job(run: Pick<Run, 'jobs'>, ...path: string[]): JobRun {
  let jobs = run.jobs;
  let found: JobRun | undefined;
  for (const id of path) {
    found = jobs.find((candidate) => candidate.id === id);
    jobs = found?.jobs ?? [];
  }
  if (found === undefined) throw new Error(`no job ${path.join('/')}`);
  return found;
}

export function step(of: JobRun, id: string): StepRun {
  const found = of.steps.find((candidate) => candidate.id === id || candidate.name === id);
  if (found === undefined) throw new Error(`no step ${id} in ${of.name}: ${of.steps.map((s) => s.name).join(', ')}`);
  return found;
}

/** Log lines of a step without the group that repeats the script. */
export function said(of: StepRun): string[] {
  const end = of.log.indexOf('##[endgroup]');
  return of.log.slice(end + 1);
}

export const results = (run: Pick<Run, 'jobs'>): Record<string, string> =>
  Object.fromEntries(run.jobs.map((one) => [one.id, one.conclusion]));

/** The suite's own actions and workflows from a folder of a test. */
export function suite(dir: string): OpenRepository {
  return directoryRepository({ name: 'org/actions', dir, sha: SHA });
}
