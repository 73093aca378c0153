/**
 * Every scalar of real values files, and a check of one edit that shares nothing with the proof of the editor: bytes around the span,
 * and the whole document as each parser reads it, with the wanted value set in its place.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CORE_SCHEMA, loadAll, YAML11_SCHEMA } from 'js-yaml';
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { ActionError } from '../../src/runner/index.ts';
import { editSource } from '../../src/yaml/edit.ts';
import { type Change, openSource, type ValuePath, type YamlSource } from '../../src/yaml/index.ts';

/** Values that look like something else (1, 2), and some that do not (3). */
export const TRICKY: Readonly<Record<1 | 2 | 3, readonly string[]>> = {
  1: ['1234567', '12e4567', 'e123456', '0777', '0x1F', '0o17', '0b101', '1_000', '1.10', '1e3', '.5', '5.', '08'],
  2: ['190:20:30', '2001-01-01', '20240101', 'y', 'NO', 'On', '~', 'Null', '.NaN', '-.Inf'],
  3: ['v1.2.3', '1.27.3', 'sha-0a1b2c3', '2024.01.15', '0b90474a'],
};
export const VALUES: readonly string[] = [...TRICKY[1], ...TRICKY[2], ...TRICKY[3]];

export interface CorpusFile {
  name: string;
  bytes: Buffer;
  text: string;
  targets: readonly CorpusTarget[];
  /** Maps that are no braces and are not empty. */
  maps: readonly CorpusTarget[];
  source: YamlSource;
  /** What each reader makes of the file. */
  read: readonly unknown[][];
}

export interface CorpusTarget {
  document: number;
  path: ValuePath;
  start: number;
  end: number;
}

export type Outcome = 'edited' | 'equal' | `E_${string}` | `wrong: ${string}`;

export function readCorpus(data: string): CorpusFile[] {
  const folder = join(data, 'values');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(folder, name));
      const text = bytes.toString('utf8');
      const read = READERS.map((reader) => reader(text));
      return { name, bytes, text, ...targetsOf(text), source: openSource(bytes, name), read };
    });
}

/** Every value of every map and list that is a scalar or an alias, and every block map, in the order of the file. */
export function targetsOf(text: string): { targets: readonly CorpusTarget[]; maps: readonly CorpusTarget[] } {
  const targets: CorpusTarget[] = [];
  const maps: CorpusTarget[] = [];
  const walk = (node: unknown, document: number, path: ValuePath): void => {
    if (isMap(node)) {
      if (node.flow !== true && node.items.length > 0 && node.range)
        maps.push({ document, path, start: node.range[0], end: node.range[1] });
      for (const { key, value } of node.items)
        if (isScalar(key)) walk(value, document, [...path, { key: String(key.source ?? key.value) }]);
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) walk(item, document, [...path, { index }]);
    } else if ((isScalar(node) || isAlias(node)) && node.range) {
      targets.push({ document, path, start: node.range[0], end: node.range[1] });
    }
  };
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  for (const [i, document] of documents.entries()) walk((document as { contents: unknown }).contents, i, []);
  return { targets, maps };
}

export const wanted = ({ document, path }: Pick<CorpusTarget, 'document' | 'path'>, value: string): Change => ({
  document,
  path,
  value,
  type: 'string',
  mayChangeType: true,
});

/** Edits one target and says what came of it. */
export function tryEdit(file: CorpusFile, target: CorpusTarget, value: string): Outcome {
  return outcomeOf(() => {
    const { text, applied } = editSource(file.source, [wanted(target, value)]);
    const around = applied.length === 0 ? 'equal' : aroundIsSame(file, target, Buffer.from(text));
    return differs(file, target, value, text) ?? around ?? 'edited';
  });
}

/** Adds a key to a map and says what came of it. */
export function tryCreate(file: CorpusFile, map: CorpusTarget, value: string): Outcome {
  return outcomeOf(() => {
    const target = { ...map, path: [...map.path, { key: 'added.here' }] };
    const { text } = editSource(file.source, [{ ...wanted(target, value), ifMissing: 'create' }]);
    const lines = text.split('\n');
    const added = lines.flatMap((line, i) => (/^ *added\.here: /.test(line) ? [i] : []));
    const rest = lines.filter((_line, i) => i !== added[0]).join('\n');
    // The file may have had no final line break: then the one before the new line is new.
    if (added.length !== 1 || rest !== file.text) return 'wrong: not one new line';
    return differs(file, target, value, text) ?? 'edited';
  });
}

function outcomeOf(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    return error instanceof ActionError ? error.code : `wrong: ${String(error)}`;
  }
}

function aroundIsSame(file: CorpusFile, { start, end }: CorpusTarget, after: Uint8Array): Outcome | undefined {
  const head = Buffer.byteLength(file.text.slice(0, start));
  const tail = Buffer.byteLength(file.text.slice(end));
  if (!file.bytes.subarray(0, head).equals(after.subarray(0, head))) return 'wrong: bytes before the scalar';
  if (!file.bytes.subarray(file.bytes.length - tail).equals(after.subarray(after.length - tail)))
    return 'wrong: bytes behind the scalar';
  return after.length < head + tail ? 'wrong: bytes are gone' : undefined;
}

const READERS: readonly ((text: string) => unknown[])[] = [
  (text) => parseAllDocuments(text, { uniqueKeys: false }).map((d) => (d as { toJS(): unknown }).toJS()),
  (text) =>
    parseAllDocuments(text, { uniqueKeys: false, version: '1.1' }).map((d) => (d as { toJS(): unknown }).toJS()),
  (text) => loadAll(text, { schema: CORE_SCHEMA, json: true }),
  (text) => loadAll(text, { schema: YAML11_SCHEMA, json: true }),
];

function differs(file: CorpusFile, target: CorpusTarget, value: string, after: string): Outcome | undefined {
  for (const [i, read] of READERS.entries()) {
    const expected = copy(file.read[i] ?? []);
    if (!put(expected, target, value)) return `wrong: reader ${i} has no such place`;
    if (!isDeepStrictEqual(expected, read(after))) return `wrong: reader ${i} reads something else`;
  }
  return undefined;
}

/** What a reader made of a file, for `put` to change. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)])) as T;
}

/** Sets the value in what a reader made of the file, where keys may have another spelling (`on` is "true" in YAML 1.1). */
export function put(
  documents: unknown[],
  { document, path }: Pick<CorpusTarget, 'document' | 'path'>,
  value: string,
): boolean {
  let holder: unknown = documents;
  let last: string | number = document;
  for (const step of path) {
    holder = (holder as Record<string, unknown>)[last];
    if (typeof holder !== 'object' || holder === null) return false;
    if ('index' in step) last = step.index;
    else if ('key' in step) {
      const other = String(loadAll(step.key, { schema: YAML11_SCHEMA })[0]);
      last = !(step.key in holder) && other in holder ? other : step.key;
    }
  }
  (holder as Record<string, unknown>)[last] = value;
  return true;
}

/** Adds to counts by outcome. */
export function count(counts: Map<Outcome, number>, outcome: Outcome): void {
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
}
