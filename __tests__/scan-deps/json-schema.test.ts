/** The published JSON schemas say what the source says. Reports of real runs are held to theirs in every test that makes one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ignoreJsonSchema, reportJsonSchema } from '../../src/scan-deps/json-schema.ts';
import { parseIgnoreFile } from '../../src/scan-deps/policy/ignore-file.ts';
import { root } from '../support/bundle.ts';
import { findingOf, hostileNames, hostileReport, reportOf } from './report-kit.ts';
import { checkBy, mustBeValid, published, reportFaults } from './schema-check.ts';
import { advisory, CRITICAL, checkout, lockOf, MEDIUM, zipOf } from './support.ts';

test('they are what the schemas of the source make', () => {
  expect(published('scan-deps.schema.json')).toBe(reportJsonSchema());
  expect(published('ignore.schema.json')).toBe(ignoreJsonSchema());
});

test('the report: what is there must be known, what must be there is missed', () => {
  const report = reportOf([findingOf()]);
  expect(reportFaults(report)).toEqual([]);
  const { mode: _mode, ...without } = report;
  const { way: _way, ...finding } = findingOf();
  const wrong: object[] = [
    { ...report, more: 1 },
    without,
    { ...report, version: 2 },
    { ...report, findings: [finding] },
    { ...report, findings: [{ ...findingOf(), level: 'severe' }] },
    { ...report, findings: [{ ...findingOf(), line: 0 }] },
    { ...report, problems: [{ code: 'W_X', message: '' }] },
    { ...report, coverage: { ...report.coverage, asked: -1 } },
  ];
  for (const one of wrong) expect(() => mustBeValid(one, undefined)).toThrow('not valid by its schema');
});

test('acceptance 6: reports with hostile names are valid', () => {
  expect(reportFaults(JSON.parse(JSON.stringify(hostileReport(hostileNames(2000)).report)))).toEqual([]);
});

test('acceptance 6: one real report in which everything that may be there is there', async () => {
  const events = [{ introduced: '0' }, { fixed: '2.0' }];
  const go = advisory('GO-1', { name: 'example.com/m', eco: 'Go', events: [{ introduced: '0' }], word: 'HIGH' });
  const custom = [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.2.0' }] }];
  Object.assign((go as unknown as { affected: object[] }).affected[0] as object, {
    ecosystem_specific: { custom_ranges: custom },
  });
  const notice = advisory('RUSTSEC-1', { name: 'old', eco: 'crates.io', events: [{ introduced: '0' }] });
  Object.assign((notice as unknown as { affected: object[] }).affected[0] as object, {
    database_specific: { informational: 'unmaintained' },
  });
  const soon = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  using work = checkout({
    'requirements.txt': 'requests>=1.0\npinned==1.0\n-r gone.txt\n',
    'package-lock.json': lockOf({
      'node_modules/evil': { version: '1.0.0', dev: true },
      'node_modules/odd': { version: '1.0' },
    }),
    'go.mod': 'module x\n\nrequire example.com/m v1.5.0\n',
    'Cargo.lock':
      '[[package]]\nname = "old"\nversion = "1.0.0"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n',
    'pom.xml': '<project><dependencies><dependency/></dependencies></project>',
    '.github/scan-deps.yml':
      `version: 1\nignore:\n  - {id: PYSEC-2, package: pinned, reason: not reachable here at all, expires: ${soon}}\n` +
      '  - {id: PYSEC-9, reason: nothing of ours has it, expires: 2020-01-01}\n',
  });
  const write = (eco: string, records: { id: string }[]): void => work.write(`../db/${eco}/all.zip`, zipOf(records));
  write('PyPI', [
    advisory('PYSEC-1', { name: 'requests', events, vector: MEDIUM }),
    advisory('PYSEC-2', { name: 'pinned', events, vector: CRITICAL }),
  ]);
  write('npm', [advisory('MAL-1', { name: 'evil', eco: 'npm', versions: ['1.0.0'] })]);
  write('Go', [go]);
  write('crates.io', [notice]);
  const { report } = await work.scan({ database: '../db', 'max-database-age': 'none' });
  const keys = new Set(report.findings.flatMap((f) => Object.keys(f)));
  const all = Object.keys((JSON.parse(reportJsonSchema()) as Shape).properties.findings.items.properties);
  // `baseline` is of changes, whose reports the tests of diff check.
  expect(all.filter((key) => !keys.has(key))).toEqual(['baseline']);
  expect(new Set(report.findings.map((f) => f.state))).toEqual(new Set(['block', 'warn', 'info', 'ignored']));
  expect(report.ignores.map((entry) => entry.state)).toEqual(['used', 'expired']);
  expect([report.problems.length, report.notices.length > 0]).toEqual([1, true]);
});

interface Shape {
  properties: { findings: { items: { properties: object } } };
}

const ENTRY = '{id: CVE-2024-35195, reason: not reachable at all, expires: 2026-06-01}';
const NOW = Date.parse('2026-01-01T00:00:00Z') / 1000;
const readme = readFileSync(join(root, 'actions/scan-deps/README.md'), 'utf8');
const example = /^version: 1\nignore:\n(?: .*\n)+/m.exec(readme)?.[0].replace(/2027-/g, '2026-') ?? '';

test.each([
  [true, `version: 1\nignore: [${ENTRY}]\n`],
  [true, 'version: 1\nignore: []\n'],
  [true, example],
  [false, `version: 2\nignore: [${ENTRY}]\n`],
  [false, `version: 1\nignores: [${ENTRY}]\n`],
  [false, `version: 1\nignore: [${ENTRY.replace('id:', 'ids:')}]\n`],
  [false, `version: 1\nignore: [${ENTRY.replace('not reachable at all', 'too short')}]\n`],
  [false, `version: 1\nignore: [${ENTRY.replace('2026-06-01', 'never')}]\n`],
  [false, `version: 1\nignore: [${ENTRY.replace('}', ', version: "1.0"}')}]\n`],
  [false, `version: 1\nignore: [${ENTRY.replace('}', ', ecosystem: pypi}')}]\n`],
  [false, `version: 1\nignore: [{id: CVE-2024-35195}]\n`],
  [false, 'version: 1\n'],
])('an editor and the action say %s', (valid, text) => {
  expect(text).not.toBe('');
  expect(checkBy('ignore.schema.json')(parse(text)).length === 0).toBe(valid);
  const read = (): unknown => parseIgnoreFile(text, 'f.yml', NOW);
  if (valid) expect(read).not.toThrow();
  else expect(read).toThrow(expect.objectContaining({ code: 'E_IGNORE_FILE' }));
});
