import { describe, expect, test } from '@jest/globals';
import { groupAliases, primaryId } from '../../src/scan-deps/osv/groups.ts';
import { affects, type Judgement } from '../../src/scan-deps/osv/match.ts';
import { normaliseName } from '../../src/scan-deps/osv/names.ts';
import { isProblem, parseRecord } from '../../src/scan-deps/osv/record.ts';
import { ECOSYSTEMS, type Ecosystem, type OsvRecord } from '../../src/scan-deps/types.ts';
import { orderOf } from '../../src/scan-deps/version/index.ts';
import { advisory, type RecordFacts } from './support.ts';

function record(facts: RecordFacts): OsvRecord {
  const parsed = parseRecord(advisory('PYSEC-1', facts));
  if (isProblem(parsed)) throw new Error(parsed.message);
  return parsed;
}

const judge = (version: string, facts: Omit<RecordFacts, 'name'>): Judgement =>
  affects((facts.eco ?? 'PyPI') as Ecosystem, record({ name: 'pkg', ...facts }), 'pkg', version);

describe('ranges', () => {
  test('trap 2: a GIT range before the ECOSYSTEM range does not end the search', () => {
    const one = record({ name: 'pkg', events: [{ introduced: '0' }, { fixed: '2.0' }] });
    one.affected?.[0]?.ranges?.unshift({ type: 'GIT', events: [{ introduced: '0' }, { fixed: 'abc' }] });
    expect(affects('PyPI', one, 'pkg', '1.5')).toEqual({ by: 'range', fixed: '2.0' });
  });

  test('trap 3: a pin and a listed version are compared as versions, not as text', () => {
    for (const [pin, listed] of [
      ['2.10', '2.10.0'],
      ['1.0-1', '1.0.post1'],
      ['V1.0', '1.0'],
      ['01.0', '1.0'],
    ] as const) {
      expect(judge(pin, { versions: [listed] })).toEqual({ by: 'versions' });
    }
    expect(judge('2.1', { versions: ['2.10'] })).toBe('clear');
  });

  test('trap 4: touching ranges in one list, and an empty one at its end', () => {
    const scrapy = [{ introduced: '0' }, { fixed: '2.0.0' }, { introduced: '2.0.0' }, { fixed: '2.11.2' }];
    expect(judge('2.5.0', { events: scrapy })).toEqual({ by: 'range', fixed: '2.11.2' });
    expect(judge('2.11.2', { events: scrapy })).toBe('clear');
    const arrow = [{ introduced: '0' }, { fixed: '0.9.2' }, { introduced: '0.10.0' }, { fixed: '0.10.0' }];
    expect(judge('0.10.1', { eco: 'npm', events: arrow })).toBe('clear');
  });

  test('trap 5: unsorted events, last_affected, limit, and the last of several entries', () => {
    expect(judge('1.5', { events: [{ fixed: '2' }, { introduced: '1' }] })).toEqual({ by: 'range', fixed: '2' });
    const last = [{ introduced: '1' }, { last_affected: '1.5' }];
    expect(judge('1.5', { events: last })).toEqual({ by: 'range' });
    expect(judge('1.6', { events: last })).toBe('clear');
    expect(judge('3', { events: [{ introduced: '0' }, { limit: '2' }] })).toBe('clear');
    expect(judge('1', { events: [{ introduced: '0' }, { limit: '2' }] })).toEqual({ by: 'range' });
    const several = record({ name: 'pkg', events: [{ introduced: '9' }] });
    several.affected?.push({ package: { ecosystem: 'PyPI', name: 'Pkg' }, versions: ['1.0'] });
    expect(affects('PyPI', several, 'pkg', '1.0')).toEqual({ by: 'versions' });
  });

  test('trap 6: two parts, five parts, 0.0.0-0 and thirty digits are compared, not thrown', () => {
    const npm = orderOf('npm');
    const sign = (a: string, b: string): number => npm.compare(npm.parse(a), npm.parse(b));
    expect(sign('1.0', '1.0.0')).toBe(0);
    expect(sign('1.0', '1.0.1')).toBe(-1);
    expect(sign('0.0.0-0', '0.0.0')).toBe(-1);
    expect(sign('1.2.3.4.5', '1.2.3.4.4')).toBe(1);
    expect(sign('123456789012345678901234567890.0.0', '123456789012345678901234567891.0.0')).toBe(-1);
    expect(judge('1.2.0', { eco: 'npm', events: [{ introduced: '1.0' }, { fixed: '1.3' }] })).toEqual({
      by: 'range',
      fixed: '1.3',
    });
  });

  test('trap 7: a number that the library cannot hold is "cannot judge", never "equal"', () => {
    expect(orderOf('PyPI').parse('99999999999999999991.1')).toBeUndefined();
    expect(judge('99999999999999999991.1', { events: [{ introduced: '0' }] })).toBe('unjudged');
    expect(judge('99999999999999999991.1', { versions: ['99999999999999999992.1'] })).toBe('clear');
  });

  test('trap 10: withdrawn, or neither ranges nor versions: nothing', () => {
    const events = [{ introduced: '0' }];
    expect(judge('1', { events, more: { withdrawn: '2026-01-01T00:00:00Z' } })).toBe('clear');
    expect(judge('1', {})).toBe('clear');
    expect(judge('not a version!', { versions: ['1.0'] })).toBe('clear');
  });

  test('two entries that fix at different versions: the higher one; none when one has none', () => {
    const two = record({ name: 'pkg', events: [{ introduced: '0' }, { fixed: '2' }] });
    two.affected?.push({
      package: { ecosystem: 'PyPI', name: 'pkg' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '10' }] }],
    });
    expect(affects('PyPI', two, 'pkg', '1')).toEqual({ by: 'range', fixed: '10' });
    two.affected?.push({
      package: { ecosystem: 'PyPI', name: 'pkg' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }],
    });
    expect(affects('PyPI', two, 'pkg', '1')).toEqual({ by: 'range' });
  });
});

describe('every ecosystem', () => {
  test.each(ECOSYSTEMS)('traps 2, 4 and 5 in %s: GIT first, unsorted, touching, last_affected, limit', (eco) => {
    const of = (events: object[], versions: string[] = []): OsvRecord => {
      const one = record({ name: 'pkg', eco, events, versions });
      one.affected?.[0]?.ranges?.unshift({ type: 'GIT', events: [{ introduced: '0' }, { fixed: 'abc' }] });
      return one;
    };
    const judgeOf = (version: string, events: object[], versions?: string[]): Judgement =>
      affects(eco, of(events, versions), 'pkg', version);
    const touching = [{ fixed: '2.11.2' }, { introduced: '0' }, { fixed: '2.0.0' }, { introduced: '2.0.0' }];
    expect(judgeOf('2.5.0', touching)).toEqual({ by: 'range', fixed: '2.11.2' });
    expect(judgeOf('2.11.2', touching)).toBe('clear');
    expect(judgeOf('1.9.9', [{ introduced: '1.0.0' }, { last_affected: '1.9.9' }])).toEqual({ by: 'range' });
    expect(judgeOf('1.10.0', [{ introduced: '1.0.0' }, { last_affected: '1.9.9' }])).toBe('clear');
    expect(judgeOf('3.0.0', [{ introduced: '0' }, { limit: '2.0.0' }, { limit: '2.5.0' }])).toBe('clear');
    expect(judgeOf('2.2.0', [{ introduced: '0' }, { limit: '2.0.0' }, { limit: '2.5.0' }])).toEqual({ by: 'range' });
    expect(judgeOf('2.2.0', [{ introduced: '0' }, { limit: '*' }, { limit: '2.0.0' }])).toEqual({ by: 'range' });
    expect(judgeOf('3.0.0', [{ introduced: '9.0.0' }], ['3.0.0'])).toEqual({ by: 'versions' });
    // Old versions of PyPI were any text, and stand below all others.
    const text = judgeOf('no version!', [{ introduced: '0' }]);
    expect(text).toEqual(eco === 'PyPI' ? { by: 'range' } : 'unjudged');
  });

  test.each([
    ['npm', '1.0', '1.0.0'],
    ['Go', 'v1.0.0+incompatible', '1.0.0'],
    ['Go', 'go1.21', '1.21.0'],
    ['crates.io', '1.0.0+build', '1.0.0'],
    ['RubyGems', '1.0.1-x86_64-linux', '1.0.1'],
    ['Packagist', 'v1.0.0-RC1', '1.0.0rc1'],
    ['Maven', '1.0.0.Final', '1'],
    ['NuGet', '1.0.0-Beta', '1.0-beta'],
  ] as const)('trap 3 in %s: the pin %s is the listed %s', (eco, pin, listed) => {
    expect(judge(pin, { eco, versions: ['0.1.0', listed] })).toEqual({ by: 'versions' });
  });

  test('a branch is in no range: equal text or unjudged', () => {
    const events = [{ introduced: '0' }];
    expect(judge('dev-main', { eco: 'Packagist', events })).toBe('unjudged');
    expect(judge('2.x-dev', { eco: 'Packagist', events })).toBe('unjudged');
    expect(judge('dev-main', { eco: 'Packagist', versions: ['1.0'] })).toBe('clear');
    expect(judge('dev-main', { eco: 'Packagist', events, versions: ['dev-main'] })).toEqual({ by: 'versions' });
  });

  test('a range that cannot be read hides neither another range nor the listed versions', () => {
    const odd = [{ introduced: '0' }, { fixed: 'yesterday' }];
    expect(judge('1.0.0', { eco: 'npm', events: odd })).toBe('unjudged');
    expect(judge('1.0.0', { eco: 'npm', events: odd, versions: ['1.0.0'] })).toEqual({ by: 'versions' });
    const two = record({ name: 'pkg', eco: 'npm', events: odd });
    two.affected?.[0]?.ranges?.push({ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] });
    expect(affects('npm', two, 'pkg', '1.0.0')).toEqual({ by: 'range', fixed: '2.0.0' });
    expect(affects('npm', two, 'pkg', '3.0.0')).toBe('unjudged');
  });
});

describe('Go: limits outside the ranges', () => {
  const custom = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.3.1' }] }];
  const all: { eco: string; events: object[] } = { eco: 'Go', events: [{ introduced: '0' }] };
  const limited = (facts: typeof all): OsvRecord => {
    const one = record({ name: 'pkg', ...facts });
    for (const entry of one.affected ?? []) entry.ecosystem_specific = { custom_ranges: custom };
    return one;
  };

  test('inside: affected, with the fix of the limits', () => {
    expect(affects('Go', limited(all), 'pkg', 'v3.2.0')).toEqual({ by: 'range', fixed: '3.3.1' });
  });

  test('outside: only possible, and the limits are quoted', () => {
    expect(affects('Go', limited(all), 'pkg', 'v3.3.1')).toEqual({
      by: 'range',
      doubt:
        'the advisory names all versions, but limits itself to: from the first version, fixed in 3.3.1; v3.3.1 is outside of that',
    });
  });

  test('ranges that say more than "all versions" are believed', () => {
    const events = [{ introduced: '0' }, { fixed: '2.0.0' }];
    expect(affects('Go', limited({ ...all, events }), 'pkg', 'v3.3.1')).toBe('clear');
  });

  test('what another entry is sure of is in no doubt', () => {
    const one = limited(all);
    one.affected?.push({
      package: { ecosystem: 'Go', name: 'pkg' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '3.0.0' }] }],
    });
    expect(affects('Go', one, 'pkg', 'v3.3.1')).toEqual({ by: 'range' });
  });
});

test('trap 8: names are normalised where the ecosystem does, and only there', () => {
  expect(normaliseName('PyPI', 'Pillow')).toBe('pillow');
  expect(normaliseName('PyPI', 'PYYAML')).toBe('pyyaml');
  expect(normaliseName('PyPI', 'ruamel.yaml')).toBe(normaliseName('PyPI', 'ruamel-_.yaml'));
  expect(normaliseName('npm', 'Axios')).toBe('Axios');
  expect(normaliseName('NuGet', 'Moment.js')).toBe(normaliseName('NuGet', 'moment.js'));
  expect(normaliseName('Packagist', 'Symfony/HTTP-kernel')).toBe('symfony/http-kernel');
  expect(normaliseName('Maven', 'org.Acme:Core')).toBe('org.Acme:Core');
  expect(normaliseName('Go', 'github.com/Acme/x/v2')).toBe('github.com/Acme/x/v2');
  expect(['go', 'toolchain', 'stdlib'].map((name) => normaliseName('Go', name))).toEqual(Array(3).fill('stdlib'));
});

test('trap 9 (groups): records that meet only in the CVE, and chains of three, are one group', () => {
  const ids = (groups: OsvRecord[][]): string[][] => groups.map((group) => group.map((r) => r.id));
  expect(
    ids(
      groupAliases([
        { id: 'PYSEC-1', aliases: ['CVE-2020-1'] },
        { id: 'GHSA-a', aliases: ['CVE-2020-1'] },
        { id: 'PYSEC-2' },
      ]),
    ),
  ).toEqual([['GHSA-a', 'PYSEC-1'], ['PYSEC-2']]);
  const chain = [
    { id: 'A-1', aliases: ['B-1'] },
    { id: 'C-1', aliases: ['D-1'] },
    { id: 'B-1', aliases: ['C-1'] },
  ];
  expect(ids(groupAliases(chain))).toEqual([['A-1', 'B-1', 'C-1']]);
  expect(primaryId([{ id: 'PYSEC-1', aliases: ['CVE-2021-10', 'CVE-2021-9', 'GHSA-a'] }])).toBe('CVE-2021-9');
});
