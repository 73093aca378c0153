/** The four judges: how two parsers read a text, each by YAML 1.1 and by 1.2. Helm's own reader lies between them. */
import { CORE_SCHEMA, loadAll, YAML11_SCHEMA, YAMLException } from 'js-yaml';
import { Composer, type CST, type Document, isCollection, type LineCounter, visit } from 'yaml';
import { isCyclic } from './values.ts';

export const JUDGES = ['yaml 1.2', 'yaml 1.1', 'js-yaml core', 'js-yaml 1.1'] as const;

/** Collections inside collections, and how often aliases may stand for something. */
export const MAX_DEPTH = 64;
const MAX_ALIASES = 100;

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
  /** By judge, in the order of JUDGES: the documents as values. Aliases share what they stand for. */
  values: readonly (readonly unknown[])[];
}

/** Reads a text by all four judges. @throws Refusal with the judge and the line */
export function readAll(text: string, tokens: readonly CST.Token[], lines: LineCounter): Readings {
  const documents = compose(tokens, '1.2', lines);
  const old = compose(tokens, '1.1', lines);
  const own = toValues(documents, 0);
  if (text.includes('*') && isCyclic(own)) throw new Refusal('an alias stands inside what it stands for');
  const values = [own, toValues(old, 1), load(text, CORE_SCHEMA, 2), load(text, YAML11_SCHEMA, 3)];
  for (const [i, list] of values.entries()) {
    if (list.length === documents.length) continue;
    throw new Refusal(`${JUDGES[0]} sees ${documents.length} documents, ${JUDGES[i]} ${list.length}`);
  }
  const version = (document: Document.Parsed | undefined): 0 | 1 => (document?.schema.name === 'yaml-1.1' ? 1 : 0);
  const versions = documents.map((document, i) => [version(document), version(old[i])] as const);
  return { documents, versions, values };
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
  for (const document of documents)
    visit(document, {
      Pair(_key, { key }) {
        if (!isCollection(key) || !key.range) return;
        throw new Refusal('a key is a map or a list itself, as a template reads', lines.linePos(key.range[0]).line);
      },
    });
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
