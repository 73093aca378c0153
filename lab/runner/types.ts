/** What goes into a run and what comes out of it. */
import type { Permissions } from './model.ts';
import type { CancelTimes } from './process.ts';
import type { Repositories } from './repositories.ts';
import type { Standins } from './resolve.ts';

/** Of a job or step. */
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';
export type AnnotationLevel = 'error' | 'warning' | 'notice';

export interface AnnotationRecord {
  level: AnnotationLevel;
  message: string;
  title?: string;
  file?: string;
  line?: number;
  endLine?: number;
  column?: number;
}

/** The forge as a run needs it. */
export interface ForgePort {
  /** GITHUB_SERVER_URL, GITHUB_API_URL, GITHUB_GRAPHQL_URL. */
  serverUrl: string;
  apiUrl: string;
  graphqlUrl: string;
  /** A token for the repository of the run with exactly these permissions (`metadata: read` is always among them). */
  mintToken(permissions: Readonly<Record<string, 'read' | 'write'>>): Promise<string>;
  /** Told when a job has been queued, has started and has ended. A rejection fails the run: checks decide about merging. */
  checkRun?(check: CheckRun): Promise<void>;
}

/** A check run as GitHub shows it for a job. */
export interface CheckRun {
  /** `<caller job> / <callee job> / …`. */
  name: string;
  /** The head of the pull request for that event, else the commit of the run. */
  headSha: string;
  status: 'in_progress' | 'completed';
  conclusion?: Conclusion;
  startedAt: string;
  completedAt?: string;
  summary?: string;
  annotations?: readonly AnnotationRecord[];
}

export interface EnvironmentConfig {
  secrets?: Readonly<Record<string, string>>;
  vars?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** `owner/name` of the repository whose workflow runs. */
  repo: string;
  /** Path of the workflow in it: `.github/workflows/deliver.yml`. */
  file: string;
  event: { name: string; payload: Readonly<Record<string, unknown>> };
  /** `refs/heads/main`. */
  ref: string;
  sha: string;
  forge: ForgePort;
  /** Every repository that workflows or actions come from, also the one of the run. */
  repositories: Repositories;
  /** Third-party actions; default: those of the lab. */
  standins?: Standins;
  secrets?: Readonly<Record<string, string>>;
  vars?: Readonly<Record<string, string>>;
  environments?: Readonly<Record<string, EnvironmentConfig>>;
  /** Environment of the machine, added to a small base (PATH, HOME, LANG). Nothing else of this process is passed on. */
  env?: Readonly<Record<string, string>>;
  /** Cancels the run as a person would. */
  signal?: AbortSignal;
  /** Answers for environments with reviewers; default: all are approved. */
  approve?(request: { environment: string; job: string }): Promise<boolean>;
  /**
   * The machine of a job is lost when its signal is aborted: its processes are killed, no further step of it runs, and the
   * job is a failure, as when GitHub loses a runner.
   */
  machineLost?(job: string): AbortSignal | undefined;
  onEvent?(event: RunEvent): void;
  /** Parent of all job folders and artifacts; default: a new folder in the temporary directory. The artifacts stay there. */
  workDir?: string;
  /** Leaves the folders of the jobs. */
  keep?: boolean;
  /** Jobs at the same time. */
  parallel?: number;
  /** What a workflow without `permissions` gets. */
  defaultPermissions?: 'read' | 'write';
  actor?: string;
  runId?: number;
  runNumber?: number;
  attempt?: number;
  cancelTimes?: CancelTimes;
}

export interface StepRun {
  /** As in the `steps` context; absent for set-up, pre and post steps and where the file gives none. */
  id?: string;
  name: string;
  kind: 'pre' | 'main' | 'post';
  outcome: Conclusion;
  /** The outcome after continue-on-error. */
  conclusion: Conclusion;
  log: readonly string[];
  outputs: Readonly<Record<string, string>>;
  annotations: readonly AnnotationRecord[];
  /** Annotations beyond the ten of a level, which GitHub drops. */
  droppedAnnotations: number;
  summary: string;
  seconds: number;
}

export interface JobRun {
  id: string;
  /** As a check run: `deliver / rollout / stage (5)`. */
  name: string;
  /** `owner/name/path@ref` of the file that defines it. */
  workflow: string;
  conclusion: Conclusion;
  /** Why it failed or was skipped, when no step says it. */
  reason?: string;
  matrix?: Readonly<Record<string, unknown>>;
  permissions: Permissions;
  runsOn: readonly string[];
  environment?: string;
  concurrency?: string;
  outputs: Readonly<Record<string, string>>;
  /** Jobs of the called workflow, or the cells of a matrix. */
  jobs: readonly JobRun[];
  steps: readonly StepRun[];
  annotations: readonly AnnotationRecord[];
  startedAt: string;
  seconds: number;
}

/** The jobs that had a machine or were skipped: those without jobs of their own, in the order of the files. */
export function leafJobs(run: Pick<Run, 'jobs'>): JobRun[] {
  return run.jobs.flatMap((job) => (job.jobs.length === 0 ? [job] : leafJobs(job)));
}

export interface Artifact {
  name: string;
  /** Folder that holds its files. */
  folder: string;
}

export interface Run {
  id: number;
  attempt: number;
  /** Name of the workflow. */
  name: string;
  repo: string;
  ref: string;
  sha: string;
  event: string;
  conclusion: 'success' | 'failure' | 'cancelled' | 'skipped' | 'startup_failure';
  /** Of a start-up failure, or of what went wrong around the jobs. */
  errors: readonly string[];
  concurrency?: string;
  jobs: readonly JobRun[];
  artifacts: readonly Artifact[];
  startedAt: string;
  seconds: number;
}

export type RunEvent =
  | { type: 'run-started'; run: number; name: string }
  | { type: 'job-started'; job: string }
  | { type: 'job-ended'; job: string; conclusion: Conclusion; seconds: number }
  | { type: 'step-started'; job: string; step: string }
  | { type: 'step-ended'; job: string; step: string; conclusion: Conclusion; seconds: number }
  | { type: 'log'; job: string; step: string; line: string }
  | { type: 'annotation'; job: string; step: string; annotation: AnnotationRecord }
  | { type: 'run-ended'; run: number; conclusion: Run['conclusion']; seconds: number };
