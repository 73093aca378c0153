/**
 * TOML with the lines of array elements. No fast parser tells positions: the n-th `[[package]]` header is the n-th element,
 * and each is checked by its name and version. Where the text does not fit (a header inside a string, an inline array),
 * there is no line rather than a wrong one.
 */
import { parse, TomlError } from 'smol-toml';
import type { ExtractContext } from './context.ts';
import { Refusal } from './sheet.ts';
import { asList, asTable, asText, type Table } from './values.ts';

/** @throws Refusal for what is not TOML or is nested too deep */
export function parseToml(text: string, { limits }: ExtractContext): Table {
  try {
    return parse(text, { maxDepth: limits.depth });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    if (error.message.includes('excessively nested'))
      throw new Refusal(`it is nested deeper than ${limits.depth}`, error.line, 'E_LIMIT');
    throw new Refusal('it is not TOML', error.line);
  }
}

export interface Element {
  entry: Table;
  name: string;
  version: string | undefined;
  /** Of the version, of the header where there is no version; undefined when it was not found. */
  line: number | undefined;
}

/**
 * The elements of a top-level array of tables.
 * @throws Refusal for an element without a name
 */
export function elementsOf(text: string, doc: Table, key: string): Element[] {
  const entries = asList(doc[key]);
  const heads = headsOf(text, `[[${key}]]`);
  const counted = heads.length === entries.length;
  return entries.map((value, i) => {
    const entry = asTable(value) ?? {};
    const name = asText(entry.name);
    const version = asText(entry.version);
    const head = heads[i];
    if (name === undefined) throw new Refusal('a package without a name', counted ? head?.line : undefined);
    const fits = counted && head !== undefined && head.name === name && head.version === version;
    return { entry, name, version, line: fits ? (head.versionLine ?? head.line) : undefined };
  });
}

interface Head {
  line: number;
  name?: string;
  version?: string;
  versionLine?: number;
}

function headsOf(text: string, header: string): Head[] {
  const heads: Head[] = [];
  let open: Head | undefined;
  let line = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    line += 1;
    const c = text.charCodeAt(start);
    if (c === 0x5b && text.startsWith(header, start)) {
      open = { line };
      heads.push(open);
    } else if (c === 0x5b) open = undefined;
    else if (open !== undefined && c === 0x6e && open.name === undefined) open.name = plain(text, start, end, 'name');
    else if (open !== undefined && c === 0x76 && open.version === undefined) {
      open.version = plain(text, start, end, 'version');
      if (open.version !== undefined) open.versionLine = line;
    }
    start = end + 1;
  }
  return heads;
}

// `key = "text"` as every tool writes it; all else is no hit, and so no line.
function plain(text: string, start: number, end: number, key: string): string | undefined {
  if (!text.startsWith(`${key} = "`, start)) return undefined;
  const from = start + key.length + 4;
  const to = text.indexOf('"', from);
  return to < 0 || to > end ? undefined : text.slice(from, to);
}
