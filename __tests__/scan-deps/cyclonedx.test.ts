import { expect, test } from '@jest/globals';
import { cyclonedxOf } from '../../src/scan-deps/report/cyclonedx.ts';
import { purlOf } from '../../src/scan-deps/report/purl.ts';
import type { Dep } from '../../src/scan-deps/types.ts';
import { cyclonedxCheck, depOf, findingOf, hostileNames, hostileReport, RAW, reportOf } from './report-kit.ts';

const check = cyclonedxCheck();
const withSchema = check === undefined ? test.skip : test;
const subject = { name: 'org/repo', revision: 'a'.repeat(40), committedAt: 1_780_000_000 };

interface Bom {
  serialNumber: string;
  metadata: { timestamp: string; component: { name: string; version: string } };
  components: Record<string, unknown>[];
  dependencies: { ref: string; dependsOn?: string[] }[];
  vulnerabilities: Record<string, unknown>[];
}

const bomOf = (deps: Dep[], findings = [] as ReturnType<typeof findingOf>[]): Bom =>
  JSON.parse(cyclonedxOf(reportOf(findings), deps, subject)) as Bom;

test.each([
  ['PyPI', 'Ruamel_Yaml', '1.0', 'pkg:pypi/ruamel-yaml@1.0'],
  ['npm', '@scope/pkg', '1.0.0+b', 'pkg:npm/%40scope/pkg@1.0.0%2Bb'],
  ['Go', 'golang.org/x/text', 'v0.3.7', 'pkg:golang/golang.org/x/text@v0.3.7'],
  ['crates.io', 'tokio', '1.8.0', 'pkg:cargo/tokio@1.8.0'],
  ['RubyGems', 'rack', '2.0.1', 'pkg:gem/rack@2.0.1'],
  ['Packagist', 'Symfony/Http', '5.0', 'pkg:composer/symfony/http@5.0'],
  ['Maven', 'org.slf4j:slf4j-api', '1.7', 'pkg:maven/org.slf4j/slf4j-api@1.7'],
  ['NuGet', 'Moment.js', '2.0', 'pkg:nuget/Moment.js@2.0'],
  ['npm', 'a b?c#d', undefined, 'pkg:npm/a%20b%3Fc%23d'],
] as const)('purl of %s %s', (eco, name, version, purl) => {
  expect(purlOf({ eco, name, ...(version === undefined ? {} : { version }) })).toBe(purl);
});

test('one component a package and version, with every line that asks for it; dependencies from the lock', () => {
  const bom = bomOf([
    depOf({ name: 'flask', key: 'flask', eco: 'PyPI', direct: true, file: 'uv.lock', line: 9 }),
    depOf({ name: 'werkzeug', key: 'werkzeug', eco: 'PyPI', via: ['flask'], file: 'uv.lock', line: 20, scope: 'dev' }),
    depOf({ name: 'werkzeug', key: 'werkzeug', eco: 'PyPI', file: 'requirements.txt', line: 1 }),
    depOf({ name: 'app', key: 'app', source: 'workspace', scope: 'unknown' }),
  ]);
  expect(bom.components.map((c) => [c['bom-ref'], c.purl, c.scope])).toEqual([
    ['pkg:npm/app@1.0.0', undefined, undefined],
    ['pkg:pypi/flask@1.0.0', 'pkg:pypi/flask@1.0.0', 'required'],
    ['pkg:pypi/werkzeug@1.0.0', 'pkg:pypi/werkzeug@1.0.0', 'required'],
  ]);
  expect(bom.components[2]?.evidence).toEqual({
    occurrences: [
      { location: 'requirements.txt', line: 1 },
      { location: 'uv.lock', line: 20 },
    ],
  });
  expect(bom.dependencies).toEqual([
    { ref: 'subject', dependsOn: ['pkg:npm/app@1.0.0', 'pkg:pypi/flask@1.0.0', 'pkg:pypi/werkzeug@1.0.0'] },
    { ref: 'pkg:npm/app@1.0.0' },
    { ref: 'pkg:pypi/flask@1.0.0', dependsOn: ['pkg:pypi/werkzeug@1.0.0'] },
    { ref: 'pkg:pypi/werkzeug@1.0.0' },
  ]);
});

test('vulnerabilities with rating and affected component; an accepted risk carries its reason and claims nothing', () => {
  const open = findingOf();
  const accepted = findingOf({
    id: 'CVE-2020-2',
    ids: ['CVE-2020-2', 'GHSA-x'],
    state: 'ignored',
    reason: 'never reached here, see docs',
  });
  const { vulnerabilities } = bomOf([depOf()], [open, accepted]);
  expect(vulnerabilities).toEqual([
    expect.objectContaining({
      id: 'CVE-2020-1',
      ratings: [{ score: 7.5, severity: 'high', method: 'CVSSv31', vector: open.vector }],
      affects: [{ ref: 'pkg:npm/pkg@1.0.0', versions: [{ version: '1.0.0', status: 'affected' }] }],
    }),
    expect.objectContaining({
      references: [
        { id: 'GHSA-x', source: { name: 'GitHub Advisories', url: 'https://github.com/advisories/GHSA-x' } },
      ],
      analysis: { response: ['will_not_fix'], detail: 'never reached here, see docs' },
    }),
  ]);
  expect(vulnerabilities[0]).not.toHaveProperty('analysis');
});

test('nothing of the run is in it: equal trees give equal bytes, another commit or content another serial number', () => {
  const text = (revision: string, deps = [depOf()]): string =>
    cyclonedxOf(reportOf([findingOf()]), deps, { ...subject, revision });
  expect(text('a')).toBe(text('a'));
  const serials = [text('a'), text('b'), text('a', [depOf({ version: '2.0.0' })])].map(
    (t) => (JSON.parse(t) as Bom).serialNumber,
  );
  expect(new Set(serials).size).toBe(3);
  for (const serial of serials)
    expect(serial).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect((JSON.parse(text('a')) as Bom).metadata.timestamp).toBe(new Date(subject.committedAt * 1000).toISOString());
});

withSchema('acceptance 6: valid by the official schema, also with hostile names', () => {
  const { report, deps } = hostileReport(hostileNames(500));
  const text = cyclonedxOf(report, deps, { name: '\u001b[0m\ud800' });
  expect(text).not.toMatch(RAW);
  expect(check?.(JSON.parse(text))).toEqual([]);
  expect(check?.(bomOf([], []))).toEqual([]);
  expect(check?.({ ...bomOf([], []), specVersion: 7 })).not.toEqual([]);
});
