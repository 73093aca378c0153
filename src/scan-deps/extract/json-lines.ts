/** JSON with lines: values by JSON.parse, lines by one linear visit; duplicate keys and absurd depth are refused. */
import { visit } from 'jsonc-parser';
import type { ExtractContext } from './context.ts';
import { Refusal } from './sheet.ts';
import { asTable, type Table } from './values.ts';

export interface JsonDocument {
  value: Table;
  /** Line of a property, by the names and indices on the way to it. Only of properties that `keep` wants. */
  lineOf(path: readonly (string | number)[]): number | undefined;
}

export interface Keep {
  /** Properties of these names, wherever they stand. */
  names: ReadonlySet<string>;
  /** Every property of the objects of these names. */
  below: ReadonlySet<string>;
}

const SEPARATOR = '\0';

/** @throws Refusal for what is not JSON, not an object, nested too deep, or has a key twice */
export function parseJson(text: string, { limits }: ExtractContext, keep: Keep): JsonDocument {
  if (deeperThan(text, limits.depth))
    throw new Refusal(`it is nested deeper than ${limits.depth}`, undefined, 'E_LIMIT');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    throw new Refusal('it is not JSON', at === undefined ? undefined : text.slice(0, Number(at)).split('\n').length);
  }
  const lines = visitLines(text, keep);
  const value = asTable(parsed);
  if (value === undefined) throw new Refusal('it is JSON, but no object', 1);
  return { value, lineOf: (path) => lines.get(path.join(SEPARATOR)) };
}

interface Frame {
  /** Path of this object or array, each part with a separator behind it. */
  prefix: string;
  /** Name of the property, or index, that this object or array is the value of. */
  name: string;
  keys?: Set<string>;
  index: number;
}

function visitLines(text: string, { names, below }: Keep): Map<string, number> {
  const lines = new Map<string, number>();
  const stack: Frame[] = [];
  let current = '';
  const open = (keys?: Set<string>): void => {
    const parent = stack.at(-1);
    if (parent === undefined) stack.push({ prefix: '', name: '', index: 0, ...(keys ? { keys } : {}) });
    else {
      const name = parent.keys === undefined ? String(parent.index) : current;
      stack.push({ prefix: parent.prefix + name + SEPARATOR, name, index: 0, ...(keys ? { keys } : {}) });
    }
  };
  const close = (): void => {
    stack.pop();
  };
  visit(text, {
    onObjectBegin: () => open(new Set()),
    onObjectEnd: close,
    onArrayBegin: () => open(),
    onArrayEnd: close,
    onSeparator(character) {
      const frame = stack.at(-1);
      if (frame !== undefined && character === ',') frame.index += 1;
    },
    onObjectProperty(name, _offset, _length, line) {
      const frame = stack.at(-1);
      if (frame?.keys === undefined) return;
      if (frame.keys.has(name)) throw new Refusal('a key stands there twice', line + 1);
      if (name.includes(SEPARATOR)) throw new Refusal('a key with a NUL character', line + 1);
      frame.keys.add(name);
      current = name;
      if (names.has(name) || below.has(frame.name)) lines.set(frame.prefix + name, line + 1);
    },
  });
  return lines;
}

function deeperThan(text: string, max: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i += 1;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      depth += 1;
      if (depth > max) return true;
    } else if (c === 0x7d || c === 0x5d) depth -= 1;
  }
  return false;
}
