/** A workflow file as the runner sees it: what GitHub's parser accepted, in the runner's own words. */
import type { MappingToken, TemplateToken } from './grammar.ts';

export type Level = 'read' | 'write' | 'none';
/** Scope to level, as written; scopes that are not written are `none`. */
export type Permissions = Readonly<Record<string, Level>>;
export type PermissionsSpec = Permissions | 'read-all' | 'write-all';

export interface StepDef {
  /** Name in the `steps` context; starts with `__` when the file gives none. */
  id: string;
  name?: TemplateToken;
  /** Expression, with the implied `success() &&` in place. */
  if: string;
  continueOnError?: TemplateToken;
  env?: MappingToken;
  timeout?: TemplateToken;
  /** Exactly one of `run` and `uses`. */
  run?: TemplateToken;
  shell?: TemplateToken;
  workingDirectory?: TemplateToken;
  uses?: string;
  with?: MappingToken;
}

export interface RunDefaults {
  shell?: TemplateToken;
  workingDirectory?: TemplateToken;
}

export interface JobDef {
  id: string;
  name?: TemplateToken;
  needs: readonly string[];
  if: string;
  permissions?: PermissionsSpec;
  env?: MappingToken;
  strategy?: TemplateToken;
  outputs?: MappingToken;
  timeout?: TemplateToken;
  continueOnError?: TemplateToken;
  environment?: TemplateToken;
  concurrency?: TemplateToken;
  runsOn?: TemplateToken;
  defaults: RunDefaults;
  steps: readonly StepDef[];
  /** Of a job that calls a workflow; such a job has no steps. */
  call?: { uses: string; with?: MappingToken; secrets?: MappingToken | 'inherit' };
}

export interface InputDef {
  type: 'string' | 'number' | 'boolean' | 'choice' | 'environment';
  required: boolean;
  default?: TemplateToken;
}

export interface WorkflowFile {
  name?: string;
  runName?: TemplateToken;
  events: ReadonlySet<string>;
  /** Of `on.workflow_call`. */
  call?: {
    inputs: ReadonlyMap<string, InputDef>;
    secrets: ReadonlyMap<string, { required: boolean }>;
    outputs: ReadonlyMap<string, TemplateToken>;
  };
  /** Of `on.workflow_dispatch`. */
  dispatch?: ReadonlyMap<string, InputDef>;
  permissions?: PermissionsSpec;
  env?: MappingToken;
  defaults: RunDefaults;
  concurrency?: TemplateToken;
  jobs: readonly JobDef[];
}
