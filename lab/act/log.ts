/** act's log, one JSON object a line, to jobs with steps. Nothing of a line but `msg` is masked: only `msg` may be shown. */
import type { Value } from '../runner/evaluate.ts';
import type { AnnotationLevel, AnnotationRecord, Conclusion, StepRun } from '../runner/types.ts';

export interface StepRecord {
  name: string;
  kind: StepRun['kind'];
  /** As in the `steps` context; absent where the file gives none. */
  id: string | undefined;
  conclusion: Conclusion | undefined;
  outputs: Record<string, string>;
  log: string[];
  annotations: AnnotationRecord[];
  summary: string;
  seconds: number;
}

/** A job, or one cell of a matrix. */
export interface JobRecord {
  /** `<caller>/<workflow>/<job>`: act names the nearest caller only. */
  path: string;
  id: string;
  matrix: Readonly<Record<string, Value>>;
  steps: StepRecord[];
  conclusion: Conclusion | undefined;
  /** Unix milliseconds. */
  started: number;
  ended: number;
}

export type LogEvent =
  | { type: 'job-started'; job: JobRecord }
  | { type: 'job-ended'; job: JobRecord; conclusion: Conclusion }
  | { type: 'step-started'; job: JobRecord; step: StepRecord }
  | { type: 'step-ended'; job: JobRecord; step: StepRecord; conclusion: Conclusion }
  | { type: 'log'; job: JobRecord; step: StepRecord; line: string }
  | { type: 'annotation'; job: JobRecord; step: StepRecord; annotation: AnnotationRecord };

export interface ActLog {
  /** In the order in which they started. */
  jobs: readonly JobRecord[];
  /** Takes one line; what is no JSON object is left out. */
  take(line: string): void;
}

type Line = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, StepRun['kind']>> = { Pre: 'pre', Main: 'main', Post: 'post' };
const LEVELS: readonly string[] = ['error', 'warning', 'notice'] satisfies AnnotationLevel[];
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** @param onEvent told while the log comes in */
export function actLog(onEvent: (event: LogEvent) => void): ActLog {
  const jobs: JobRecord[] = [];
  const byKey = new Map<string, JobRecord>();
  const steps = new Map<string, StepRecord>();
  return {
    jobs,
    take(text) {
      const line = parse(text);
      // Lines of a job before its set-up belong to a caller, which has no machine.
      if (line === undefined || typeof line.job !== 'string' || typeof line.jobID !== 'string') return;
      const key = JSON.stringify([line.job, line.matrix]);
      const job = byKey.get(key);
      if (job === undefined) {
        if (line.step === 'Set up job' || 'jobResult' in line) openJob(key, line);
        if (!('jobResult' in line)) return;
      }
      const open = byKey.get(key);
      if (open === undefined) return;
      open.ended = time(line);
      const step = stepOf(key, open, line);
      if (step !== undefined) takeStep(open, step, line);
      const conclusion = conclusionOf(line.jobResult);
      if (conclusion === undefined) return;
      open.conclusion = conclusion;
      onEvent({ type: 'job-ended', job: open, conclusion });
    },
  };

  function openJob(key: string, line: Line): void {
    const matrix = (line.matrix ?? {}) as Record<string, Value>;
    const job: JobRecord = {
      path: String(line.job),
      id: String(line.jobID),
      matrix,
      steps: [],
      conclusion: undefined,
      started: time(line),
      ended: time(line),
    };
    byKey.set(key, job);
    jobs.push(job);
    onEvent({ type: 'job-started', job });
  }

  function stepOf(key: string, job: JobRecord, line: Line): StepRecord | undefined {
    const kind = KINDS[String(line.stage)];
    const [id] = Array.isArray(line.stepID) ? (line.stepID as unknown[]).map(String) : [];
    if (kind === undefined || id === undefined) return undefined;
    const stepKey = `${key} ${kind} ${id}`;
    const known = steps.get(stepKey);
    // The first words of a part are "Run Main …"; what stands before is act's own talk about where it finds files.
    if (known !== undefined || !/^⭐ Run /u.test(String(line.msg))) return known;
    const step: StepRecord = {
      name: String(line.step),
      kind,
      // A step without an id has its number.
      id: /^\d+$/.test(id) ? undefined : id,
      conclusion: undefined,
      outputs: {},
      log: [],
      annotations: [],
      summary: '',
      seconds: 0,
    };
    steps.set(stepKey, step);
    job.steps.push(step);
    onEvent({ type: 'step-started', job, step });
    return step;
  }

  function takeStep(job: JobRecord, step: StepRecord, line: Line): void {
    const command = typeof line.command === 'string' ? line.command : undefined;
    if (command === 'set-output') step.outputs[String(line.name)] = String(line.arg);
    if (command === 'summary') step.summary += String(line.content);
    if (command !== undefined && LEVELS.includes(command)) {
      const annotation = annotationOf(command as AnnotationLevel, line);
      step.annotations.push(annotation);
      onEvent({ type: 'annotation', job, step, annotation });
    }
    if (line.raw_output === true) {
      const shown = String(line.msg)
        .replace(/\r?\n$/, '')
        .replace(COLOURS, '');
      step.log.push(shown);
      onEvent({ type: 'log', job, step, line: shown });
    }
    const conclusion = conclusionOf(line.stepResult);
    if (conclusion === undefined) return;
    step.conclusion = conclusion;
    step.seconds = Number(line.executionTime ?? 0) / 1e9;
    onEvent({ type: 'step-ended', job, step, conclusion });
  }
}

function annotationOf(level: AnnotationLevel, line: Line): AnnotationRecord {
  const more = (line.kvPairs ?? {}) as Readonly<Record<string, string>>;
  // `arg` is not masked, `msg` is; a message with a secret in it must not get out by an annotation.
  const masked = String(line.msg)
    .replace(/^\s*\S+\s+::[a-z]+[^:]*::/u, '')
    .trimEnd();
  const message = masked.includes('***') ? masked : String(line.arg);
  return {
    level,
    message,
    ...(more.title !== undefined && { title: more.title }),
    ...(more.file !== undefined && { file: more.file }),
    ...(more.line !== undefined && Number.isInteger(Number(more.line)) && { line: Number(more.line) }),
  };
}

function parse(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}

function time(line: Line): number {
  return Date.parse(String(line.time)) || Date.now();
}

function conclusionOf(value: unknown): Conclusion | undefined {
  return value === 'success' || value === 'failure' || value === 'cancelled' || value === 'skipped' ? value : undefined;
}
