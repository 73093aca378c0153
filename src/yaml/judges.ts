/** The four judges: how two parsers read a text, each by YAML 1.1 and by 1.2. Helm's own reader lies between them. */
import { CORE_SCHEMA, loadAll, YAML11_SCHEMA, YAMLException } from 'js-yaml';
import { Composer, type CST, type Document, type LineCounter } from 'yaml';

export const JUDGES = ['yaml 1.2', 'yaml 1.1', 'js-yaml core', 'js-yaml 1.1'] as const;

/** Collections inside collections, and how often aliases may stand for something. */
export const MAX_DEPTH = 64;
const MAX_ALIASES = 100;
const MAX_LEAVES = 1_000_000;

/** What one judge reads in one place. */
export interface Reading {
  type: string;
  value: string;
}

/** One scalar, or empty collection, as one judge reads it. */
export interface Leaf extends Reading {
  /** JSON of the document's number and the keys and indexes from its root. */
  path: string;
}

/** A judge does not accept the text. */
export class Refusal extends Error {
  readonly line: number | undefined;
  constructor(why: string, line?: number, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause });
    this.line = line;
  }
}

export interface Readings {
  /** As YAML 1.2, with ranges and source tokens. */
  documents: readonly Document.Parsed[];
  /** By document, what the first two judges really are there: a directive %YAML makes both read by its version. */
  versions: readonly (readonly [0 | 1, 0 | 1])[];
  /** By judge, in the order of JUDGES. */
  leaves: readonly (readonly Leaf[])[];
}

/** Reads a text by all four judges. @throws Refusal with the judge and the line */
export function readAll(text: string, tokens: readonly CST.Token[], lines: LineCounter): Readings {
  const documents = compose(tokens, '1.2', lines);
  const old = compose(tokens, '1.1', lines);
  const values = [toValues(documents, 0), toValues(old, 1), load(text, CORE_SCHEMA, 2), load(text, YAML11_SCHEMA, 3)];
  for (const [i, list] of values.entries()) {
    if (list.length === documents.length) continue;
    throw new Refusal(`${JUDGES[0]} sees ${documents.length} documents, ${JUDGES[i]} ${list.length}`);
  }
  const version = (document: Document.Parsed | undefined): 0 | 1 => (document?.schema.name === 'yaml-1.1' ? 1 : 0);
  const versions = documents.map((document, i) => [version(document), version(old[i])] as const);
  return { documents, versions, leaves: values.map(flattenAll) };
}

function compose(tokens: readonly CST.Token[], version: '1.1' | '1.2', lines: LineCounter): Document.Parsed[] {
  const composer = new Composer({
    uniqueKeys: false,
    version,
    keepSourceTokens: version === '1.2',
    logLevel: 'silent',
  });
  const documents = [...composer.compose(tokens)];
  for (const { errors } of documents) {
    const error = errors[0];
    if (error === undefined) continue;
    throw new Refusal(`yaml ${version}: ${error.message}`, Math.max(1, lines.linePos(error.pos[0]).line), error);
  }
  return documents;
}

function toValues(documents: readonly Document.Parsed[], judge: number): unknown[] {
  try {
    // The parser counts the anchor itself too.
    return documents.map((document) => document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES + 1 }) as unknown);
  } catch (cause) {
    throw new Refusal(`${JUDGES[judge]}: ${firstLine(cause)}`, undefined, cause);
  }
}

function load(text: string, schema: typeof CORE_SCHEMA, judge: number): unknown[] {
  try {
    return loadAll(text, { schema, json: true });
  } catch (cause) {
    const known = cause instanceof YAMLException ? cause : undefined;
    const line = known?.mark?.line;
    const why = known?.reason ?? firstLine(cause);
    throw new Refusal(`${JUDGES[judge]}: ${why}`, line === undefined ? undefined : line + 1, cause);
  }
}

function firstLine(cause: unknown): string {
  return String((cause as { message?: string }).message ?? 'unreadable').split('\n')[0] ?? '';
}

function flattenAll(values: readonly unknown[]): Leaf[] {
  const leaves: Leaf[] = [];
  const budget = { left: MAX_LEAVES };
  for (const [i, value] of values.entries()) flatten(value, `[${i}`, 0, leaves, budget);
  return leaves;
}

// Empty collections are leaves too: an edit must not make or remove one.
function flatten(value: unknown, path: string, depth: number, into: Leaf[], budget: { left: number }): void {
  budget.left -= 1;
  if (budget.left < 0 || depth > 2 * MAX_DEPTH) throw new Refusal('aliases unfold to more than a million values');
  const add = (type: string, text: string): void => {
    into.push({ path: `${path}]`, type, value: text });
  };
  if (value === null || value === undefined) add('null', '');
  else if (value instanceof Date) add('date', value.toISOString());
  else if (value instanceof Uint8Array) add('binary', Buffer.from(value).toString('base64'));
  else if (typeof value !== 'object') add(typeof value, Object.is(value, -0) ? '-0' : String(value));
  else if (Array.isArray(value)) {
    if (value.length === 0) add('empty list', '');
    for (const [i, item] of value.entries()) flatten(item, `${path},${i}`, depth + 1, into, budget);
  } else {
    const entries = entriesOf(value);
    if (entries.length === 0) add('empty map', '');
    for (const [key, item] of entries) {
      const name = JSON.stringify(typeof key === 'object' ? JSON.stringify(key) : String(key));
      flatten(item, `${path},${name}`, depth + 1, into, budget);
    }
  }
}

function entriesOf(value: object): [unknown, unknown][] {
  if (value instanceof Map) return [...value];
  return value instanceof Set ? [...value].map((item) => [item, null]) : Object.entries(value);
}
