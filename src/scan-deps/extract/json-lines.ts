/** JSON with lines: values by JSON.parse, lines by one linear visit; duplicate keys and absurd depth are refused. */
import { visit } from 'jsonc-parser';

export interface JsonLines {
  value: unknown;
  /** Line of a property, by {@link pathKey}. Only of properties that `keep` wants. */
  lines: Map<string, number>;
}

export interface JsonFault {
  fault: 'syntax' | 'duplicate' | 'depth';
  line?: number;
}

export const pathKey = (path: readonly string[]): string => JSON.stringify(path);

/** @param keep names of the properties whose lines are wanted, and the names below whose objects every key is */
export function parseJsonLines(
  text: string,
  maxDepth: number,
  keep: { names: ReadonlySet<string>; below: ReadonlySet<string> },
): JsonLines | JsonFault {
  if (deeperThan(text, maxDepth)) return { fault: 'depth' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec(error instanceof Error ? error.message : String(error))?.[1];
    return at === undefined
      ? { fault: 'syntax' }
      : { fault: 'syntax', line: text.slice(0, Number(at)).split('\n').length };
  }
  const lines = new Map<string, number>();
  const path: string[] = [];
  const keys: Set<string>[] = [];
  let current = '';
  let duplicate: number | undefined;
  const open = (): void => {
    path.push(current);
    keys.push(new Set());
  };
  const close = (): void => {
    path.pop();
    keys.pop();
  };
  visit(text, {
    onObjectBegin: open,
    onObjectEnd: close,
    onArrayBegin: open,
    onArrayEnd: close,
    onObjectProperty(name, _offset, _length, line) {
      const own = keys.at(-1);
      if (own?.has(name)) duplicate ??= line + 1;
      own?.add(name);
      current = name;
      // path[0] belongs to the root object itself.
      if (keep.names.has(name) || keep.below.has(path.at(-1) ?? ''))
        lines.set(pathKey([...path.slice(1), name]), line + 1);
    },
  });
  return duplicate === undefined ? { value, lines } : { fault: 'duplicate', line: duplicate };
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
