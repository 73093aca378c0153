/** What an Application says of itself, out of the JSON of Argo CD's API. Nothing in it is trusted, everything may be missing. */
import { oneLine } from '../text/index.ts';

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
}

const MAX_MESSAGE = 300;

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
  };
}

/** One line for people: `OutOfSync at 1a2b3c4, operation Running, Progressing`. */
export function describeApplication(state: ApplicationState): string {
  const { sync, revisions, operation, health, pending } = state;
  const at = revisions.length === 0 ? '' : ` at ${revisions.map(short).join(' + ')}`;
  const phase = pending ? 'waiting' : operation?.phase;
  return [
    `${sync}${at}`,
    ...(phase === undefined ? [] : [`operation ${phase}${withText(pending ? '' : operation?.message)}`]),
    `${health}${withText(state.healthMessage)}`,
    ...state.problems,
  ].join(', ');
}

function short(revision: string): string {
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

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function word(value: unknown): string {
  return typeof value === 'string' && value !== '' ? oneLine(value, 40) : 'Unknown';
}

function message(value: unknown): string {
  return typeof value === 'string' ? oneLine(value, MAX_MESSAGE).trim() : '';
}
