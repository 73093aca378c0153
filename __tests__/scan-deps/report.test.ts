/** What the reports say, and that nothing in a name can act in any of them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { injections } from '../../bench/scan-deps/_injection.ts';
import { capAnnotations } from '../../src/runner/annotations.ts';
import { adviceOf } from '../../src/scan-deps/report/advice.ts';
import { annotations } from '../../src/scan-deps/report/annotate.ts';
import { smallestChanges } from '../../src/scan-deps/report/change.ts';
import { safeJson } from '../../src/scan-deps/report/json.ts';
import { outputsOf } from '../../src/scan-deps/report/outputs.ts';
import { summaryOf } from '../../src/scan-deps/report/summary.ts';
import { resultLine } from '../../src/scan-deps/report/words.ts';
import { openReportFolder, writeReports } from '../../src/scan-deps/report/write.ts';
import type { Finding } from '../../src/scan-deps/types.ts';
import { depOf, findingOf, hostileNames, hostileReport, RAW, reportOf } from './report-kit.ts';

const paths = { report: '/r', sarif: '/s', cyclonedx: '/c' };

test('acceptance 6: 10,000 hostile names leave nothing raw in log, summary, annotations, outputs, SARIF and CycloneDX', () => {
  const result = injections(10_000);
  expect(result).toEqual({ names: 10_000, raw: 0, commands: 0, links: 0, invalid: 0, checked: result.checked });
});

test('the JSON report says the same in other bytes', () => {
  const names = hostileNames(300);
  const { report } = hostileReport(names);
  const text = safeJson(report, 1);
  expect(text).not.toMatch(RAW);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(report)));
});

describe('summary', () => {
  const many = (count: number, more: Partial<Finding> = {}): Finding[] =>
    Array.from({ length: count }, (_, i) => findingOf({ package: `pkg-${i}`, key: `pkg-${i}`, summary: 'x', ...more }));

  test('verdict and coverage first, then what blocks, then the rest', () => {
    const states = ['block', 'warn', 'existing', 'info', 'ignored'] as const;
    const text = summaryOf(reportOf(states.map((state) => findingOf({ state }))));
    const at = [
      '## scan-deps: failed',
      '### Blocking',
      '### Smallest change',
      'Warnings (1)',
      'Known from the base (1)',
      'Informational (1)',
      'Ignored (1)',
    ].map((part) => text.indexOf(part));
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(at).not.toContain(-1);
  });

  test('it says what was judged, and what of it is new', () => {
    const base = '0123456789abcdef0123456789abcdef01234567';
    const findings = [
      findingOf({ baseline: 'new' }),
      findingOf({ baseline: 'existing', state: 'existing' }),
      findingOf({ baseline: 'new', state: 'ignored' }),
    ];
    const diff = reportOf(findings, { mode: 'diff', base });
    expect(summaryOf(diff)).toContain(`3 findings, 1 blocking. 1 new since \`${base}\` (mode diff).`);
    expect(resultLine(diff)).toMatch(/^failed: 3 findings, 1 blocking, 1 new since 0123456789ab \(mode diff\); /);
    const full = reportOf([findingOf()]);
    expect(summaryOf(full)).toContain('1 findings, 1 blocking. Everything was judged (mode full).');
    expect(resultLine(full)).toMatch(/^failed: 1 finding, 1 blocking, mode full; /);
    expect(JSON.parse(String(outputsOf(diff, paths).json))).toMatchObject({ mode: 'diff', base, new: 1, blocking: 1 });
    const json = JSON.parse(String(outputsOf(full, paths).json)) as object;
    expect([json, 'base' in json]).toEqual([expect.objectContaining({ mode: 'full', new: 1 }), false]);
  });

  test('it stays within its budget, keeps its sections whole and says what is left out', () => {
    const long = 'n'.repeat(200);
    const names = Array.from({ length: 60_000 }, (_, i) => `${long}${i}`);
    const findings = [...many(20_000, { way: [long, long] }), ...many(20_000, { state: 'warn', way: [long, long] })];
    const report = reportOf(findings, { complete: false, problems: [{ code: 'E_OSV_API', message: 'gone' }] });
    report.coverage = { ...report.coverage, unanswered: names };
    const text = summaryOf(report);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(900 * 1024);
    expect(text.split('<details>').length).toBe(text.split('</details>').length);
    expect(text).toMatch(/\d+ more are in scan-deps\.json/);
  });

  test('what was not answered is named in full as long as there is room', () => {
    const report = reportOf([], { complete: false, problems: [{ code: 'E_OSV_API', message: 'gone' }] });
    report.coverage = { ...report.coverage, unanswered: Array.from({ length: 5000 }, (_, i) => `npm name-${i} 1.0.0`) };
    expect(summaryOf(report).match(/- `npm name-\d+ 1\.0\.0`/g)).toHaveLength(5000);
  });

  test('links lead to three sites, and only for ids of a plain form', () => {
    const ids = ['CVE-2020-1', 'GHSA-a-b', 'PYSEC-2020-1', 'X](https://evil)', 'javascript:alert(1)', 'CVE-1"><img>'];
    const text = summaryOf(reportOf([findingOf({ ids })]));
    expect([...text.matchAll(/\]\(<(.*?)>\)/g)].map((match) => match[1])).toEqual([
      'https://nvd.nist.gov/vuln/detail/CVE-2020-1',
      'https://github.com/advisories/GHSA-a-b',
      'https://osv.dev/vulnerability/PYSEC-2020-1',
    ]);
  });

  test('the smallest change: by direct dependency, the version that clears most, most first', () => {
    const changes = smallestChanges([
      findingOf({ package: 'a', key: 'a', way: ['a'], fixed: '2.0.0' }),
      findingOf({ package: 'a', key: 'a', way: ['a'], fixed: '10.0.0' }),
      findingOf({ package: 'b', key: 'b', way: ['root', 'b'], fixed: '1.2.0' }),
      (({ fixed: _fixed, ...none }) => none)(findingOf({ package: 'b', key: 'b', way: ['root', 'b'] })),
      findingOf({ package: 'c', key: 'c', way: ['c'], state: 'warn' }),
    ]);
    expect(changes).toEqual([
      { root: 'a', package: 'a', to: '10.0.0', clears: 2, of: 2 },
      { root: 'root', package: 'b', to: '1.2.0', clears: 1, of: 2 },
    ]);
  });
});

describe('advice', () => {
  test.each([
    ['PyPI', 'requirements.txt', 'write pkg==2.0.0 in this line'],
    ['PyPI', 'a/poetry.lock', 'poetry update pkg'],
    ['PyPI', 'uv.lock', 'uv lock --upgrade-package pkg==2.0.0'],
    ['PyPI', 'Pipfile.lock', 'pipenv upgrade pkg==2.0.0'],
    ['npm', 'package-lock.json', 'npm update pkg'],
    ['npm', 'pnpm-lock.yaml', 'pnpm update pkg'],
    ['npm', 'yarn.lock', 'yarn up -R pkg'],
    ['Go', 'go.mod', 'go get pkg@v2.0.0'],
    ['crates.io', 'Cargo.lock', 'cargo update -p pkg --precise 2.0.0'],
    ['RubyGems', 'Gemfile.lock', 'bundle update --conservative pkg'],
    ['Packagist', 'composer.lock', 'composer update pkg'],
    ['NuGet', 'packages.lock.json', 'dotnet add package pkg --version 2.0.0'],
    ['Maven', 'gradle.lockfile', 'ask for pkg:2.0.0'],
  ] as const)('%s in %s: %s', (eco, file, text) => {
    expect(adviceOf(findingOf({ eco, file }))).toContain(`Fixed in 2.0.0: ${text}`);
  });

  test('a name that is more than a name is in no command', () => {
    for (const name of ['a; rm -rf ~', '$(id)', '-g', 'a && b', 'a`id`', 'a\nb'])
      expect(adviceOf(findingOf({ package: name, way: [name] }))).toBe('Fixed in 2.0.0.');
  });
});

test('annotations: worst first, ten a level, the last says how many more; informational, existing and ignored get none', () => {
  const findings = [
    ...Array.from({ length: 15 }, (_, i) => findingOf({ package: `p${i}` })),
    findingOf({ state: 'info' }),
    findingOf({ state: 'existing' }),
    findingOf({ state: 'ignored' }),
    findingOf({ state: 'warn' }),
  ];
  const kept = capAnnotations(annotations(reportOf(findings), 'fail'));
  expect(kept.map((a) => a.level)).toEqual([...Array(10).fill('error'), 'warning']);
  expect([kept[0]?.title, kept[9]?.message]).toEqual([
    'p0 1.0.0: CVE-2020-1 (high)',
    '6 more errors: see the summary of this run.',
  ]);
});

test('reports are equal bytes for equal reports, whole or not there, and carry the bill of materials', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scan-reports-'));
  try {
    const report = reportOf([findingOf()]);
    const bill = { deps: [depOf()], subject: { name: 'x', revision: 'a', committedAt: 1 } };
    const [a, b] = ['a', 'b'].map((name) => writeReports(openReportFolder(join(folder, name)), report, bill));
    for (const key of ['report', 'sarif', 'cyclonedx'] as const)
      expect(readFileSync(a?.[key] ?? '', 'utf8')).toBe(readFileSync(b?.[key] ?? '', 'utf8'));
    expect(outputsOf(report, a ?? paths)['cyclonedx-path']).toBe(a?.cyclonedx);
    writeFileSync(join(folder, 'file'), '');
    expect(() => openReportFolder(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'E_REPORT' }));
    expect(() => openReportFolder(join(folder, '.git', 'x'))).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
    expect(existsSync(join(folder, '.git'))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the json output is one line of at most 256 KiB and says when it is cut', () => {
  const { report } = hostileReport(hostileNames(2000));
  const json = String(outputsOf(report, paths).json);
  expect([json.includes('\n'), Buffer.byteLength(json) <= 256 * 1024, RAW.test(json)]).toEqual([false, true, false]);
  expect(JSON.parse(json)).toMatchObject({ cut: true, total: 2000 });
});
