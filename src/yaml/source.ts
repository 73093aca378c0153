/** Opening a YAML file that is to be edited: strict bytes, limits, and four judges that must all accept it. */
import { CORE_SCHEMA, loadAll, YAML11_SCHEMA, YAMLException } from 'js-yaml';
import { type Document, isCollection, isNode, LineCounter, parseAllDocuments, visit } from 'yaml';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

const MAX_FILE_BYTES = 2 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_ALIASES = 100;

/** One scalar as one judge reads it. */
export interface Leaf {
  /** JSON of the keys and indexes from the root, document first. */
  path: string;
  type: string;
  value: string;
}

export interface YamlSource {
  file: string;
  text: string;
  documents: readonly Document.Parsed[];
  lines: LineCounter;
  /** Leaves by judge, in the order of JUDGES. */
  leaves: readonly (readonly Leaf[])[];
}

export const JUDGES = ['yaml 1.2', 'yaml 1.1', 'js-yaml core', 'js-yaml 1.1'] as const;

/**
 * @param file name for messages and annotations
 * @throws ActionError E_FILE_TOO_LARGE, E_NOT_UTF8, E_LFS_POINTER, E_YAML_INVALID (with the judge and the line)
 */
export function openSource(bytes: Uint8Array, file: string): YamlSource {
  const shown = oneLine(file, 200);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new ActionError('E_FILE_TOO_LARGE', {
      what: `file ${shown}`,
      why: `${bytes.length} bytes are more than ${MAX_FILE_BYTES}`,
      fix: 'Split it',
      at: { file },
    });
  }
  const text = decode(bytes, shown, file);
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    throw new ActionError('E_LFS_POINTER', {
      what: `file ${shown}`,
      why: 'it is a Git LFS pointer, not YAML',
      fix: 'Keep values files out of LFS',
      at: { file },
    });
  }
  return readSource(text, file);
}

/** Parses a text with all four judges. @throws ActionError E_YAML_INVALID */
export function readSource(text: string, file: string): YamlSource {
  const lone = /\r(?!\n)/.exec(text);
  if (lone !== null)
    throw invalid(file, 'lone carriage returns end its lines', text.slice(0, lone.index).split('\n').length);
  const lines = new LineCounter();
  const documents = parse12(text, file, lines);
  const judge11 = parseAllDocuments(text, { uniqueKeys: false, version: '1.1' });
  const leaves = [
    flattenAll(() => toValues(documents), file, JUDGES[0]),
    flattenAll(() => toValues(asDocuments(judge11, file, JUDGES[1])), file, JUDGES[1]),
    flattenAll(() => loadAll(text, { schema: CORE_SCHEMA, json: true }), file, JUDGES[2]),
    flattenAll(() => loadAll(text, { schema: YAML11_SCHEMA, json: true }), file, JUDGES[3]),
  ];
  return { file, text, documents, lines, leaves };
}

function decode(bytes: Uint8Array, shown: string, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ActionError('E_NOT_UTF8', {
      what: `file ${shown}`,
      why: 'it is not UTF-8',
      fix: 'Save it as UTF-8',
      at: { file },
      cause,
    });
  }
}

function parse12(text: string, file: string, lines: LineCounter): Document.Parsed[] {
  const documents = asDocuments(
    parseAllDocuments(text, { keepSourceTokens: true, uniqueKeys: false, lineCounter: lines }),
    file,
    JUDGES[0],
  );
  for (const document of documents) {
    visit(document, {
      Collection(_key, node, path) {
        if (path.filter((n) => isNode(n) && isCollection(n)).length <= MAX_DEPTH) return;
        throw invalid(
          file,
          `nesting is deeper than ${MAX_DEPTH}`,
          node.range ? lines.linePos(node.range[0]).line : undefined,
        );
      },
    });
  }
  return documents;
}

function asDocuments(parsed: ReturnType<typeof parseAllDocuments>, file: string, judge: string): Document.Parsed[] {
  const documents = Array.isArray(parsed) ? parsed : [];
  for (const document of documents) {
    const error = document.errors[0];
    if (error !== undefined) throw invalid(file, `${judge}: ${error.message.split('\n')[0]}`, error.linePos?.[0].line);
  }
  return documents as Document.Parsed[];
}

function toValues(documents: readonly Document.Parsed[]): unknown[] {
  return documents.map((document) => document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES }) as unknown);
}

function flattenAll(read: () => unknown[], file: string, judge: string): Leaf[] {
  let values: unknown[];
  try {
    values = read();
  } catch (cause) {
    if (cause instanceof ActionError) throw cause;
    const line = cause instanceof YAMLException ? cause.mark?.line : undefined;
    const why =
      cause instanceof YAMLException ? cause.reason : ((cause as { message?: string }).message ?? 'unreadable');
    throw invalid(file, `${judge}: ${String(why).split('\n')[0]}`, line === undefined ? undefined : line + 1, cause);
  }
  const leaves: Leaf[] = [];
  const budget = { left: 1_000_000 };
  for (const [i, value] of values.entries()) flatten(value, [i], leaves, budget, file);
  return leaves;
}

// Empty collections are leaves too: an edit must not make or remove one.
function flatten(
  value: unknown,
  path: readonly (string | number)[],
  into: Leaf[],
  budget: { left: number },
  file: string,
): void {
  budget.left -= 1;
  if (budget.left < 0 || path.length > 2 * MAX_DEPTH)
    throw invalid(file, 'aliases unfold to more than a million values');
  const add = (type: string, text: string): void => {
    into.push({ path: JSON.stringify(path), type, value: text });
  };
  const nested = (key: string | number, item: unknown): void => flatten(item, [...path, key], into, budget, file);
  if (value === null || value === undefined) add('null', '');
  else if (value instanceof Date) add('date', value.toISOString());
  else if (value instanceof Uint8Array) add('binary', Buffer.from(value).toString('base64'));
  else if (typeof value !== 'object') add(typeof value, Object.is(value, -0) ? '-0' : String(value));
  else if (Array.isArray(value)) {
    if (value.length === 0) add('empty list', '');
    for (const [i, item] of value.entries()) nested(i, item);
  } else {
    const entries = entriesOf(value);
    if (entries.length === 0) add('empty map', '');
    for (const [key, item] of entries) nested(typeof key === 'object' ? JSON.stringify(key) : String(key), item);
  }
}

function entriesOf(value: object): [unknown, unknown][] {
  if (value instanceof Map) return [...value];
  return value instanceof Set ? [...value].map((item) => [item, null]) : Object.entries(value);
}
function invalid(file: string, why: string, line?: number, cause?: unknown): ActionError {
  return new ActionError('E_YAML_INVALID', {
    what: `file ${oneLine(file, 200)}${line === undefined ? '' : `, line ${line}`}`,
    why: oneLine(why, 300),
    fix: 'Make it plain YAML that every parser reads; a template is no values file',
    at: line === undefined ? { file } : { file, line },
    cause,
  });
}
