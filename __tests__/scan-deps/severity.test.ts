import { expect, test } from '@jest/globals';
import { Cvss2, Cvss3P0, Cvss3P1, Cvss4P0 } from 'ae-cvss-calculator';
import fc from 'fast-check';
import { parseVector } from '../../src/scan-deps/policy/cvss.ts';
import { scoreGroup } from '../../src/scan-deps/policy/severity.ts';
import { CRITICAL } from './support.ts';

test('trap 21: what is not exactly a vector is unscored, never 0', () => {
  const bad = [
    '',
    'CVSS:3.1/AV:N',
    CRITICAL.replace('AV:N', 'AV:X'),
    `${CRITICAL}/AV:N`,
    CRITICAL.replace('3.1', '5.0'),
    `${CRITICAL}/`,
    `${CRITICAL}/XX:Y`,
    CRITICAL.replace('CVSS:3.1/', ''),
    ` ${CRITICAL}`,
    'CVSS:3.1/constructor:N',
  ];
  for (const text of bad) expect([text, parseVector(text)]).toEqual([text, undefined]);
  expect(parseVector(CRITICAL)).toEqual({ version: '3.1', score: 9.8 });
});

test('trap 21: words of a database, in any case, and the higher of word and vector', () => {
  const level = (word: string | undefined, vector?: string): string =>
    scoreGroup(
      [
        {
          id: 'GHSA-1',
          ...(word === undefined ? {} : { database_specific: { severity: word } }),
          ...(vector === undefined ? {} : { severity: [{ type: 'CVSS_V3', score: vector }] }),
        },
      ],
      'npm',
      'x',
    ).level;
  expect(level('moderate')).toBe('medium');
  expect(level('HIGH', 'CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N')).toBe('high');
  expect(level('low', CRITICAL)).toBe('critical');
  expect(level(undefined, '')).toBe('unknown');
  expect(level('grave')).toBe('unknown');
});

// The oracle is the calculator of another project; it is too big to ship.
const pick = (metrics: Record<string, string>): fc.Arbitrary<string> =>
  fc
    .tuple(...Object.entries(metrics).map(([name, values]) => fc.constantFrom(...values).map((v) => `${name}:${v}`)))
    .map((parts) => parts.join('/'));
const V3 = { AV: 'NALP', AC: 'LH', PR: 'NLH', UI: 'NR', S: 'UC', C: 'NLH', I: 'NLH', A: 'NLH' };

test.each([
  [
    '2.0',
    pick({ AV: 'LAN', AC: 'HML', Au: 'MSN', C: 'NPC', I: 'NPC', A: 'NPC' }),
    '',
    (text: string) => new Cvss2(text).calculateScores().base,
  ],
  ['3.0', pick(V3), 'CVSS:3.0/', (text: string) => new Cvss3P0(text).calculateScores().base],
  ['3.1', pick(V3), 'CVSS:3.1/', (text: string) => new Cvss3P1(text).calculateScores().base],
  [
    '4.0',
    pick({
      AV: 'NALP',
      AC: 'LH',
      AT: 'NP',
      PR: 'NLH',
      UI: 'NPA',
      VC: 'HLN',
      VI: 'HLN',
      VA: 'HLN',
      SC: 'HLN',
      SI: 'HLN',
      SA: 'HLN',
    }),
    'CVSS:4.0/',
    (text: string) => new Cvss4P0(text).calculateScores().overall,
  ],
] as const)('CVSS %s: equal to the oracle', (_version, vectors, prefix, oracle) => {
  fc.assert(
    fc.property(vectors, (text) => {
      expect(parseVector(prefix + text)?.score).toBe((oracle(prefix + text) ?? Number.NaN) + 0);
    }),
    { numRuns: 3000 },
  );
});
