/** Text of a workflow file to {@link WorkflowFile}: schema, conditions and needs are judged by GitHub's own parser. */
import {
  convertWorkflowTemplate,
  isBoolean,
  isMapping,
  isSequence,
  isString,
  type MappingToken,
  parseWorkflow,
  type Step,
  type TemplateToken,
  trace,
} from './grammar.ts';
import type { InputDef, JobDef, Level, PermissionsSpec, RunDefaults, StepDef, WorkflowFile } from './model.ts';
import { repairLines } from './multiline.ts';

export type Loaded<T> = { value: T; errors: [] } | { value?: undefined; errors: readonly string[] };

/** @param label how the file is named in errors */
export async function loadWorkflow(label: string, text: string): Promise<Loaded<WorkflowFile>> {
  // GitHub takes such a file, but bash gets the carriage returns of every `run:`.
  if (text.includes('\r')) return { errors: [`${label}: has Windows line ends: save it with LF`] };
  const { context, value: root } = parseWorkflow({ name: label, content: text }, trace);
  if (root === undefined) return { errors: messages(context.errors.getErrors()) };
  repairLines(root, text);
  const template = await convertWorkflowTemplate(context, root);
  const errors = context.errors.getErrors();
  if (errors.length > 0) return { errors: messages(errors) };

  const top = fields(root);
  const defaults = runDefaults(top.get('defaults'));
  const converted = new Map(template.jobs.map((job) => [job.id.value, job]));
  const jobs = pairs(top.get('jobs')).map(([id, token]): JobDef => {
    const job = converted.get(id);
    if (job === undefined) throw new Error(`${label}: job ${id} was lost by the parser`);
    return jobDef(id, fields(token), job.if.expression, job.type === 'job' ? job.steps : [], defaults);
  });
  const problems = jobs.flatMap((job) => unsupported(label, job, fields(top.get('jobs')).get(job.id)));
  if (problems.length > 0) return { errors: problems };

  const events = eventsOf(top.get('on'));
  const call = events.get('workflow_call');
  const callFields = fields(call);
  const dispatch = events.get('workflow_dispatch');
  return {
    errors: [],
    value: {
      ...textField('name', top.get('name')),
      ...maybe('runName', top.get('run-name')),
      events: new Set(events.keys()),
      ...(events.has('workflow_call') && {
        call: {
          inputs: inputDefs(callFields.get('inputs')),
          secrets: new Map(
            pairs(callFields.get('secrets')).map(([name, def]) => [
              name,
              { required: flag(fields(def).get('required')) },
            ]),
          ),
          outputs: new Map(
            pairs(callFields.get('outputs')).flatMap(([name, def]) => {
              const value = fields(def).get('value');
              return value === undefined ? [] : [[name, value] as const];
            }),
          ),
        },
      }),
      ...(events.has('workflow_dispatch') && { dispatch: inputDefs(fields(dispatch).get('inputs')) }),
      ...permissionsField(top.get('permissions')),
      ...mappingField('env', top.get('env')),
      defaults,
      ...maybe('concurrency', top.get('concurrency')),
      jobs,
    },
  };
}

type Fields = ReadonlyMap<string, TemplateToken>;

function jobDef(id: string, job: Fields, condition: string, steps: readonly Step[], defaults: RunDefaults): JobDef {
  const rawSteps = list(job.get('steps'));
  const own = runDefaults(job.get('defaults'));
  const uses = job.get('uses');
  const secrets = job.get('secrets');
  return {
    id,
    ...maybe('name', job.get('name')),
    needs: textList(job.get('needs')),
    if: condition,
    ...permissionsField(job.get('permissions')),
    ...mappingField('env', job.get('env')),
    ...maybe('strategy', job.get('strategy')),
    ...mappingField('outputs', job.get('outputs')),
    ...maybe('timeout', job.get('timeout-minutes')),
    ...maybe('continueOnError', job.get('continue-on-error')),
    ...maybe('environment', job.get('environment')),
    ...maybe('concurrency', job.get('concurrency')),
    ...maybe('runsOn', job.get('runs-on')),
    defaults: { ...defaults, ...own },
    steps: steps.map((step, index) => stepDef(step, fields(rawSteps[index]))),
    ...(uses !== undefined &&
      isString(uses) && {
        call: {
          uses: uses.value,
          ...mappingField('with', job.get('with')),
          ...(secrets !== undefined && isString(secrets)
            ? { secrets: 'inherit' as const }
            : mappingField('secrets', secrets)),
        },
      }),
  };
}

/** One step out of the converted form (id, condition) and the raw one (everything the converter leaves out). */
export function stepDef(step: Step, raw: Fields): StepDef {
  const uses = raw.get('uses');
  return {
    id: step.id,
    ...maybe('name', raw.get('name')),
    if: step.if?.expression ?? 'success()',
    ...maybe('continueOnError', raw.get('continue-on-error')),
    ...mappingField('env', raw.get('env')),
    ...maybe('timeout', raw.get('timeout-minutes')),
    ...maybe('run', raw.get('run')),
    ...maybe('shell', raw.get('shell')),
    ...maybe('workingDirectory', raw.get('working-directory')),
    ...(uses !== undefined && isString(uses) && { uses: uses.value }),
    ...mappingField('with', raw.get('with')),
  };
}

/** What the runner cannot do is refused before any job: a step left out quietly would be a lie about the result. */
function unsupported(label: string, job: JobDef, token: TemplateToken | undefined): string[] {
  const keys = fields(token);
  return [
    ...['container', 'services', 'snapshot']
      .filter((key) => keys.has(key))
      .map(
        (key) => `${label}: job ${job.id} uses ${key}, which this runner does not have: run it on GitHub or with act`,
      ),
    ...job.steps
      .filter((step) => step.uses?.startsWith('docker://'))
      .map((step) => `${label}: job ${job.id} uses ${step.uses}: docker actions are refused by this runner`),
  ];
}

function eventsOf(token: TemplateToken | undefined): Map<string, TemplateToken | undefined> {
  if (token === undefined) return new Map();
  if (isMapping(token)) return new Map(pairs(token));
  return new Map(textList(token).map((name) => [name, undefined]));
}

const INPUT_TYPES = ['string', 'number', 'boolean', 'choice', 'environment'] as const;

function inputDefs(token: TemplateToken | undefined): Map<string, InputDef> {
  return new Map(
    pairs(token).map(([name, def]) => {
      const keys = fields(def);
      const written = keys.get('type');
      const type = INPUT_TYPES.find((known) => written !== undefined && isString(written) && written.value === known);
      return [
        name,
        { type: type ?? 'string', required: flag(keys.get('required')), ...maybe('default', keys.get('default')) },
      ];
    }),
  );
}

function permissionsField(token: TemplateToken | undefined): { permissions?: PermissionsSpec } {
  if (token === undefined) return {};
  if (isString(token)) return { permissions: token.value === 'write-all' ? 'write-all' : 'read-all' };
  return {
    permissions: Object.fromEntries(
      pairs(token).map(([scope, level]) => [scope, (isString(level) ? level.value : 'none') as Level]),
    ),
  };
}

function runDefaults(token: TemplateToken | undefined): RunDefaults {
  const run = fields(fields(token).get('run'));
  return { ...maybe('shell', run.get('shell')), ...maybe('workingDirectory', run.get('working-directory')) };
}

export function fields(token: TemplateToken | undefined): Fields {
  return new Map(pairs(token));
}

export function pairs(token: TemplateToken | undefined): [string, TemplateToken][] {
  if (token === undefined || !isMapping(token)) return [];
  return [...token].map((pair) => [pair.key.toString(), pair.value]);
}

export function list(token: TemplateToken | undefined): TemplateToken[] {
  return token !== undefined && isSequence(token) ? [...token] : [];
}

function textList(token: TemplateToken | undefined): string[] {
  if (token === undefined) return [];
  return (isSequence(token) ? [...token] : [token]).map((item) => item.toString());
}

function flag(token: TemplateToken | undefined): boolean {
  return token !== undefined && isBoolean(token) && token.value;
}

function maybe<K extends string>(key: K, token: TemplateToken | undefined): { [k in K]?: TemplateToken } {
  return token === undefined ? {} : ({ [key]: token } as { [k in K]?: TemplateToken });
}

function textField(key: 'name', token: TemplateToken | undefined): { name?: string } {
  return token !== undefined && isString(token) && token.value !== '' ? { [key]: token.value } : {};
}

function mappingField<K extends string>(key: K, token: TemplateToken | undefined): { [k in K]?: MappingToken } {
  return token !== undefined && isMapping(token) ? ({ [key]: token } as { [k in K]?: MappingToken }) : {};
}

function messages(errors: readonly { message: string }[]): string[] {
  return errors.map((error) => error.message);
}
