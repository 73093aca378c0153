import { describe, expect, test } from '@jest/globals';
import { create } from '@renovatebot/ruby-semver/dist/ruby/version.js';
import { compare as mvncmp } from 'mvncmp';
import semver from 'semver';
import { checkLaws, seeded, versionOf } from '../../../bench/scan-deps/_versions.ts';
import { ECOSYSTEMS, type Ecosystem } from '../../../src/scan-deps/types.ts';
import { judged, orderOf } from '../../../src/scan-deps/version/index.ts';
import { fromSpec } from '../../../src/scan-deps/version/intervals.ts';
import { compareLabels } from '../../../src/scan-deps/version/semver.ts';

function sign(eco: Ecosystem, a: string, b: string): number | undefined {
  const order = orderOf(eco);
  const [x, y] = [order.parse(a), order.parse(b)];
  return x === undefined || y === undefined ? undefined : order.compare(x, y);
}

/** Each line ascends: every version is above all before it. `=` joins equal ones. */
const LADDERS: readonly (readonly [Ecosystem, readonly string[]])[] = [
  [
    'PyPI',
    [
      'not a version',
      '1!!',
      '0.9',
      '1.dev0 = 1.0.DEV0',
      '1.0a1.dev1',
      '1.0a1 = 1.0-alpha.1',
      '1.0b0',
      '1.0rc1 = 1.0c1',
      '1.0 = v1 = 01.0.0',
      '1.0+abc',
      '1.0+1',
      '1.0.post1.dev0',
      '1.0.post1 = 1.0-1 = 1.0r1',
      '1.1',
      '1!0.1',
    ],
  ],
  [
    'npm',
    [
      '0.0.0-0',
      '0.0.0',
      '1.0.0-99999999999999999991',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0 = 1 = v1.0 = =1.0.0+build',
      '1.0.0.1',
      '1.2.3.4.4',
      '1.2.3.4.5',
      '123456789012345678901234567890.0.0',
      '123456789012345678901234567891.0.0',
    ],
  ],
  [
    'Go',
    [
      'v0.0.0-20191109021931-daa7c04131f5',
      'v0.0.0-20191109021932-000000000000',
      'v0.0.0',
      '1.21.0-0',
      '1.21beta1',
      'go1.21rc2 = 1.21.0-rc.2 = go1.21rc2-acme',
      '1.21rc10',
      'go1.21 = 1.21.0 = v1.21.0 = go1.21.0-acme',
      'go1.21.3',
      'v2.0.0+incompatible = 2.0.0',
    ],
  ],
  ['crates.io', ['0.0.0-0', '0.3.1-0', '0.3.1 = 0.3.1+build.5', '0.10.0']],
  [
    'RubyGems',
    [
      '1.0.0-beta = 1.0.0.pre.beta',
      '1.0.0.rc1',
      '1.0 = 1 = 1.0.0 = 1.0.0-java',
      '1.0.1 = 1.0.1-x86_64-linux = 1.0.1-x86_64-linux-musl = 1.0.1-arm64-darwin = 1.0.1-x64-mingw-ucrt = 1.0.1-x86-mswin32-60 = 1.0.1-universal-darwin-19 = 1.0.1-aarch64-linux-gnu',
      '1.1.a.b',
      '1.1.a',
      '1.1.a.1',
      '1.1',
    ],
  ],
  [
    'Packagist',
    [
      '1.0-foo = 1.0-qux',
      '1.0-dev = v1.0-dev',
      '1.0alpha1 = 1.0-ALPHA.1 = 1.0.a1',
      '1.0-beta',
      '1.0RC1 = 1.0-rc.1',
      '1.0 = 1.0+build7',
      '1.0.0',
      '1.0-1 = 1.0.1',
      '1.0pl1 = 1.0-patch1',
      '1.1',
      '123456789012345678901234567890',
      '123456789012345678901234567891',
    ],
  ],
  [
    'Maven',
    [
      '1-alpha-1 = 1a1',
      '1-alpha2',
      '1-b1',
      '1-m1',
      '1-rc1 = 1cr1',
      '1-snapshot',
      '1 = 1.0.0 = 1-ga = 1.Final',
      '1-sp',
      '1-a',
      '1-foo = 1.foo',
      '1-jre',
      '1-1',
      '1-2',
      '1.0.1',
      '1.1',
      'Finchley.SR2',
    ].slice(0, -1),
  ],
  ['Maven', ['Finchley', 'Finchley.SR2', 'Greenwich', '1']],
  [
    'NuGet',
    [
      '1.0.0-Alpha = 1.0-alpha',
      '1.0.0-beta.2',
      '1.0.0-BETA.10',
      '1.0 = 1 = v1.0.0.0 = 1.0.0+x',
      '1.0.0.1',
      '1.0.01.2',
      '1.0.2',
    ],
  ],
];

test.each(LADDERS)('%s: %j', (eco, ladder) => {
  const steps = ladder.map((step) => step.split(' = '));
  for (const [i, step] of steps.entries()) {
    for (const other of step) expect([step[0], other, sign(eco, step[0] ?? '', other)]).toEqual([step[0], other, 0]);
    for (const lower of steps.slice(0, i).flat())
      for (const higher of step) expect([lower, higher, sign(eco, lower, higher)]).toEqual([lower, higher, -1]);
  }
});

const REFUSED: readonly (readonly [Ecosystem, string])[] = [
  ['PyPI', ''],
  ['PyPI', '99999999999999999991.1'],
  ['PyPI', '1.0+20240101000000001'],
  ['npm', 'latest'],
  ['npm', '1.x'],
  ['Go', 'master'],
  ['crates.io', '1.0-'],
  ['RubyGems', '1..0'],
  ['RubyGems', 'main'],
  ['Packagist', 'main'],
  ['Packagist', 'dev-main'],
  ['Packagist', '2.x-dev'],
  ['Packagist', '1.2.#'],
  ['Maven', '[1.0,2.0)'],
  ['Maven', '${revision}'],
  ['Maven', 'LATEST'],
  ['NuGet', '1.2.3.4.5'],
  ['NuGet', '1.*'],
  ...ECOSYSTEMS.map((eco) => [eco, '1'.repeat(300)] as const),
];

test.each(REFUSED)('trap 7: %s cannot judge %j', (eco, version) => {
  expect(judged(orderOf(eco), version)).toBeUndefined();
});

test('trap 6: every order compares numbers of thirty digits, or refuses them', () => {
  const [a, b] = ['999999999999999999999999999991', '999999999999999999999999999992'];
  expect(ECOSYSTEMS.filter((eco) => sign(eco, `${a}.0.0`, `${b}.0.0`) !== -1)).toEqual(['PyPI']);
  expect(sign('PyPI', a, b)).toBeUndefined();
});

test('numeric labels that a double cannot hold are not equal', () => {
  expect(semver.compare('1.0.0-99999999999999999991', '1.0.0-99999999999999999992')).toBe(0);
  for (const eco of ['npm', 'Go', 'crates.io', 'NuGet'] as const)
    expect(sign(eco, '1.0.0-99999999999999999991', '1.0.0-99999999999999999992')).toBe(-1);
});

describe('laws', () => {
  test.each(ECOSYSTEMS)('%s is antisymmetric and transitive over 100,000 triples', (eco) => {
    const { equal, violations } = checkLaws(eco, 100_000, 7);
    expect(violations).toEqual([]);
    expect(equal).toBeGreaterThan(100);
  });
});

describe('oracles', () => {
  const pairs = (eco: Ecosystem, fits: (version: string) => boolean): [string, string][] => {
    const random = seeded(11);
    const versions: string[] = [];
    while (versions.length < 250) {
      const version = versionOf(eco, random);
      if (fits(version)) versions.push(version);
    }
    return versions.flatMap((a) => versions.slice(0, 40).map((b): [string, string] => [a, b]));
  };
  const differences = (eco: Ecosystem, all: [string, string][], oracle: (a: string, b: string) => number): string[] =>
    all.filter(([a, b]) => sign(eco, a, b) !== Math.sign(oracle(a, b))).map(([a, b]) => `${a} ? ${b}`);
  const short = (version: string): boolean => !/\d{16}/.test(version);

  test('npm: the part-by-part comparison agrees with the library wherever that answers', () => {
    const all = pairs('npm', (version) => semver.valid(version) !== null && short(version));
    const labels = (version: string): string[] => semver.prerelease(version)?.map(String) ?? [];
    expect(differences('npm', all, semver.compare)).toEqual([]);
    expect(
      all.filter(([a, b]) => {
        const core = new semver.SemVer(a).compareMain(b);
        return (core || compareLabels(labels(a), labels(b))) !== semver.compare(a, b);
      }),
    ).toEqual([]);
  });

  test('NuGet: as semver, where both have the same form', () => {
    const all = pairs(
      'NuGet',
      (version) => semver.valid(version) !== null && short(version) && version === version.toLowerCase(),
    );
    expect(differences('NuGet', all, semver.compare)).toEqual([]);
  });

  // The library counts in doubles and compares words by locale.
  test('RubyGems: @renovatebot/ruby-semver', () => {
    const all = pairs('RubyGems', (version) => short(version) && /^\d+(?:[.-][0-9a-z]+)*$/.test(version));
    expect(differences('RubyGems', all, (a, b) => create(a).compare(create(b)))).toEqual([]);
  });

  // The library knows older rules for a word after a dot, and for lists that begin with a value that means nothing.
  test('Maven: mvncmp', () => {
    const all = pairs('Maven', (version) => short(version) && !/\.[a-z]|ga|final|-0+\b|-$/i.test(version));
    expect(differences('Maven', all, mvncmp)).toEqual([]);
  });
});

test('a megabyte of anything is refused by every order and every reader of ranges', () => {
  const pieces = ['1', '1.', '-', 'a', ' ', '0-', '=', 'v', '+', 'x-', '1 ', '<', '~=', '.*', '||', ',', '_1'];
  for (const eco of ECOSYSTEMS) {
    for (const piece of pieces) {
      const text = `1${piece.repeat(2 ** 20 / piece.length)}!`;
      for (const version of [text, `go${text}`, `v${text}`])
        expect([eco, piece, judged(orderOf(eco), version)]).toEqual([eco, piece, undefined]);
      for (const range of [text, `>=${text}`, `>=1,<${text}`])
        expect([eco, piece, fromSpec(eco, range)]).toEqual([eco, piece, undefined]);
    }
  }
});
