/** The trace: one JSON object a line. It is the judge's whole input, the state between runs, and what a replay reads. */
import {
  type Arm,
  EVENTS,
  FLAGS,
  GAPS,
  type Interval,
  type Pair,
  type PodCounts,
  type RatioArm,
  type TraceEvent,
  type TraceHeader,
  type TraceLine,
} from './types.ts';

/** A line that is no trace line. `unknown` and `known` let the caller name the nearest key. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly unknown: { key: string; known: readonly string[] } | undefined;

  constructor(message: string, unknown?: { key: string; known: readonly string[] }) {
    super(message);
    this.unknown = unknown;
  }
}

type Fields = Readonly<Record<string, unknown>>;

export const MAX_LINE = 64 * 1024;
const INTERVAL_KEYS = [
  'v',
  'step',
  'weight',
  'start',
  'end',
  'traffic',
  'metrics',
  'pods',
  'nodes',
  'gap',
  'flags',
] as const;
const EVENT_KEYS = ['v', 'type', 'at', 'event', 'detail'] as const;
const HEADER_KEYS = ['v', 'type', 'app', 'revision', 'image', 'note'] as const;
const ARM_KEYS = ['n', 'e', 'le', 'x', 'pods'] as const;
const METRIC_NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** A pod or a node: printable ASCII that cannot name a prototype. Instances such as `10.0.0.7:8080` and `[::1]:80` too. */
const POD_NAME = /^[A-Za-z0-9[][!-~]{0,252}$/;
/** Pods of one arm in a line. Of more, the first by name: a part of the pods still shows how far they differ. */
export const MAX_PODS = 20;

/** @param text one line, without its line break @throws TraceError */
export function parseLine(text: string): TraceLine {
  if (text.length > MAX_LINE) throw new TraceError(`it is longer than ${MAX_LINE} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TraceError('it is not JSON');
  }
  const line = fields(value, 'the line');
  if (line.v !== 1) throw new TraceError('v must be 1');
  if (line.type === 'event') return parseEvent(line);
  if (line.type === 'header') return parseHeader(line);
  if (line.type !== undefined) throw new TraceError('type must be "event" or "header"');
  return parseInterval(line);
}

function parseInterval(line: Fields): Interval {
  onlyKeys(line, INTERVAL_KEYS);
  const step = line.step === null ? null : text(line.step, 'step', 64);
  const weight = line.weight === null ? null : number(line.weight, 'weight');
  if (weight !== null && !(weight >= 0 && weight <= 100)) throw new TraceError('weight must be from 0 to 100');
  if (weight === 0 && step !== null) throw new TraceError('weight 0 is the baseline: its step must be null');
  const [start, end] = [time(line.start, 'start'), time(line.end, 'end')];
  if (end <= start) throw new TraceError('end must be after start');
  return {
    v: 1,
    step,
    weight,
    start,
    end,
    ...(line.traffic === undefined ? {} : { traffic: pair(line.traffic, 'traffic', (v, at) => count(v, at)) }),
    ...(line.metrics === undefined ? {} : { metrics: metrics(line.metrics) }),
    ...(line.pods === undefined ? {} : { pods: pair(line.pods, 'pods', pods) }),
    ...(line.nodes === undefined ? {} : { nodes: nodes(line.nodes) }),
    ...(line.gap === undefined ? {} : { gap: word(line.gap, 'gap', GAPS) }),
    ...(line.flags === undefined ? {} : { flags: flags(line.flags) }),
  };
}

function parseEvent(line: Fields): TraceEvent {
  onlyKeys(line, EVENT_KEYS);
  const detail = line.detail === undefined ? {} : { detail: text(line.detail, 'detail', 4096) };
  return { v: 1, type: 'event', at: time(line.at, 'at'), event: word(line.event, 'event', EVENTS), ...detail };
}

function parseHeader(line: Fields): TraceHeader {
  onlyKeys(line, HEADER_KEYS);
  const of = (key: (typeof HEADER_KEYS)[number]): string => (line[key] === undefined ? '' : text(line[key], key, 4096));
  return { v: 1, type: 'header', app: of('app'), revision: of('revision'), image: of('image'), note: of('note') };
}

function metrics(value: unknown): Record<string, Pair<Arm | null>> {
  const result: Record<string, Pair<Arm | null>> = {};
  for (const [name, arms] of Object.entries(fields(value, 'metrics'))) {
    if (!METRIC_NAME.test(name)) throw new TraceError('a name in metrics is not of the form [a-z][a-z0-9-]{0,31}');
    result[name] = pair(arms, name, (v, at) => (v === null ? null : arm(v, at)));
  }
  return result;
}

function pods(value: unknown, at: string): Record<string, PodCounts> {
  const entries = named(value, at, MAX_PODS).map(([pod, counted]) => {
    const counts = Object.entries(fields(counted, `a pod in ${at}`)).map(([name, v]): [string, RatioArm] => {
      if (!METRIC_NAME.test(name)) throw new TraceError(`a name in ${at} is not of the form [a-z][a-z0-9-]{0,31}`);
      const a = fields(v, `${name} in ${at}`);
      onlyKeys(a, ['n', 'e']);
      return [name, { n: count(a.n, `${name}.n in ${at}`), e: count(a.e, `${name}.e in ${at}`) }];
    });
    return [pod, Object.fromEntries(counts)] as const;
  });
  return Object.fromEntries(entries);
}

function nodes(value: unknown): Record<string, string> {
  for (const [, node] of named(value, 'nodes', 2 * MAX_PODS)) {
    if (typeof node !== 'string' || !POD_NAME.test(node))
      throw new TraceError('a value in nodes is not the name of a node');
  }
  return { ...(value as Record<string, string>) };
}

/** Fields whose keys are names of pods. */
function named(value: unknown, at: string, most: number): [string, unknown][] {
  const entries = Object.entries(fields(value, at));
  if (entries.length > most) throw new TraceError(`${at} has more than ${most} pods`);
  if (entries.some(([pod]) => !POD_NAME.test(pod))) throw new TraceError(`a key of ${at} is not the name of a pod`);
  return entries;
}

function arm(value: unknown, at: string): Arm {
  const a = fields(value, at);
  onlyKeys(a, ARM_KEYS);
  const n = count(a.n, `${at}.n`);
  const kinds = ['e', 'le', 'x'].filter((key) => a[key] !== undefined);
  if (kinds.length !== 1 || (a.pods !== undefined && kinds[0] !== 'x')) {
    throw new TraceError(`${at} must have n and one of e, le, or x with pods`);
  }
  if (a.e !== undefined) return { n, e: count(a.e, `${at}.e`) };
  if (a.le !== undefined) return { n, le: bounds(a.le, n, `${at}.le`) };
  const [x, pods] = [number(a.x, `${at}.x`), number(a.pods, `${at}.pods`)];
  if (x < 0) throw new TraceError(`${at}.x must not be negative`);
  if (pods < 1) throw new TraceError(`${at}.pods must be at least 1`);
  return { n, x, pods };
}

function bounds(value: unknown, n: number, at: string): Record<string, number> {
  const entries = Object.entries(fields(value, at)).map(([key, v]): [number, number] => {
    const bound = key.trim() === '' ? Number.NaN : Number(key);
    if (!Number.isFinite(bound)) throw new TraceError(`a bound in ${at} is not a number`);
    return [bound, count(v, `${at} at ${bound}`)];
  });
  entries.sort((a, b) => a[0] - b[0]);
  let before = 0;
  const result: Record<string, number> = {};
  for (const [bound, c] of entries) {
    const key = String(bound + 0);
    if (key in result) throw new TraceError(`${at} has the bound ${key} twice`);
    if (c < before) throw new TraceError(`${at} must not fall with the bound`);
    if (c > n) throw new TraceError(`${at} must not be above n`);
    result[key] = c;
    before = c;
  }
  return result;
}

function flags(value: unknown): Interval['flags'] & object {
  if (!Array.isArray(value)) throw new TraceError('flags must be a list');
  return value.map((flag) => word(flag, 'flags', FLAGS));
}

function pair<T>(value: unknown, at: string, read: (value: unknown, at: string) => T): Pair<T> {
  const p = fields(value, at);
  onlyKeys(p, ['stable', 'canary']);
  return { stable: read(p.stable, `${at}.stable`), canary: read(p.canary, `${at}.canary`) };
}

function fields(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TraceError(`${at} is not an object`);
  return value as Fields;
}

function onlyKeys(value: Fields, known: readonly string[]): void {
  for (const key of Object.keys(value)) if (!known.includes(key)) throw new TraceError('unknown key', { key, known });
}

function text(value: unknown, at: string, max: number): string {
  if (typeof value !== 'string' || value.length > max) throw new TraceError(`${at} must be a text of at most ${max}`);
  return value;
}

function number(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TraceError(`${at} is not a finite number`);
  // -0 becomes 0.
  return value + 0;
}

function count(value: unknown, at: string): number {
  const n = number(value, at);
  if (!Number.isSafeInteger(n) || n < 0) throw new TraceError(`${at} is not a whole number from 0 to 2^53-1`);
  return n;
}

function time(value: unknown, at: string): number {
  const t = number(value, at);
  if (t < 0 || t > 1e11 || Math.round(t * 1000) / 1000 !== t) {
    throw new TraceError(`${at} is not a time in seconds with at most 3 decimals`);
  }
  return t;
}

function word<T extends string>(value: unknown, at: string, known: readonly T[]): T {
  const found = known.find((w) => w === value);
  if (found === undefined) throw new TraceError(`${at} must be one of ${known.join(', ')}`);
  return found;
}

/** When a line begins and ends; an event takes no time, a header has none. */
export function spanOf(line: TraceLine): { start: number; end: number } | null {
  if (!('type' in line)) return { start: line.start, end: line.end };
  return line.type === 'event' ? { start: line.at, end: line.at } : null;
}
