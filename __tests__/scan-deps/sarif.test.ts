import { expect, test } from '@jest/globals';
import { sarifOf } from '../../src/scan-deps/report/sarif.ts';
import type { Finding, Report } from '../../src/scan-deps/types.ts';
import { findingOf, hostileNames, hostileReport, RAW, reportOf, sarifCheck } from './report-kit.ts';

const check = sarifCheck();
const withSchema = check === undefined ? test.skip : test;

interface Result {
  ruleId: string;
  ruleIndex: number;
  message: { text: string };
  partialFingerprints: Record<string, string>;
  baselineState?: string;
  suppressions?: object[];
}
interface Rule {
  id: string;
  properties: { tags: string[]; 'security-severity': string };
}

function read(findings: Finding[], more: Partial<Report> = {}): { rules: Rule[]; results: Result[] } {
  const sarif = JSON.parse(sarifOf(reportOf(findings, more))) as {
    runs: [{ tool: { driver: { rules: Rule[] } }; results: Result[] }];
  };
  return { rules: sarif.runs[0].tool.driver.rules, results: sarif.runs[0].results };
}

test('one rule a vulnerability, one result a finding, and the index leads from one to the other', () => {
  const { rules, results } = read([
    findingOf(),
    findingOf({ package: 'b', key: 'b' }),
    findingOf({ id: 'CVE-2020-2', level: 'unknown' }),
  ]);
  expect(rules.map((r) => r.id)).toEqual(['CVE-2020-1', 'CVE-2020-2']);
  expect(results.map((r) => rules[r.ruleIndex]?.id === r.ruleId)).toEqual([true, true, true]);
});

test('the severity is always a number; what nobody scored stands with high and says so', () => {
  const unscored = findingOf({ level: 'unknown' });
  delete unscored.score;
  const worded = findingOf({ id: 'CVE-2020-3', level: 'high', score: 6.8 });
  const { rules } = read([unscored, worded]);
  expect(rules.map((r) => [r.properties['security-severity'], r.properties.tags.includes('unscored')])).toEqual([
    ['7.0', true],
    ['7.0', false],
  ]);
});

test('the fingerprint stays when only line, level or summary change, and changes with file, package and ids', () => {
  const print = (more: Partial<Finding>): string =>
    read([findingOf(more)]).results[0]?.partialFingerprints['scanDeps/v1'] ?? '';
  const base = print({});
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  for (const more of [{ line: 9 }, { level: 'low' }, { summary: 'x' }, { version: '1.0.1' }] as const)
    expect(print(more)).toBe(base);
  const others: Partial<Finding>[] = [{ file: 'x' }, { key: 'x' }, { eco: 'PyPI' }, { ids: ['X-1'] }];
  for (const more of others) expect(print(more)).not.toBe(base);
});

test('a change is compared with its base, a full scan with nothing; what is ignored is suppressed with its reason', () => {
  const findings = [
    findingOf(),
    findingOf({ baseline: 'existing', state: 'existing' }),
    findingOf({ state: 'ignored', reason: 'not reachable here' }),
  ];
  expect(read(findings, { mode: 'diff' }).results.map((r) => r.baselineState)).toEqual(['new', 'unchanged', 'new']);
  expect(read(findings).results.map((r) => r.baselineState)).toEqual([undefined, undefined, undefined]);
  expect(read(findings).results.map((r) => r.suppressions)).toEqual([
    undefined,
    undefined,
    [{ kind: 'external', status: 'accepted', justification: 'not reachable here' }],
  ]);
});

test('what a requirement allows, and why an advisory is in doubt, stand in the properties, where there is something to say', () => {
  const findings = [
    findingOf(),
    findingOf({ freshInstall: 'safe', safeRange: '>=2.33.0' }),
    findingOf({ doubt: 'only\u202e below\n1.2.0' }),
  ];
  const results = read(findings).results as unknown as { properties?: object }[];
  expect(results.map((r) => r.properties)).toEqual([
    undefined,
    { freshInstall: 'safe', safeRange: '>=2.33.0' },
    { doubt: expect.stringMatching(/^only\S* below 1\.2\.0$/) },
  ]);
});

test('no more than 5,000 results, the first ones, and no more than 20 tags', () => {
  const { results, rules } = read(Array.from({ length: 5100 }, (_, i) => findingOf({ id: `CVE-2020-${i}` })));
  expect([results.length, results[4999]?.ruleId, rules.length]).toEqual([5000, 'CVE-2020-4999', 5000]);
  expect(Math.max(...rules.map((r) => r.properties.tags.length))).toBeLessThanOrEqual(20);
});

test('trap 25: a name is no link and no placeholder in a message', () => {
  const { results } = read([findingOf({ package: '[x](https://evil){0}', file: 'a b/[c]#%.txt' })]);
  expect(results[0]?.message.text).toContain('\\[x\\](https://evil){{0}}');
  expect(JSON.stringify(results)).toContain('"uri":"a%20b/%5Bc%5D%23%25.txt"');
});

withSchema('acceptance 6: valid by the official schema, also with hostile names', () => {
  const { report } = hostileReport(hostileNames(500));
  for (const mode of ['full', 'diff'] as const) {
    const text = sarifOf({ ...report, mode });
    expect(text).not.toMatch(RAW);
    expect(check?.(JSON.parse(text))).toEqual([]);
  }
  expect(check?.(JSON.parse(sarifOf(reportOf([]))))).toEqual([]);
  expect(check?.({ version: '2.1.0' })).not.toEqual([]);
});
