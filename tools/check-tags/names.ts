/** Names of refs as they may come: ordinary ones, and those that are made to fall together once a tag is made of them. */
import { seededRandom } from '../../lab/traffic/images.ts';

type Random = () => number;
type Make = (random: Random, toTag: (raw: string) => string) => readonly string[];

const WORDS = [
  'main',
  'feature',
  'fix',
  'release',
  'login',
  'dependabot',
  'npm',
  'PROJ',
  'hotfix',
  'v2',
  'Über',
  '日本',
];
/** What a careless rule turns into the same character, or drops. */
const SEPARATORS = [
  '/',
  '-',
  '_',
  '.',
  ' ',
  '#',
  '+',
  '--',
  '//',
  '-/',
  'ü',
  '…',
  '\u0301',
  '\u200b',
  '\t',
  '\n',
  '😀',
];
const EDGES = ['', '-', '.', '..', '-.', '_', '/', '@', '~', '^'];
const MAX_TAG = 128;

/** The families take turns, so that each has the same share of any number of names. */
const FAMILIES: readonly Make[] = [
  // Branches.
  (r) => [`${word(r)}/${word(r)}-${below(r, 1e6)}`],
  // Git tags.
  (r) => {
    const version = `v${below(r, 30)}.${below(r, 100)}.${below(r, 1000)}`;
    return [version, `${version}-rc.${below(r, 10)}`, `${version}+build.${below(r, 1000)}`];
  },
  // `a/b` beside `a-b`: two names that differ in nothing but what stands between their parts.
  (r) => {
    const [left, right] = [`${word(r)}${below(r, 1e5)}`, `${word(r)}${below(r, 1e5)}`];
    return [pick(r, SEPARATORS), pick(r, SEPARATORS), '-'].map((between) => `${left}${between}${right}`);
  },
  // What is stripped or replaced at the ends.
  (r) => {
    const name = `${word(r)}-${below(r, 1e6)}`;
    return [`${pick(r, EDGES)}${name}`, `${pick(r, EDGES)}${name}${pick(r, EDGES)}`];
  },
  // Bytes that are no text: what of them is no UTF-8 arrives as U+FFFD.
  (r) => [Buffer.from(Array.from({ length: 1 + below(r, 24) }, () => below(r, 256))).toString('utf8')],
  // Any characters, and the two ways to write one with an accent.
  (r) => {
    const text = String.fromCodePoint(...Array.from({ length: 1 + below(r, 10) }, () => scalar(r)));
    return [text, `${text}é${below(r, 1e4)}`, `${text}e\u0301${below(r, 1e4)}`];
  },
  // Long names with one beginning, around the limit and far over it.
  (r) => {
    const start = `${word(r)}-${'x'.repeat(MAX_TAG - 30 + below(r, 40))}`;
    return [start, `${start}${below(r, 1e6)}`, `${start}/${'y'.repeat(below(r, 200))}${below(r, 1e6)}`];
  },
  // A name that is the result of another one, and the result of that.
  (r, toTag) => {
    const name = `${word(r)}${pick(r, SEPARATORS)}${below(r, 1e6)}`;
    const result = toTag(name);
    return [name, result, toTag(result), result.toUpperCase()];
  },
  // Names that look like a result.
  (r) => {
    const digits = Array.from({ length: 12 }, () => below(r, 16).toString(16)).join('');
    const start = pick(r, [word(r), 'x', '', `${word(r)}/`]);
    return [`${start}-${digits}`, `${start}-${digits.slice(1)}`, digits];
  },
];

/**
 * The same names for the same seed, no two alike.
 * @param toTag the function under test: one family feeds its results back
 */
export function* refNames(count: number, seed: number, toTag: (raw: string) => string): Generator<string> {
  const random = seededRandom(seed);
  const seen = new Set<string>();
  for (let turn = 0; seen.size < count; turn += 1) {
    const make = FAMILIES[turn % FAMILIES.length] as Make;
    for (const name of make(random, toTag)) {
      if (seen.size >= count || seen.has(name)) continue;
      seen.add(name);
      yield name;
    }
  }
}

function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

function pick<T>(random: Random, all: readonly T[]): T {
  return all[below(random, all.length)] as T;
}

function word(random: Random): string {
  return pick(random, WORDS);
}

/** Any character but half a pair: half of one has no bytes, so that no ref can have it. */
function scalar(random: Random): number {
  const code = below(random, 0x110000 - 0x800);
  return code < 0xd800 ? code : code + 0x800;
}
