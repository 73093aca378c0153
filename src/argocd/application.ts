/** What an Application says of itself, out of the JSON of Argo CD's API. Nothing in it is trusted, everything may be missing. */
import { oneLine } from '../text/index.ts';
import { type Fields, fields, isFields, list, message, names, word } from './fields.ts';

export interface Operation {
  /** Running, Terminating, Succeeded, Failed or Error. */
  phase: string;
  message: string;
  /** What it applied, or set out to; one for each source. */
  revisions: readonly string[];
}

export interface ApplicationState {
  /** Synced, OutOfSync or Unknown. */
  sync: string;
  /** What the live objects were last compared with; one for each source. */
  revisions: readonly string[];
  /** Healthy, Progressing, Degraded, Suspended, Missing or Unknown. */
  health: string;
  healthMessage: string;
  /** The last operation, or the one that runs. */
  operation: Operation | undefined;
  /** An operation is asked for, and has not started. */
  pending: boolean;
  /** Messages of error conditions, such as manifests that do not render. */
  problems: readonly string[];
  /** What was applied so far, oldest first; several of one time for several sources. */
  history: readonly string[];
  /** Images of the pods that run, as the manifests name them. */
  images: readonly string[];
}

/** @returns undefined when it is no Application */
export function readApplication(json: unknown): ApplicationState | undefined {
  if (!isFields(json) || !isFields(json.metadata)) return undefined;
  const status = fields(json.status);
  const sync = fields(status.sync);
  const health = fields(status.health);
  return {
    sync: word(sync.status),
    revisions: revisionsOf(sync),
    health: word(health.status),
    healthMessage: message(health.message),
    operation: readOperation(status.operationState),
    pending: isFields(json.operation),
    problems: list(status.conditions)
      .map(fields)
      .filter((condition) => String(condition.type).endsWith('Error'))
      .map((condition) => `${word(condition.type)}: ${message(condition.message)}`),
    history: list(status.history).map(fields).flatMap(revisionsOf),
    images: names(fields(status.summary).images),
  };
}

/** One line for people: `OutOfSync at 1a2b3c4, operation Running, Progressing`. */
export function describeApplication(state: ApplicationState): string {
  const { sync, revisions, operation, health, pending } = state;
  const at = revisions.length === 0 ? '' : ` at ${revisions.map(shortRevision).join(' + ')}`;
  const phase = pending ? 'waiting' : operation?.phase;
  return [
    `${sync}${at}`,
    ...(phase === undefined ? [] : [`operation ${phase}${withText(pending ? '' : operation?.message)}`]),
    `${health}${withText(state.healthMessage)}`,
    ...state.problems,
  ].join(', ');
}

/** The seven letters that people know a commit by; a version of a chart as it is. */
export function shortRevision(revision: string): string {
  return /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 7) : revision;
}

function withText(text = ''): string {
  return text === '' ? '' : ` (${text})`;
}

function readOperation(json: unknown): Operation | undefined {
  if (!isFields(json)) return undefined;
  const done = revisionsOf(fields(json.syncResult));
  // An operation that ended before it had manifests has no result: then what it set out to apply stands for it.
  const wanted = revisionsOf(fields(fields(json.operation).sync));
  return { phase: word(json.phase), message: message(json.message), revisions: done.length > 0 ? done : wanted };
}

/** An Application of several sources has `revisions`, one of a single source `revision`. */
function revisionsOf(holder: Fields): string[] {
  return [holder.revision, ...list(holder.revisions)]
    .filter((revision): revision is string => typeof revision === 'string' && revision !== '')
    .map((revision) => oneLine(revision, 100));
}
