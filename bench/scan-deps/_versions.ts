/** Random versions of every ecosystem, dense enough that many are equal or near, and a check of the laws of an order. */
import type { Ecosystem } from '../../src/scan-deps/types.ts';
import { orderOf } from '../../src/scan-deps/version/index.ts';

// A look-up of a global is slow in the sandbox of a test.
const { floor, imul } = Math;

export type Random = () => number;

/** mulberry32: the same numbers on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[floor(random() * all.length)] as T;
}

const times = (random: Random, least: number, most: number, make: () => string): string[] =>
  Array.from({ length: least + floor(random() * (most - least + 1)) }, make);

const NUMBERS = ['0', '0', '1', '1', '2', '3', '10', '01', '20240101', '999999999999999999999999999991'];
const SMALL = NUMBERS.slice(0, 7);
const dotted = (random: Random, least: number, most: number, numbers = NUMBERS): string =>
  times(random, least, most, () => pick(random, numbers)).join('.');

const LABELS = ['alpha', 'beta', 'rc', 'a', 'B', '0', '1', '2', '10', 'x-y', '99999999999999999991', '1a', 'RC'];
const semantic =
  (prefixes: readonly string[]) =>
  (random: Random): string => {
    const labels = random() < 0.5 ? '' : `-${times(random, 1, 3, () => pick(random, LABELS)).join('.')}`;
    return `${pick(random, prefixes)}${dotted(random, 1, 5)}${labels}${pick(random, ['', '', '+build', '+incompatible'])}`;
  };

const WORDS = [
  'a',
  'b',
  'm',
  'alpha',
  'beta',
  'milestone',
  'rc',
  'cr',
  'snapshot',
  'sp',
  'ga',
  'final',
  'foo',
  'Bar',
  'dev',
  'pl',
  'RC',
  'pre',
  'x',
];
const mixed =
  (separators: readonly string[], words: readonly string[]) =>
  (random: Random): string => {
    const more = times(random, 0, 4, () => `${pick(random, separators)}${pick(random, [...NUMBERS, ...words])}`);
    return `${pick(random, NUMBERS)}${more.join('')}`;
  };

/** PEP 440 without numbers that cannot be judged. */
export function pep440(random: Random): string {
  const part = (all: readonly string[]): string => (random() < 0.3 ? `${pick(random, all)}${pick(random, SMALL)}` : '');
  const local = random() < 0.15 ? `+${times(random, 1, 2, () => pick(random, ['abc', '1', '01', 'x'])).join('.')}` : '';
  const epoch = random() < 0.1 ? '1!' : '';
  return `${epoch}${dotted(random, 1, 4, SMALL)}${part(['a', 'b', 'rc', '.alpha', '-c'])}${part(['.post', '-', '.rev'])}${part(['.dev'])}${local}`;
}

const GENERATORS: Readonly<Record<Ecosystem, (random: Random) => string>> = {
  PyPI: (random) =>
    random() < 0.8
      ? pep440(random)
      : `${dotted(random, 1, 3, SMALL)}-${pick(random, ['final-x', 'bulbasaur', '!!', 'dev-r', 'x.1'])}`,
  npm: semantic(['', '', 'v', '=']),
  Go: semantic(['', 'v', 'v', 'go']),
  'crates.io': semantic(['']),
  RubyGems: mixed(['.', '.', '-'], WORDS),
  Packagist: mixed(
    ['.', '.', '-', '_', ''],
    WORDS.filter((word) => word !== 'x'),
  ),
  Maven: mixed(['.', '.', '-', ''], WORDS),
  NuGet: semantic(['', 'v']),
};

/** One version of the ecosystem that its order judges. */
export function versionOf(eco: Ecosystem, random: Random): string {
  const order = orderOf(eco);
  for (;;) {
    const version = GENERATORS[eco](random);
    const parsed = order.parse(version);
    if (parsed !== undefined && order.judges?.(parsed) !== false) return version;
  }
}

export interface Laws {
  triples: number;
  equal: number;
  /** The first triples that break antisymmetry or transitivity. */
  violations: string[];
}

/** Compares random triples out of `pool` random versions. */
export function checkLaws(eco: Ecosystem, triples: number, seed: number, pool = 1500): Laws {
  const random = seeded(seed);
  const order = orderOf(eco);
  const versions = Array.from({ length: pool }, () => {
    const text = versionOf(eco, random);
    return { text, parsed: order.parse(text) };
  });
  const result: Laws = { triples, equal: 0, violations: [] };
  for (let i = 0; i < triples; i += 1) {
    const [a, b, c] = [pick(random, versions), pick(random, versions), pick(random, versions)];
    const [ab, bc, ac] = [
      order.compare(a.parsed, b.parsed),
      order.compare(b.parsed, c.parsed),
      order.compare(a.parsed, c.parsed),
    ];
    if (ab === 0 || bc === 0 || ac === 0) result.equal += 1;
    const antisymmetric = ab + order.compare(b.parsed, a.parsed) === 0;
    // Of a ≤ b and b ≤ c follows a ≤ c, and strictly so if either is strict; the same downwards.
    const expected = ab === 0 ? bc : bc === 0 || ab === bc ? ab : undefined;
    const transitive = expected === undefined || ac === expected;
    if (!(antisymmetric && transitive) && result.violations.length < 5)
      result.violations.push(`${a.text} ${ab} ${b.text} ${bc} ${c.text} ${ac}`);
  }
  return result;
}
