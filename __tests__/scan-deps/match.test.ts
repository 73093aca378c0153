import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { groupAliases, primaryId } from '../../src/scan-deps/osv/groups.ts';
import { affects, type Judgement } from '../../src/scan-deps/osv/match.ts';
import { normaliseName } from '../../src/scan-deps/osv/names.ts';
import { isProblem, parseRecord } from '../../src/scan-deps/osv/record.ts';
import type { Ecosystem, OsvRecord } from '../../src/scan-deps/types.ts';
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

test('trap 8: names are normalised where the ecosystem does, and only there', () => {
  expect(normaliseName('PyPI', 'Pillow')).toBe('pillow');
  expect(normaliseName('PyPI', 'PYYAML')).toBe('pyyaml');
  expect(normaliseName('PyPI', 'ruamel.yaml')).toBe(normaliseName('PyPI', 'ruamel-_.yaml'));
  expect(normaliseName('npm', 'Axios')).toBe('Axios');
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

describe('orders', () => {
  const part = fc.integer({ min: 0, max: 3 });
  const pypi = fc
    .tuple(
      part,
      part,
      fc.constantFrom('', 'a1', 'b0', 'rc1', '.post1', '.dev2', 'a1.dev1', '+local.1', '+1', '-final-x', '!!'),
    )
    .map(([a, b, tail]) => `${a}.${b}${tail}`);
  const npm = fc
    .tuple(
      part,
      part,
      fc.constantFrom('', '.0', '.1', '.0-0', '.0-alpha.1', '.0-alpha.beta', '.1.1', '.0+build', '-rc'),
    )
    .map(([a, b, tail]) => `${a}.${b}${tail}`);
  test.each([
    ['PyPI', pypi],
    ['npm', npm],
  ] as const)('%s is antisymmetric and transitive over all it accepts', (eco, versions) => {
    const order = orderOf(eco);
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        const [x, y, z] = [order.parse(a), order.parse(b), order.parse(c)];
        if (x === undefined || y === undefined || z === undefined) return;
        expect(order.compare(x, y) + order.compare(y, x)).toBe(0);
        if (order.compare(x, y) <= 0 && order.compare(y, z) <= 0) expect(order.compare(x, z)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 3000 },
    );
  });
});
