/** The local workflow runner: GitHub's workflow files on this machine, without GitHub. */
export {
  directoryRepository,
  gitRepository,
  type OpenRepository,
  type Repositories,
  type Repository,
} from './repositories.ts';
export type { Pin, Standins } from './resolve.ts';
export { restForge } from './rest-forge.ts';
export { runWorkflow } from './run.ts';
export { labStandins } from './standins.ts';
export {
  type AnnotationRecord,
  type Artifact,
  type CheckRun,
  type Conclusion,
  type EnvironmentConfig,
  type ForgePort,
  type JobRun,
  leafJobs,
  type Run,
  type RunEvent,
  type RunOptions,
  type StepRun,
} from './types.ts';
