/** Start-up: reads the workflow and all it calls, and finds every fault that fails a run before its first job. */
import { evaluateToken } from './evaluate.ts';
import { isBasicExpression, isBoolean, isNumber } from './grammar.ts';
import { loadWorkflow, pairs } from './load.ts';
import type { InputDef, JobDef, Permissions, PermissionsSpec, WorkflowFile } from './model.ts';
import { DEFAULT_PERMISSIONS, expand, violations } from './permissions.ts';
import type { Repositories, Repository } from './repositories.ts';
import { parseReference } from './resolve.ts';

/** GitHub: the top workflow and up to nine levels of calls; at most 50 different workflows called in all. */
const MAX_LEVELS = 10;
const MAX_FILES = 50;

/** A workflow with the workflows it calls. */
export interface WorkflowNode {
  /** `owner/name/path@ref`. */
  label: string;
  repository: Repository;
  path: string;
  file: WorkflowFile;
  /** By job id. */
  calls: ReadonlyMap<string, WorkflowNode>;
  /** What the token of each job may do, by job id. */
  permissions: ReadonlyMap<string, Permissions>;
}

export interface TreeOptions {
  repositories: Repositories;
  repo: string;
  /** Commit of the top workflow. */
  sha: string;
  /** Path of the top workflow in that repository. */
  file: string;
  event: string;
  defaultPermissions: 'read' | 'write';
}

/** @returns the tree, or every start-up error */
export async function loadTree(o: TreeOptions): Promise<{ node?: WorkflowNode; errors: readonly string[] }> {
  const walk = new Walk(o.repositories);
  const open = o.repositories[o.repo];
  const repository = open === undefined ? undefined : await open(o.sha);
  if (repository === undefined) return { errors: [`${o.repo}: no such repository, or it has no commit ${o.sha}`] };
  const node = await walk.visit({
    repository,
    path: o.file,
    granted: DEFAULT_PERMISSIONS[o.defaultPermissions],
    chain: [],
  });
  if (node !== undefined && !node.file.events.has(o.event)) {
    walk.errors.push(`${node.label}: is not triggered by ${o.event} (on: ${[...node.file.events].join(', ')})`);
  }
  return node === undefined || walk.errors.length > 0 ? { errors: walk.errors } : { node, errors: [] };
}

interface Visit {
  repository: Repository;
  path: string;
  /** The most that this workflow may ask for; for the top workflow what it gets when it asks for nothing. */
  granted: Permissions;
  /** Labels from the top to the caller, and the job that calls. */
  chain: readonly string[];
  caller?: { label: string; job: JobDef };
}

class Walk {
  readonly errors: string[] = [];
  readonly #files = new Set<string>();
  readonly #repositories: Repositories;

  constructor(repositories: Repositories) {
    this.#repositories = repositories;
  }

  async visit(v: Visit): Promise<WorkflowNode | undefined> {
    const label = `${v.repository.name}/${v.path}@${v.repository.ref}`;
    const by = v.caller === undefined ? '' : ` (called by ${v.caller.label}, job ${v.caller.job.id})`;
    if (v.chain.includes(label))
      return this.#fail(`${[...v.chain, label].join(' -> ')}: workflows call each other in a circle`);
    if (v.chain.length >= MAX_LEVELS) return this.#fail(`${label}${by}: more than ${MAX_LEVELS} levels of workflows`);
    if (v.caller !== undefined) this.#files.add(label);
    if (this.#files.size > MAX_FILES)
      return this.#fail(`${label}${by}: more than ${MAX_FILES} different workflows are called in one run`);

    const text = await v.repository.read(v.path);
    if (text === undefined) return this.#fail(`${label}${by}: no such workflow file`);
    const { value: file, errors } = await loadWorkflow(label, text);
    if (file === undefined) {
      this.errors.push(...errors.map((error) => `${error}${by}`));
      return undefined;
    }
    if (v.caller !== undefined) this.#checkCall(label, file, v.caller);

    const permissions = this.#permissions(label, file, v);
    const calls = new Map<string, WorkflowNode>();
    for (const job of file.jobs) {
      if (job.call === undefined) continue;
      const place = await this.#callee(label, job, v.repository);
      if (place === undefined) continue;
      const callee = await this.visit({
        ...place,
        granted: permissions.get(job.id) ?? {},
        chain: [...v.chain, label],
        caller: { label, job },
      });
      if (callee !== undefined) calls.set(job.id, callee);
    }
    return { label, repository: v.repository, path: v.path, file, calls, permissions };
  }

  #fail(message: string): undefined {
    this.errors.push(message);
    return undefined;
  }

  async #callee(
    label: string,
    job: JobDef,
    from: Repository,
  ): Promise<{ repository: Repository; path: string } | undefined> {
    const uses = job.call?.uses ?? '';
    try {
      const reference = parseReference(uses);
      const repository = reference.kind === 'remote' ? await this.#repositories[reference.repo]?.(reference.ref) : from;
      if (repository === undefined) return this.#fail(`${label}: job ${job.id}: "${uses}": no such repository or ref`);
      return { repository, path: reference.path };
    } catch (error) {
      return this.#fail(`${label}: job ${job.id}: ${(error as Error).message}`);
    }
  }

  /** What each job gets; a callee that asks for more than its caller grants fails the whole run. */
  #permissions(label: string, file: WorkflowFile, v: Visit): Map<string, Permissions> {
    const check = (spec: PermissionsSpec, who: string): Permissions => {
      const asked = expand(spec);
      if (v.caller === undefined) return asked;
      const over = violations(asked, v.granted);
      if (over.requested.length > 0) {
        this.#fail(
          `${v.caller.label}: error calling workflow '${label}' in job ${v.caller.job.id}: ${who} is requesting ` +
            `'${over.requested.join(', ')}', but is only allowed '${over.allowed.join(', ')}'`,
        );
      }
      return asked;
    };
    const top = file.permissions === undefined ? v.granted : check(file.permissions, 'the workflow');
    return new Map(
      file.jobs.map((job) => [
        job.id,
        job.permissions === undefined ? top : check(job.permissions, `the nested job '${job.id}'`),
      ]),
    );
  }

  /** Inputs and secrets that are missing, unknown or, when literal, of the wrong type. */
  #checkCall(label: string, file: WorkflowFile, caller: { label: string; job: JobDef }): void {
    const where = `${caller.label}: job ${caller.job.id} calls ${label}`;
    if (file.call === undefined) {
      this.#fail(`${where}: which is no reusable workflow (no on: workflow_call)`);
      return;
    }
    const given = new Map(pairs(caller.job.call?.with));
    for (const [name, token] of given) {
      const input = file.call.inputs.get(name);
      if (input === undefined)
        this.#fail(`${where}: unknown input ${name} (known: ${[...file.call.inputs.keys()].join(', ')})`);
      else if (!isBasicExpression(token)) {
        const problem = typeProblem(input, evaluateToken(token, { contexts: {} }));
        if (problem !== undefined) this.#fail(`${where}: input ${name}: ${problem}`);
      }
    }
    for (const [name, input] of file.call.inputs) {
      if (input.required && !given.has(name)) this.#fail(`${where}: required input ${name} is missing`);
      if (input.default !== undefined && input.type !== 'string' && !isBasicExpression(input.default)) {
        const right = input.type === 'boolean' ? isBoolean(input.default) : isNumber(input.default);
        if (!right) this.#fail(`${label}: default of input ${name} is no ${input.type}`);
      }
    }
    const secrets = caller.job.call?.secrets;
    if (secrets === 'inherit') return;
    const passed = new Set(pairs(secrets).map(([name]) => name.toUpperCase()));
    const declared = new Map([...file.call.secrets].map(([name, def]) => [name.toUpperCase(), def]));
    for (const name of passed) if (!declared.has(name)) this.#fail(`${where}: secret ${name} is not declared there`);
    for (const [name, def] of declared) {
      if (def.required && !passed.has(name)) this.#fail(`${where}: required secret ${name} is missing`);
    }
  }
}

/** Why a value does not fit an input of a called workflow; GitHub coerces to string only. */
export function typeProblem(input: InputDef, value: unknown): string | undefined {
  if (input.type === 'string') return typeof value === 'object' && value !== null ? 'is no string' : undefined;
  if (input.type === 'boolean' || input.type === 'number') {
    return typeof value === input.type ? undefined : `${JSON.stringify(value) ?? 'nothing'} is no ${input.type}`;
  }
  return `type ${input.type} does not exist for workflow_call`;
}
