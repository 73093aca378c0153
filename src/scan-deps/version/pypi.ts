/** PyPI: PEP 440, and below all of it the legacy versions of before (pkg_resources.parse_version). */
import { parse } from '@renovatebot/pep440';
import { MAX_VERSION, type Order, type Sign } from './order.ts';

type Part = number | string;
/** Sort keys: for PEP 440 as in packaging.version._cmpkey, for legacy the padded strings. */
type PypiVersion = { legacy: readonly string[] } | { key: readonly Part[][] };

// The library counts in doubles: beyond 15 digits two different numbers become equal.
const TOO_LONG = /\d{16}/;

export const pypiOrder: Order<PypiVersion> = {
  parse(version) {
    const text = version.trim();
    if (text === '' || text.length > MAX_VERSION || TOO_LONG.test(text)) return undefined;
    const parsed = parse(text);
    return parsed === null ? { legacy: legacyKey(text) } : positionOf(parsed);
  },
  compare(a, b) {
    if ('legacy' in a) return 'legacy' in b ? compareLists(a.legacy, b.legacy) : -1;
    if ('legacy' in b) return 1;
    for (const [i, part] of a.key.entries()) {
      const order = compareLists(part, b.key[i] ?? []);
      if (order !== 0) return order;
    }
    return 0;
  },
};

export interface Pep440 {
  epoch: number;
  release: readonly number[];
  pre: readonly Part[] | null;
  post: readonly Part[] | null;
  dev: readonly Part[] | null;
  /** The library's types say a text, its parser gives the split parts. */
  local: string | readonly Part[] | null;
}

/** @returns undefined when the text is not a version of PEP 440, or holds numbers that cannot be judged */
export function parsePep440(text: string): Pep440 | undefined {
  return text.length > MAX_VERSION || TOO_LONG.test(text) ? undefined : (parse(text.trim()) ?? undefined);
}

/**
 * Where a version stands. Parts may be infinite: `post: ['post', Infinity]` stands behind all post-releases of a version,
 * `local: [Infinity]` behind all its local versions.
 */
export const positionOf = (version: Pep440): PypiVersion => ({ key: keyOf(version) });

// A list sorts below every list it begins (PEP 440 on local versions), numbers above words.
function compareLists(a: readonly Part[], b: readonly Part[]): Sign {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const x = a[i];
    const y = b[i];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (x === y) continue;
    if (typeof x !== typeof y) return typeof x === 'number' ? 1 : -1;
    return x < y ? -1 : 1;
  }
  return 0;
}

// packaging.version._cmpkey: 1.0.dev0 < 1.0a0 < 1.0 < 1.0.post0, and a local part sorts above its public version.
function keyOf(v: Pep440): Part[][] {
  const release = [...v.release];
  while (release.at(-1) === 0) release.pop();
  const rank = { a: 0, b: 1, rc: 2 } as Record<string, number>;
  const pre = v.pre === null ? undefined : [rank[String(v.pre[0])] ?? 0, Number(v.pre[1] ?? 0)];
  const onlyDev = v.pre === null && v.post === null && v.dev !== null;
  return [
    [v.epoch],
    release,
    pre ?? (onlyDev ? [Number.NEGATIVE_INFINITY] : [Number.POSITIVE_INFINITY]),
    [v.post === null ? Number.NEGATIVE_INFINITY : Number(v.post[1] ?? 0)],
    [v.dev === null ? Number.POSITIVE_INFINITY : Number(v.dev[1] ?? 0)],
    localKey(v.local),
  ];
}

function localKey(local: Pep440['local']): Part[] {
  if (local === null || local === '') return [];
  const parts = typeof local === 'string' ? local.split(/[._-]/) : local;
  return parts.map((part) =>
    /^\d+$/.test(String(part)) ? Number(part) : typeof part === 'string' ? part.toLowerCase() : part,
  );
}

const WORDS: Readonly<Record<string, string>> = { pre: 'c', preview: 'c', '-': 'final-', rc: 'c', dev: '@' };

/** pkg_resources: numbers padded to eight, words marked with `*`, trailing zeros and "final-" cut. */
function legacyKey(text: string): string[] {
  const parts: string[] = [];
  const pieces = [...(text.toLowerCase().match(/\d+|[a-z]+|\.|-|[^\da-z.-]+/g) ?? []), 'final'];
  for (const piece of pieces) {
    if (piece === '.') continue;
    const word = Object.hasOwn(WORDS, piece) ? (WORDS[piece] ?? piece) : piece;
    if (/^\d/.test(word)) {
      parts.push(word.padStart(8, '0'));
      continue;
    }
    const marked = `*${word}`;
    if (marked < '*final') while (parts.at(-1) === '*final-') parts.pop();
    while (parts.at(-1) === '00000000') parts.pop();
    parts.push(marked);
  }
  return parts;
}
