import { describe, expect, test } from '@jest/globals';
import { parseIgnoreFile } from '../../src/scan-deps/policy/ignore-file.ts';
import { advisory, CRITICAL, checkout, zipOf } from './support.ts';

const DAY = 86_400_000;
const day = (offset: number): string => new Date(Date.now() + offset * DAY).toISOString().slice(0, 10);
const entry = (lines: string[], expires = day(30)): string =>
  `version: 1\nignore:\n  - ${[...lines, 'reason: not reachable in our service', `expires: ${expires}`].join('\n    ')}\n`;

const pypi = [
  advisory('PYSEC-1', { name: 'requests', events: [{ introduced: '0' }], aliases: ['CVE-2020-1'], vector: CRITICAL }),
  advisory('MAL-2025-1', { name: 'evil', events: [{ introduced: '0' }] }),
];

async function scan(file: string, requirements = 'requests==1.0\n') {
  using work = checkout({ 'requirements.txt': requirements, '.github/scan-deps.yml': file });
  work.write('../db/PyPI/all.zip', zipOf(pypi));
  return await work.scan({ database: '../db', 'max-database-age': 'none' });
}

describe('trap 22', () => {
  test('an entry by CVE hits the group found as PYSEC', async () => {
    const result = await scan(
      entry(['id: CVE-2020-1', 'package: Requests', 'version: ">=1,<2"', 'path: "**/requirements.txt"']),
    );
    expect([result.code, result.report.findings[0]?.state, result.report.ignores[0]?.state]).toEqual([
      0,
      'ignored',
      'used',
    ]);
    expect(JSON.stringify(result.sarif)).toContain('not reachable in our service');
  });

  test('expired yesterday: not applied, warned on its line; today still counts', async () => {
    const expired = await scan(entry(['id: CVE-2020-1'], day(-1)));
    expect(expired.code).toBe(1);
    expect(expired.log).toMatch(/^::warning .*file=.github\/scan-deps.yml,line=3::.*\[W_IGNORE_EXPIRED\]$/m);
    expect((await scan(entry(['id: CVE-2020-1'], day(0)))).code).toBe(0);
  });

  test('unused: a notice; another package, version or path does not match', async () => {
    for (const more of [
      'package: flask',
      'version: "2.0"\n    package: requests',
      'path: other/**',
      'ecosystem: npm',
    ]) {
      const result = await scan(entry(['id: CVE-2020-1', more]));
      expect(result.code).toBe(1);
      expect(result.log).toMatch(/^::notice .*\[W_IGNORE_UNUSED\]$/m);
    }
  });

  test('malware needs package and exact version, and is told', async () => {
    const loose = await scan(entry(['id: MAL-2025-1', 'package: evil']), 'evil==1.0\n');
    expect([loose.code, loose.log]).toEqual([1, expect.stringContaining('[W_IGNORE_REFUSED]')]);
    expect((await scan(entry(['id: MAL-2025-1', 'package: evil', 'version: "1.0"']), 'evil==1.0\n')).code).toBe(0);
  });

  test('faults of the file are told together, each with its line, and nothing is written', async () => {
    const result = await scan(
      `version: 1\nignore:\n  - id: CVE-2020-1\n    resaon: not reachable in our service\n    expires: ${day(1)}\n  - id: "; rm"\n    reason: short\n    expires: soon\n`,
    );
    expect([result.code, result.outputs.passed, result.report]).toEqual([1, 'false', undefined]);
    expect(result.log).toMatch(
      /line 3: unknown key "resaon", did you mean "reason"\?.*line 6: id is not an advisory id.*line 6: reason.*line 6: expires.*\[E_IGNORE_FILE\]/,
    );
  });
});

const good = 'id: CVE-1-1, reason: not reachable in our service, expires: 2025-12-01';
test.each([
  ['a prototype as key', `version: 1\nignore: []\n__proto__: {a: 1}\n`, 'unknown key "__proto__"'],
  [
    'a prototype as key of an entry',
    `version: 1\nignore:\n  - {${good}, __proto__: {package: x}}\n`,
    'line 3: unknown key "__proto__"',
  ],
  ['constructor', `version: 1\nignore:\n  - {${good}, constructor: x}\n`, 'line 3: unknown key "constructor"'],
  ['a merge key', `version: 1\nignore:\n  - {${good}, <<: {package: x}}\n`, 'line 3: unknown key "<<"'],
  [
    'a reason of blanks',
    `version: 1\nignore:\n  - {id: CVE-1-1, reason: "${' '.repeat(20)}", expires: 2025-12-01}\n`,
    'line 3: reason',
  ],
  ['a number that no double holds', 'version: 1e400\nignore: []\n', 'version must be 1'],
  ['nesting', `version: 1\nignore: ${'['.repeat(100_000)}`, 'line 2: it is not YAML'],
  ['aliases of aliases', `a: &a [x,x]\nb: &b [*a,*a]\nversion: 1\nignore: [*b,*b]\n`, 'expected object'],
  ['more entries than anybody reads', `version: 1\nignore:\n${`  - {${good}}\n`.repeat(1001)}`, '<=1000'],
  ['a NUL', 'version: 1\0\nignore: []\n', 'line 1: it is not YAML'],
  ['a megabyte of a word', `version: 1\nsecret-${'x'.repeat(1e6)}`, 'line 2: it is not YAML'],
])('a hostile ignore file is refused whole, and not quoted: %s', (_name, text, why) => {
  let message = '';
  try {
    parseIgnoreFile(text, 'x.yml', Date.parse('2025-11-01T00:00:00Z') / 1000);
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain(why);
  expect(message).not.toMatch(/secret-|[\u0000-\u001f\u202e]/);
  expect(message.length).toBeLessThan(2000);
});

test('every entry has its own line, however the list is written, and two entries of one id their own expiry', async () => {
  const lines = (text: string): number[] =>
    parseIgnoreFile(text, 'x.yml', Date.parse('2025-11-01T00:00:00Z') / 1000).map((e) => e.line);
  const rest = 'reason: not reachable in our service\n    expires: 2025-12-01\n';
  const spread = `# - id: no\nversion: 1\nignore:\n  -\n    id: CVE-1-1\n    ${rest}  # - one\n  - id: CVE-1-2\n    ${rest}`;
  expect(lines(spread)).toEqual([4, 9]);
  expect(lines(spread.replaceAll('\n', '\r\n'))).toEqual([4, 9]);
  expect(lines(`\ufeff${spread}`)).toEqual([4, 9]);
  expect(lines(spread.replace(/^ {2}/gm, ''))).toEqual([4, 9]);
  const two = [
    'package: flask\n    reason: flask is not used in our service',
    'package: requests\n    reason: requests is only called at home',
  ].map((text, i) => `  - id: CVE-2020-1\n    ${text}\n    expires: ${day(10 + 10 * i)}\n`);
  using work = checkout({
    'requirements.txt': 'flask==1.0\nrequests==1.0\n',
    '.github/scan-deps.yml': `version: 1\nignore:\n${two.join('')}`,
  });
  const flask = advisory('PYSEC-2', { name: 'flask', events: [{ introduced: '0' }], aliases: ['CVE-2020-1'] });
  work.write('../db/PyPI/all.zip', zipOf([...pypi, flask]));
  const { summary } = await work.scan({ database: '../db', 'max-database-age': 'none' });
  expect(summary).toMatch(/flask 1\.0.*flask is not used.*\| 11 days left/);
  expect(summary).toMatch(/requests 1\.0.*only called at home.*\| 21 days left/);
});

test.each([
  ['in 400 days', entry(['id: CVE-1-1'], '2027-01-01'), 'more than 366 days ahead'],
  ['no such day', entry(['id: CVE-1-1'], '2025-02-30'), 'no day of the calendar'],
  ['a version without a package', entry(['id: CVE-1-1', 'version: "1"'], '2025-12-01'), 'version needs package'],
  ['no YAML', 'a: [', 'not YAML'],
  ['empty', '', 'empty'],
  ['another version', 'version: 2\nignore: []', 'version must be 1'],
])('the ignore file: %s', (_name, text, why) => {
  expect(() => parseIgnoreFile(text, 'x.yml', Date.parse('2025-11-01T00:00:00Z') / 1000)).toThrow(why);
});
