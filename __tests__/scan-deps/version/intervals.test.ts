import { describe, expect, test } from '@jest/globals';
import { compare, explain, satisfies } from '@renovatebot/pep440';
import fc from 'fast-check';
import semver from 'semver';
import { pep440, pick, type Random, seeded, versionOf } from '../../../bench/scan-deps/_versions.ts';
import { affects } from '../../../src/scan-deps/osv/match.ts';
import { ECOSYSTEMS, type Ecosystem, type OsvAffected, type OsvEvent } from '../../../src/scan-deps/types.ts';
import { judged, orderOf } from '../../../src/scan-deps/version/index.ts';
import {
  allows,
  contains,
  freshInstall,
  fromAffected,
  fromSpec,
  fromVersionOn,
  type IntervalSet,
  intersect,
  isEmpty,
  rangeVerdict,
  safeFloor,
  subset,
} from '../../../src/scan-deps/version/intervals.ts';
import { sameVersions } from '../../../src/scan-deps/version/sets.ts';
import { isFloor, raised } from '../../../src/scan-deps/version/specifier.ts';

function spec(eco: Ecosystem, range: string): IntervalSet {
  const set = fromSpec(eco, range);
  if (set === undefined) throw new Error(`cannot read ${range}`);
  return set;
}

const affected = (eco: Ecosystem, events: OsvEvent[], versions: string[] = []): IntervalSet =>
  fromAffected(eco, [{ ranges: [{ type: 'ECOSYSTEM', events }], versions }]);

// CVE-2023-32681 and GHSA-35jh-r3h4-6jhm, as ranges.
const REQUESTS = affected('PyPI', [{ introduced: '2.3.0' }, { fixed: '2.31.0' }]);
const LODASH = affected('npm', [{ introduced: '0' }, { fixed: '4.17.21' }]);
const MARKED = affected('npm', [{ introduced: '2.0.0-alpha.1' }, { fixed: '2.0.0' }]);

describe('trap 28: verdicts', () => {
  test.each([
    ['>=2.3.0,<2.31.0', 'certain', 'affected'],
    ['>=2.3.0,<=2.30.0', 'certain', 'affected'],
    ['==2.30.*', 'certain', 'affected'],
    ['~=2.30.0', 'certain', 'affected'],
    ['>=2.30,<2.31.0rc1', 'certain', 'affected'],
    ['>=2.0', 'possible', 'safe'],
    ['', 'possible', 'safe'],
    ['>2.30.0', 'possible', 'safe'],
    ['==2.*', 'possible', 'safe'],
    ['~=2.30', 'possible', 'safe'],
    ['!=2.30.0', 'possible', 'safe'],
    ['<2.31.0', 'possible', 'affected'],
    ['<=2.31.0', 'possible', 'safe'],
    ['>=2.31.0.dev0', 'possible', 'safe'],
    ['>=2.31.0', 'clear', 'safe'],
    ['>=2.33.0', 'clear', 'safe'],
    ['>2.31.0', 'clear', 'safe'],
    ['==2.31.*,!=2.31.0.dev0', 'possible', 'safe'],
    ['<2.3', 'clear', 'unknown'],
    ['===2.30.0', 'certain', 'affected'],
    ['>3,<2', 'clear', 'unknown'],
  ] as const)('requests%s is %s, a fresh install %s', (range, verdict, fresh) => {
    const allowed = spec('PyPI', range);
    const floor = safeFloor(allowed, REQUESTS, ['2.31.0']);
    expect([rangeVerdict(allowed, REQUESTS), freshInstall(allowed, REQUESTS, floor)]).toEqual([verdict, fresh]);
  });

  test.each([
    ['^4.17.20', 'possible', 'safe'],
    ['4.17.x || 3.x', 'possible', 'safe'],
    ['*', 'possible', 'safe'],
    ['', 'possible', 'safe'],
    ['latest', 'possible', 'safe'],
    ['>1.0.0-rc', 'possible', 'safe'],
    ['3.x', 'certain', 'affected'],
    ['1.0.0 - 4.17.20', 'certain', 'affected'],
    ['4.17.20', 'certain', 'affected'],
    ['<4.17.21', 'certain', 'affected'],
    ['^4.17.21', 'clear', 'safe'],
    ['>=4.17.21-rc.1', 'possible', 'safe'],
  ] as const)('lodash %j is %s, a fresh install %s', (range, verdict, fresh) => {
    const allowed = spec('npm', range);
    const floor = safeFloor(allowed, LODASH, ['4.17.21']);
    expect([rangeVerdict(allowed, LODASH), freshInstall(allowed, LODASH, floor)]).toEqual([verdict, fresh]);
  });

  test.each([
    ['*', 'clear'],
    ['^1 || ^2', 'clear'],
    ['>=1.0.0-rc.1', 'clear'],
    ['>=2.0.0-0', 'possible'],
    ['2.0.0-beta.1 || 1', 'possible'],
    ['2.0.0-beta.1', 'certain'],
  ] as const)('an advisory about pre-releases alone: %j is %s', (range, verdict) => {
    expect(rangeVerdict(spec('npm', range), MARKED)).toBe(verdict);
  });

  test('Go: the language version is a lower bound of the standard library', () => {
    const stdlib = affected('Go', [
      { introduced: '0' },
      { fixed: '1.20.12' },
      { introduced: '1.21.0-0' },
      { fixed: '1.21.5' },
    ]);
    expect(['>=1.21', '>=1.21.5', '>=go1.21rc2', '>=1.20.12'].map((r) => rangeVerdict(spec('Go', r), stdlib))).toEqual([
      'possible',
      'clear',
      'possible',
      'possible',
    ]);
    expect(safeFloor(spec('Go', '>=1.19'), stdlib, ['1.20.12', '1.21.5'])).toBe('1.21.5');
  });

  test('what cannot be read makes nothing certain and nothing clear', () => {
    const unreadable = affected('npm', [{ introduced: '0' }, { fixed: 'yesterday' }]);
    expect(rangeVerdict(spec('npm', '^1.0.0'), unreadable)).toBe('possible');
    expect(safeFloor(spec('npm', '^1.0.0'), unreadable, ['1.5.0'])).toBeUndefined();
    const elsewhere: OsvAffected = {
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
      ecosystem_specific: { custom_ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.9' }] }] },
    };
    expect(rangeVerdict(spec('Go', '>=1.0'), fromAffected('Go', [elsewhere]))).toBe('possible');
  });
});

test.each([
  ['PyPI', '>=1.0+local'],
  ['PyPI', '~=2'],
  ['PyPI', '>=2.*'],
  ['PyPI', '==1.0a1.*'],
  ['PyPI', '>=99999999999999999991'],
  ['PyPI', '${VERSION}'],
  ['PyPI', '1.0'],
  ['npm', '1.2.3.4.5.6 oops !'],
  ['npm', '^99999999999999999999.0.0'],
  ['Go', '>=master'],
  ['Maven', '[1.0,2.0)'],
] as const)('trap 1: %s %j cannot be read, and is no guess', (eco, range) => {
  expect(fromSpec(eco, range)).toBeUndefined();
});

test('trap 1: >=2.10.0 is a range, and its lower bound is not the version', () => {
  const old = affected('PyPI', [{ introduced: '0' }, { fixed: '2.10.1' }]);
  expect(rangeVerdict(spec('PyPI', '>=2.10.0'), old)).toBe('possible');
  expect(allows(spec('PyPI', '>=2.10.0'), '3.0')).toBe(true);
});

describe('the specifier to write instead', () => {
  test.each([
    ['PyPI', '>=2.0', '2.33.0', '>=2.33.0'],
    ['PyPI', '', '2.33.0', '>=2.33.0'],
    ['PyPI', '>=2.0,<3', '2.33.0', '>=2.33.0,<3'],
    ['PyPI', '>=2.0,!=2.30.0,<3', '2.33.0', '>=2.33.0,<3'],
    ['PyPI', '>=2.0,!=2.34.0', '2.33.0', '>=2.33.0,!=2.34.0'],
    ['PyPI', '~=2.30', '2.33.0', '~=2.33'],
    ['PyPI', '~=2.30', '2.33.1', '>=2.33.1,~=2.30'],
    ['PyPI', '==2.*', '2.33.0', '>=2.33.0,==2.*'],
    ['PyPI', '>=2.3.0,<2.31.0', '2.31.0', '>=2.31.0'],
    ['npm', '^4.17.20', '4.17.21', '^4.17.21'],
    ['npm', '~4.17.1', '4.17.21', '~4.17.21'],
    ['npm', '4.17.x || 3.x', '4.17.21', '~4.17.21'],
    ['npm', '3.x || 4.17.x', '3.9.9', '^3.9.9 || 4.17.x'],
    ['npm', '1.0.0 - 3.0.0 || 4.17.x', '2.0.0', '>=2.0.0 <=3.0.0 || 4.17.x'],
    ['npm', '^1.2.3', '1.4', '^1.4.0'],
    ['npm', '*', '4.17.21', '>=4.17.21'],
    ['npm', 'latest', '4.17.21', '>=4.17.21'],
    ['npm', '>=1.0.0 <6', '4.17.21', '>=4.17.21 <6'],
    ['npm', '3.x', '4.17.21', '^4.17.21'],
    ['Go', '>=1.21', '1.21.5', '>=1.21.5'],
  ] as const)('%s %j from %s on: %s', (eco, range, floor, wanted) => {
    expect(raised(eco, range, floor)).toBe(wanted);
  });

  test('an unaffected fix wins over a lower one that another advisory touches', () => {
    const both = affected('PyPI', [
      { introduced: '0' },
      { fixed: '2.31.0' },
      { introduced: '2.31.0' },
      { fixed: '2.33.0' },
    ]);
    expect(safeFloor(spec('PyPI', '>=2.0'), both, ['2.31.0', '2.33.0'])).toBe('2.33.0');
    expect(safeFloor(spec('PyPI', '<2.32'), both, ['2.31.0', '2.33.0'])).toBe('2.33.0');
    expect(safeFloor(spec('PyPI', '>=2.0'), affected('PyPI', [{ introduced: '0' }]), [])).toBeUndefined();
  });
});

describe('properties', () => {
  const from = <T>(make: (random: Random) => T): fc.Arbitrary<T> => fc.integer().map((seed) => make(seeded(seed)));
  const has = (set: IntervalSet, version: string): boolean => contains(set, orderOf(set.eco).parse(version));

  const npmVersion = (random: Random): string =>
    `${Array.from({ length: 3 }, () => pick(random, [0, 1, 2, 3])).join('.')}${random() < 0.4 ? `-${pick(random, ['0', 'a', 'rc.1', 'rc.2'])}` : ''}`;
  const npmComparator = (random: Random): string => {
    const version = npmVersion(random);
    const partial = random() < 0.3 ? version.split('-', 1)[0]?.split('.').slice(0, 2).join('.') : version;
    const kind = random();
    if (kind < 0.08) return '*';
    if (kind < 0.16) return `${version} - ${npmVersion(random)}`;
    if (kind < 0.22) return `${partial?.split('.', 1)}.x`;
    return `${pick(random, ['^', '~', '>', '>=', '<', '<=', '='])}${partial}`;
  };
  const npmRange = (random: Random): string =>
    Array.from({ length: 1 + Math.floor(random() * 2) }, () => {
      const first = npmComparator(random);
      return first.includes(' - ') || random() < 0.5
        ? first
        : `${first} ${pick(random, ['<', '>=', '>'])}${npmVersion(random)}`;
    }).join(' || ');

  test('npm: membership is what semver.satisfies says, pre-releases included', () => {
    let inside = 0;
    fc.assert(
      fc.property(from(npmRange), from(npmVersion), (range, version) => {
        if (semver.validRange(range) === null) return;
        const ours = has(spec('npm', range), version);
        inside += Number(ours);
        expect([range, version, ours]).toEqual([range, version, semver.satisfies(version, range)]);
      }),
      { numRuns: 2000 },
    );
    expect(inside).toBeGreaterThan(200);
  });

  // The rules of PEP 440 over the order of the library, written apart from the intervals.
  function admits(operator: string, text: string, candidate: string): boolean {
    const prefix = text.endsWith('.*');
    const v = explain(prefix ? text.slice(0, -2) : text);
    const c = explain(candidate);
    if (v === null || c === null) throw new Error(`no version: ${text} or ${candidate}`);
    const [target, open] = [text.trim(), c.public];
    const sameRelease = c.epoch === v.epoch && compare(c.base_version, v.base_version) === 0;
    const samePre = String(c.pre) === String(v.pre);
    switch (operator) {
      case '==':
        if (prefix) return c.epoch === v.epoch && v.release.every((n, i) => n === (c.release[i] ?? 0));
        return compare(v.local === null ? open : candidate, target) === 0;
      case '!=':
        return !admits('==', text, candidate);
      case '>=':
        return compare(open, target) >= 0;
      case '<=':
        return compare(open, target) <= 0;
      case '~=': {
        const series = `${v.epoch}!${v.release.slice(0, -1).join('.')}.*`;
        return admits('>=', text, candidate) && admits('==', series, candidate);
      }
      case '<': {
        const ofThis =
          sameRelease && c.is_prerelease && (v.post === null || (samePre && String(c.post) === String(v.post)));
        return compare(candidate, target) < 0 && (v.is_prerelease || !ofThis);
      }
      default: {
        const postOfThis = v.post === null && v.dev === null && c.post !== null && sameRelease && samePre;
        return compare(open, target) > 0 && !postOfThis;
      }
    }
  }

  const pypiClause = (random: Random): [string, string] => {
    const operator = pick(random, ['==', '!=', '>=', '<=', '<', '>', '~=', '==*', '!=*']);
    const version = pep440(random);
    const release = /^(?:\d+!)?\d+(?:\.\d+)*/.exec(version)?.[0] ?? '';
    if (operator.endsWith('*')) return [operator.slice(0, 2), `${release}.*`];
    const open = operator === '==' || operator === '!=' ? version : (version.split('+', 1)[0] ?? '');
    return [operator, operator === '~=' ? `${release}.1` : open];
  };

  test('PyPI: membership is what the rules of PEP 440 say, pre-releases allowed', () => {
    let inside = 0;
    const clauses = fc.array(from(pypiClause), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(clauses, from(pep440), (all, version) => {
        const text = all.map((clause) => clause.join('')).join(',');
        const ours = has(spec('PyPI', text), version);
        inside += Number(ours);
        const theirs = all.every(([operator, v]) => admits(operator, v, version));
        expect([text, version, ours]).toEqual([text, version, theirs]);
      }),
      { numRuns: 2000 },
    );
    expect(inside).toBeGreaterThan(200);
  });

  // Its `<` and `>` know no pre- and post-releases, and its prefixes no padding: releases of three numbers only.
  test('PyPI: the library agrees about plain releases', () => {
    const release = (random: Random): string => Array.from({ length: 3 }, () => pick(random, [0, 1, 2])).join('.');
    const clause = (random: Random): string =>
      `${pick(random, ['==', '!=', '>=', '<=', '<', '>', '~='])}${release(random)}`;
    fc.assert(
      fc.property(from(clause), from(clause), from(release), (a, b, version) => {
        const text = `${a}, ${b}`;
        const theirs = satisfies(version, text, { prereleases: true });
        expect([text, version, has(spec('PyPI', text), version)]).toEqual([text, version, theirs]);
      }),
      { numRuns: 2000 },
    );
  });

  const events =
    (eco: Ecosystem) =>
    (random: Random): OsvEvent[] =>
      Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
        const kind = pick(random, ['introduced', 'introduced', 'fixed', 'fixed', 'last_affected', 'limit'] as const);
        return { [kind]: kind === 'introduced' && random() < 0.4 ? '0' : versionOf(eco, random) };
      });

  test.each(ECOSYSTEMS)('%s: an advisory affects a version exactly if its set holds it', (eco) => {
    let hits = 0;
    fc.assert(
      fc.property(
        from(events(eco)),
        from((r) => [versionOf(eco, r), versionOf(eco, r)]),
        (list, [version = '', listed = '']) => {
          const entry: OsvAffected = {
            package: { ecosystem: eco, name: 'p' },
            ranges: [{ type: 'ECOSYSTEM', events: list }],
            versions: [listed],
          };
          const matched = typeof affects(eco, { id: 'X-1', affected: [entry] }, 'p', version) === 'object';
          hits += Number(matched);
          expect([list, version, has(fromAffected(eco, [entry]), version)]).toEqual([list, version, matched]);
        },
      ),
      { numRuns: 800 },
    );
    expect(hits).toBeGreaterThan(80);
  });

  test.each(ECOSYSTEMS)('%s: the verdict agrees with every version of a sample', (eco) => {
    const random = seeded(3);
    const sample = Array.from({ length: 60 }, () => versionOf(eco, random));
    const seen = { certain: 0, possible: 0, clear: 0 };
    fc.assert(
      fc.property(
        from(events(eco)),
        from((r) => [versionOf(eco, r), versionOf(eco, r)]),
        (list, [a = '', b = '']) => {
          const [low, high] =
            orderOf(eco).compare(judged(orderOf(eco), a), judged(orderOf(eco), b)) < 0 ? [a, b] : [b, a];
          const allowed = eco === 'npm' ? undefined : fromSpec(eco, `>=${low},<=${high}`);
          if (allowed === undefined) return;
          const holes = affected(eco, list);
          const verdict = rangeVerdict(allowed, holes);
          seen[verdict] += 1;
          const inside = [...sample, low, high].filter((v) => allows(allowed, v));
          if (verdict === 'certain') expect(inside.filter((v) => !allows(holes, v))).toEqual([]);
          if (verdict === 'clear') expect(inside.filter((v) => allows(holes, v))).toEqual([]);
        },
      ),
      { numRuns: 250 },
    );
    if (eco !== 'npm') expect(Object.values(seen).every((count) => count > 0)).toBe(true);
  });

  // npm takes >=0.0.0 for no bound at all.
  const aboveZero = (eco: Ecosystem, version: string): boolean =>
    orderOf(eco).compare(orderOf(eco).parse(version), orderOf(eco).parse('0')) > 0;

  test('a raised specifier is the old one from the floor on, and no fix below the floor would do', () => {
    let within = 0;
    const clauses = fc.array(from(pypiClause), { maxLength: 3 });
    fc.assert(
      fc.property(
        clauses,
        from(events('PyPI')),
        from(npmRange),
        from(events('npm')),
        (pypi, holesOfPypi, npm, holesOfNpm) => {
          const text = pypi.map((clause) => clause.join('')).join(',');
          for (const [eco, range, list] of [
            ['PyPI', text, holesOfPypi],
            ['npm', semver.validRange(npm) === null ? '*' : npm, holesOfNpm],
          ] as const) {
            const [allowed, holes] = [spec(eco, range), affected(eco, list)];
            const fixes = list.flatMap(({ fixed }) =>
              fixed !== undefined && isFloor(eco, fixed) && aboveZero(eco, fixed) ? [fixed] : [],
            );
            const floor = safeFloor(allowed, holes, fixes);
            if (floor === undefined) return;
            const next = raised(eco, range, floor);
            expect([range, next, isEmpty(intersect(spec(eco, next), holes))]).toEqual([range, next, true]);
            if (!allows(allowed, floor)) return;
            within += 1;
            const rest = fromVersionOn(allowed, floor);
            expect([range, next, rest !== undefined && sameVersions(spec(eco, next), rest)]).toEqual([
              range,
              next,
              true,
            ]);
            expect(subset(spec(eco, next), allowed)).toBe(true);
            const order = orderOf(eco);
            const lower = fixes.filter(
              (f) => order.compare(order.parse(f), order.parse(floor)) < 0 && allows(allowed, f),
            );
            for (const fix of lower)
              expect(rangeVerdict(fromVersionOn(allowed, fix) ?? allowed, holes)).not.toBe('clear');
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(within).toBeGreaterThan(25);
  });
});
