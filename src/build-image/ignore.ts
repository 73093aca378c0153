/**
 * Ignore files as the engines read them (moby/patternmatcher): the last match wins, a match on a parent covers its
 * children, `**` crosses any depth.
 */
import { posix } from 'node:path';
import { ActionError } from '../runner/index.ts';

export interface Ignore {
  excludes(path: string): boolean;
  /** True when a `!` pattern exists, so that an excluded folder may still hold included entries. */
  readonly reincludes: boolean;
}

interface Pattern {
  negated: boolean;
  regex: RegExp;
}

/**
 * @param text content of the ignore file
 * @param name for messages
 * @throws ActionError E_IGNORE_PATTERN with the line
 */
export function compileIgnore(text: string, name = '.dockerignore'): Ignore {
  const patterns: Pattern[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    // A comment only in the first column: ` #x` is a pattern.
    if (line.startsWith('#') || line.trim() === '') continue;
    const pattern = compile(line.trim());
    if (pattern === undefined) {
      throw new ActionError('E_IGNORE_PATTERN', {
        what: `${name} line ${index + 1}`,
        why: 'the pattern cannot be read (a lone !, or an open [class])',
        fix: 'Correct the line',
        at: { file: name, line: index + 1 },
      });
    }
    if (pattern !== 'root') patterns.push(pattern);
  }
  // A match on a folder covers what is below it, so each path is matched once, on top of what is known of its folder.
  const folders = new Map<string, readonly boolean[]>([['', patterns.map(() => false)]]);
  const matches = (path: string): readonly boolean[] => {
    const slash = path.lastIndexOf('/');
    const folder = slash < 0 ? '' : path.slice(0, slash);
    let above = folders.get(folder);
    if (above === undefined) {
      above = matches(folder);
      folders.set(folder, above);
    }
    return above.map((matched, i) => matched || patterns[i]?.regex.test(path) === true);
  };
  return {
    reincludes: patterns.some((p) => p.negated),
    excludes(path) {
      const last = matches(path).lastIndexOf(true);
      return last >= 0 && patterns[last]?.negated === false;
    },
  };
}

function compile(line: string): Pattern | 'root' | undefined {
  const negated = line.startsWith('!');
  const written = negated ? line.slice(1).trim() : line;
  if (written === '') return undefined;
  const cleaned = posix.normalize(written).replace(/^\/+/, '').replace(/\/+$/, '');
  // "." and "/" name the context itself, which is never excluded as such.
  if (cleaned === '' || cleaned === '.') return 'root';
  const source = toRegex(cleaned);
  if (source === undefined) return undefined;
  try {
    return { negated, regex: new RegExp(`^${source}$`, 'su') };
  } catch {
    return undefined;
  }
}

function toRegex(pattern: string): string | undefined {
  let out = '';
  for (let i = 0; i < pattern.length; i += 1) {
    const c = pattern.charAt(i);
    if (c === '*' && pattern.charAt(i + 1) === '*') {
      i += 1;
      if (pattern.charAt(i + 1) === '/') i += 1;
      out += i + 1 >= pattern.length ? '.*' : '(?:.*/)?';
    } else if (c === '*') out += '[^/]*';
    else if (c === '?') out += '[^/]';
    else if (c === '[') {
      const end = classEnd(pattern, i);
      if (end < 0) return undefined;
      out += `(?!/)${pattern
        .slice(i, end + 1)

        .replace(/(?<!^)\[/g, '\\[')}`;
      i = end;
    } else if (c === '\\') {
      i += 1;
      if (i >= pattern.length) return undefined;
      out += literal(pattern.charAt(i));
    } else out += literal(c);
  }
  return out;
}

// Go's classes: `]` right after `[` or `[^` is an error, `\` escapes. `[!a]` is no negation there.
function classEnd(pattern: string, start: number): number {
  let i = start + 1;
  if (pattern.charAt(i) === '^') i += 1;
  if (pattern.charAt(i) === ']') return -1;
  for (; i < pattern.length; i += 1) {
    if (pattern.charAt(i) === '\\') i += 1;
    else if (pattern.charAt(i) === ']') return i;
  }
  return -1;
}

function literal(c: string): string {
  return /[\^$.*+?()[\]{}|/\\]/.test(c) ? `\\${c}` : c;
}
