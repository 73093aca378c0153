/**
 * Ignore files as the engines read them (moby/patternmatcher): the last match wins, a match on a parent covers its
 * children, `**` crosses any depth. Where engines differ a path is excluded only if all of them exclude it: one that is
 * hashed for nothing costs a build, one that is copied and not hashed ships old content.
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
  /** BuildKit and docker take `**` with only literals after it for "ends with", so that `**.py` matches `a.py`. */
  suffix: string | undefined;
}

type Test = (pattern: Pattern, path: string) => boolean;

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
  const reincludes = patterns.some((p) => p.negated);
  // An ending matches all that the expression does, so for a `!` it is the wider reading, and for others the narrower.
  const views = [evaluation(patterns, (p, path) => (p.negated ? byEnding(p, path) : byExpression(p, path)), false)];
  // With skipping, a match more can also exclude more: each reading has to be asked by itself.
  if (reincludes) views.push(evaluation(patterns, byExpression, true));
  if (reincludes && patterns.some((p) => p.suffix !== undefined)) views.push(evaluation(patterns, byEnding, true));
  return { reincludes, excludes: (path) => views.every((excludes) => excludes(path)) };
}

const byExpression: Test = ({ regex }, path) => regex.test(path);
const byEnding: Test = (pattern, path) =>
  pattern.suffix === undefined ? byExpression(pattern, path) : path.endsWith(pattern.suffix);

/**
 * One way to evaluate the patterns.
 * @param skipping as BuildKit walks: a pattern that cannot change the state is not tried, and counts as not matched for
 * what is below. `a`, `!a/b`, `a` excludes `a` by the first line alone, and a/b is included.
 */
function evaluation(patterns: readonly Pattern[], test: Test, skipping: boolean): (path: string) => boolean {
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
    const known = above;
    let excluded = false;
    return patterns.map((pattern, i) => {
      const tried = !skipping || pattern.negated === excluded;
      const matched = known[i] === true || (tried && test(pattern, path));
      if (matched) excluded = !pattern.negated;
      return matched;
    });
  };
  return (path) => {
    const last = matches(path).lastIndexOf(true);
    return last >= 0 && patterns[last]?.negated === false;
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
    const suffix = /^\*\*([^/*?[\]\\][^*?[\]\\]*)$/.exec(cleaned)?.[1];
    return { negated, regex: new RegExp(`^${source}$`, 'su'), suffix };
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
