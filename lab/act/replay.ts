/** From the jobs that act ran to those of a run: act tells what its steps did, the files say what that means. */

import { GUARDS } from '../../tools/render/act.ts';
import { callInputs, callOutputs, callSecrets } from '../runner/call.ts';
import { evaluateMap, type Value } from '../runner/evaluate.ts';
import { combine, type JobsEnd, type Result } from '../runner/jobs-call.ts';
import type { JobDef } from '../runner/model.ts';
import type { Conclusion, JobRun, StepRun } from '../runner/types.ts';
import type { JobRecord, StepRecord } from './log.ts';
import { calledPlace, checkName, type Place, recordsOf } from './places.ts';

export interface Replay {
  place: Place;
  records: readonly JobRecord[];
  /** The same in all workflows of the run. */
  base: Readonly<Record<'github' | 'vars', Value>>;
  inputs: Readonly<Record<string, Value>>;
  secrets: Readonly<Record<string, string>>;
}

/** Jobs in the order of the file; what act did not start is skipped. */
export function replayJobs(replay: Replay): JobsEnd {
  const results = new Map<string, Result>();
  const jobs = new Map<string, JobRun>();
  const visit = (def: JobDef): void => {
    if (jobs.has(def.id)) return;
    for (const need of replay.place.node.file.jobs.filter((job) => def.needs.includes(job.id))) visit(need);
    const needs = Object.fromEntries(def.needs.map((id) => [id, results.get(id)])) as unknown as Value;
    const contexts = { ...replay.base, inputs: replay.inputs, needs };
    const job = def.call === undefined ? own(replay, def, contexts) : called(replay, def, contexts);
    jobs.set(def.id, job);
    results.set(def.id, { result: job.conclusion, outputs: job.outputs });
  };
  const defs = replay.place.node.file.jobs;
  for (const def of defs) visit(def);
  const inOrder = defs.flatMap((def) => jobs.get(def.id) ?? []);
  return {
    jobs: inOrder,
    conclusion: combine(inOrder.map((job) => job.conclusion)),
    outputs: callOutputs(replay.place.node.file, {
      contexts: { ...replay.base, inputs: replay.inputs, jobs: Object.fromEntries(results) as unknown as Value },
    }),
  };
}

type Contexts = Readonly<Record<string, Value>>;

function called(replay: Replay, def: JobDef, contexts: Contexts): JobRun {
  const { place, secrets } = replay;
  const callee = place.node.calls.get(def.id);
  const name = `${place.prefix}${def.id}`;
  if (callee === undefined) throw new Error(`job ${def.id}: its workflow was not loaded`);
  const inner = calledPlace(place, def, callee);
  if (!replay.records.some((record) => record.path.startsWith(inner.path))) return jobRun(replay, def, name, 'skipped');
  const end = replayJobs({
    ...replay,
    place: inner,
    inputs: callInputs(callee.file, def, { contexts }),
    secrets: callSecrets(callee.file, def, secrets, { contexts: { ...contexts, secrets } }),
  });
  const times = end.jobs.filter((job) => job.conclusion !== 'skipped');
  return {
    ...jobRun(replay, def, name, end.conclusion),
    outputs: end.outputs,
    jobs: end.jobs,
    ...(times[0] !== undefined && { startedAt: times.map((job) => job.startedAt).sort()[0] ?? '' }),
    seconds: times.reduce((sum, job) => sum + job.seconds, 0),
  };
}

function own(replay: Replay, def: JobDef, contexts: Contexts): JobRun {
  const cells = recordsOf(replay.place, def, replay.records).map((record) => cell(replay, def, record, contexts));
  const name = `${replay.place.prefix}${def.id}`;
  if (def.strategy === undefined) return cells[0] ?? jobRun(replay, def, name, 'skipped');
  return {
    ...jobRun(replay, def, name, combine(cells.map((job) => job.conclusion))),
    outputs: Object.assign({}, ...cells.map((job) => job.outputs)) as Record<string, string>,
    jobs: cells,
  };
}

function cell(replay: Replay, def: JobDef, record: JobRecord, contexts: Contexts): JobRun {
  const { place, secrets } = replay;
  const scope = { contexts: { ...contexts, secrets, matrix: record.matrix, strategy: {} } };
  const env = { ...evaluateMap(place.node.file.env, scope), ...evaluateMap(def.env, scope) };
  const steps = Object.fromEntries(
    record.steps.flatMap((step) => {
      if (step.id === undefined || step.kind !== 'main') return [];
      const conclusion = step.conclusion ?? 'skipped';
      return [[step.id, { outputs: step.outputs, outcome: conclusion, conclusion }]];
    }),
  );
  const outputs = evaluateMap(def.outputs, { contexts: { ...scope.contexts, env, steps, runner: {}, job: {} } });
  const ran = record.steps.filter((step) => !isGuard(step));
  return {
    ...jobRun(replay, def, checkName(place, def, record), conclusionOf(record)),
    outputs: Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== '')),
    matrix: record.matrix,
    steps: ran.map(stepRun),
    annotations: ran.flatMap((step) => step.annotations),
    startedAt: new Date(record.started).toISOString(),
    seconds: (record.ended - record.started) / 1000,
  };
}

/** Whether the rendering for act has added it. */
export function isGuard(step: Pick<StepRecord, 'name'>): boolean {
  return (GUARDS as readonly string[]).includes(step.name);
}

/** A cell that was held back by a red one before it is cancelled, as it would be by `fail-fast`. */
export function conclusionOf(record: JobRecord): Conclusion {
  const held = record.steps.some((step) => step.name === GUARDS[0] && step.conclusion === 'failure');
  // A job without an end was cut off when act was ended.
  return held ? 'cancelled' : (record.conclusion ?? 'cancelled');
}

function stepRun(step: StepRecord): StepRun {
  const conclusion = step.conclusion ?? 'cancelled';
  return {
    ...(step.id !== undefined && { id: step.id }),
    name: step.name,
    kind: step.kind,
    outcome: conclusion,
    conclusion,
    log: step.log,
    outputs: step.outputs,
    annotations: step.annotations,
    droppedAnnotations: 0,
    summary: step.summary,
    seconds: step.seconds,
  };
}

function jobRun({ place }: Replay, def: JobDef, name: string, conclusion: Conclusion): JobRun {
  return {
    id: def.id,
    name,
    workflow: place.node.label,
    conclusion,
    permissions: place.node.permissions.get(def.id) ?? {},
    runsOn: [],
    outputs: {},
    jobs: [],
    steps: [],
    annotations: [],
    startedAt: new Date().toISOString(),
    seconds: 0,
  };
}
