/** The action as a runner starts it, against a folder database. */
import { expect, test } from '@jest/globals';
import { advisory, CRITICAL, checkout, lockOf, MEDIUM, zipOf } from './support.ts';

const all = [{ introduced: '0' }, { fixed: '2.0' }];
const OLD_OK = { database: '../db', 'max-database-age': 'none' };

function project(files: Record<string, string | Uint8Array>, records: { pypi?: object[]; npm?: object[] }, git = true) {
  const made = checkout(files, git);
  if (records.pypi) made.write('../db/PyPI/all.zip', zipOf(records.pypi as { id: string }[]));
  if (records.npm) made.write('../db/npm/all.zip', zipOf(records.npm as { id: string }[]));
  return made;
}

test('a blocking pin is red on its own line, with reports and outputs', async () => {
  const pypi = [advisory('PYSEC-1', { name: 'Requests', events: all, vector: CRITICAL, aliases: ['CVE-2020-1'] })];
  using work = project({ 'requirements.txt': '# first\nflask==1.0\nrequests==1.5 \\\n  --hash=sha256:00\n' }, { pypi });
  const scan = await work.scan(OLD_OK);
  expect(scan.code).toBe(1);
  expect(scan.log).toContain(
    '::error title=requests 1.5%3A CVE-2020-1 (critical),file=requirements.txt,line=3,endLine=4::',
  );
  expect(scan.log).toMatch(/\[E_FINDINGS\]$/m);
  expect(scan.outputs).toMatchObject({
    passed: 'false',
    complete: 'true',
    findings: '1',
    blocking: '1',
    'highest-severity': 'critical',
    packages: '2',
  });
  expect(JSON.parse(scan.outputs.json ?? '').findings[0]).toMatchObject({ id: 'CVE-2020-1', fixed: '2.0', line: 3 });
  expect(scan.sarif.runs[0]?.results[0]).toMatchObject({
    ruleId: 'CVE-2020-1',
    level: 'error',
    locations: [
      { physicalLocation: { artifactLocation: { uri: 'requirements.txt' }, region: { startLine: 3, endLine: 4 } } },
    ],
  });
  expect(scan.summary).toMatch(/^## scan-deps: failed/);
  expect(scan.summary).toContain('nvd.nist.gov/vuln/detail/CVE-2020-1');
});

test('two scans of one tree give equal reports', async () => {
  const pypi = [advisory('PYSEC-1', { name: 'requests', events: all, vector: MEDIUM })];
  using work = project({ 'requirements.txt': 'requests==1.5\n' }, { pypi });
  const [a, b] = [await work.scan(OLD_OK), await work.scan(OLD_OK)];
  expect(a.code).toBe(0);
  expect(JSON.stringify(a.report)).toBe(JSON.stringify(b.report));
});

test('trap 9: an unscored PYSEC and a scored GHSA are one finding with a score, and the higher fix', async () => {
  const pypi = [
    advisory('PYSEC-1', { name: 'pkg', events: [{ introduced: '0' }, { fixed: '2.0' }], aliases: ['CVE-2020-1'] }),
    advisory('GHSA-a', {
      name: 'Pkg',
      events: [{ introduced: '0' }, { fixed: '2.10' }],
      aliases: ['CVE-2020-1'],
      vector: CRITICAL,
    }),
  ];
  using work = project({ 'requirements.txt': 'pkg==1.0\n' }, { pypi });
  const { report } = await work.scan(OLD_OK);
  expect(report.findings).toEqual([
    expect.objectContaining({ id: 'CVE-2020-1', score: 9.8, fixed: '2.10', ids: ['CVE-2020-1', 'GHSA-a', 'PYSEC-1'] }),
  ]);
});

test('trap 9: an alias that does not match still lends its score', async () => {
  const pypi = [
    advisory('PYSEC-1', { name: 'pkg', events: all, aliases: ['GHSA-a'] }),
    advisory('GHSA-a', { name: 'pkg', events: [{ introduced: '9' }], vector: CRITICAL }),
  ];
  using work = project({ 'requirements.txt': 'pkg==1.0\n' }, { pypi });
  expect((await work.scan(OLD_OK)).report.findings[0]).toMatchObject({ level: 'critical', id: 'GHSA-a' });
});

test('trap 10: a withdrawn alias of a live record does not withdraw the group', async () => {
  const pypi = [
    advisory('PYSEC-1', { name: 'pkg', events: all, aliases: ['CVE-1'], vector: CRITICAL }),
    advisory('GHSA-a', { name: 'pkg', events: all, aliases: ['CVE-1'], more: { withdrawn: '2026-01-01T00:00:00Z' } }),
  ];
  using work = project({ 'requirements.txt': 'pkg==1.0\n' }, { pypi });
  expect((await work.scan(OLD_OK)).report.findings).toHaveLength(1);
});

test('trap 1 and 11: what is not pinned, or only constrained, warns; unpinned: fail judges it', async () => {
  const pypi = [
    advisory('PYSEC-1', { name: 'a', events: all, vector: CRITICAL }),
    advisory('PYSEC-2', { name: 'b', events: all, vector: CRITICAL }),
  ];
  using work = project({ 'requirements.txt': '-c pins.txt\na>=1.0\n', 'pins.txt': 'b==1.0\n' }, { pypi });
  const soft = await work.scan(OLD_OK);
  expect([soft.code, soft.report.findings.map((f) => [f.state, f.verdict])]).toEqual([
    0,
    [
      ['warn', 'certain'],
      ['warn', 'possible'],
    ],
  ]);
  expect((await work.scan({ ...OLD_OK, unpinned: 'fail' })).outputs.blocking).toBe('2');
  expect((await work.scan({ ...OLD_OK, unpinned: 'ignore' })).log).not.toContain('::warning');
});

test('trap 7: a version that cannot be judged makes the scan incomplete', async () => {
  const pypi = [advisory('PYSEC-1', { name: 'a', events: all, vector: CRITICAL })];
  using work = project({ 'requirements.txt': 'a==99999999999999999991.1\n' }, { pypi });
  const scan = await work.scan(OLD_OK);
  expect([scan.code, scan.outputs.complete, scan.outputs.passed]).toEqual([1, 'false', 'false']);
  expect(scan.log).toMatch(/file=requirements.txt,line=1::.*\[E_UNJUDGED\]/);
});

test('trap 26: malware blocks whatever the settings say', async () => {
  const npm = [
    advisory('GHSA-pjwm-rvh2-c87w', {
      name: 'ua-parser-js',
      eco: 'npm',
      versions: ['0.7.29'],
      more: { database_specific: { cwe_ids: ['CWE-506'] } },
    }),
    advisory('MAL-2025-1', { name: 'evil', eco: 'npm', events: [{ introduced: '0' }] }),
  ];
  const lock = lockOf({
    'node_modules/ua-parser-js': { version: '0.7.29', dev: true },
    'node_modules/evil': { version: '1.0.0' },
  });
  using work = project({ 'package-lock.json': lock }, { npm });
  const scan = await work.scan({
    ...OLD_OK,
    'fail-on': 'none',
    'only-fixed': 'true',
    'unknown-severity': 'ignore',
    'dev-dependencies': 'ignore',
  });
  expect([scan.code, scan.outputs.blocking]).toEqual([1, '2']);
});

test('trap 26: a requirement that also allows malware blocks, and no entry without an exact version ends that', async () => {
  const npm = [
    advisory('GHSA-pjwm-rvh2-c87w', {
      name: 'ua-parser-js',
      eco: 'npm',
      events: [{ introduced: '0.7.29' }, { fixed: '0.7.30' }],
      more: { database_specific: { cwe_ids: ['CWE-506'] } },
    }),
  ];
  const expires = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const entry = `{id: GHSA-pjwm-rvh2-c87w, package: ua-parser-js, reason: the lock of each install has a later one, expires: ${expires}}`;
  const files = {
    'package.json': '{"devDependencies": {"ua-parser-js": "^0.7.28"}}',
    '.github/scan-deps.yml': `version: 1\nignore:\n  - ${entry}\n`,
  };
  using work = project(files, { npm });
  const soft = { 'fail-on': 'none', unpinned: 'ignore', 'dev-dependencies': 'ignore', 'only-fixed': 'true' };
  const scan = await work.scan({ ...OLD_OK, ...soft });
  expect([scan.code, scan.outputs.blocking, scan.report.findings[0]?.verdict]).toEqual([1, '1', 'possible']);
  expect(scan.log).toMatch(
    /^::error title=ua-parser-js \^0\.7\.28.*It allows malicious versions: exclude them.*Write "ua-parser-js": "\^0\.7\.30".*it blocks whatever the settings say, although not every version/m,
  );
  expect(scan.log).toMatch(/^::warning .*line=3::.*only to a pin.*\[W_IGNORE_REFUSED\]$/m);
});

test('rules 8 to 11: dev, only-fixed, unknown and levels', async () => {
  const npm = [
    advisory('GHSA-dev', { name: 'dev', eco: 'npm', events: all, vector: CRITICAL }),
    advisory('GHSA-nofix', { name: 'nofix', eco: 'npm', events: [{ introduced: '0' }], vector: CRITICAL }),
    advisory('GHSA-unknown', { name: 'unknown', eco: 'npm', events: all }),
    advisory('GHSA-medium', { name: 'medium', eco: 'npm', events: all, word: 'moderate' }),
  ];
  const names = ['dev', 'nofix', 'unknown', 'medium'];
  const lock = lockOf(
    Object.fromEntries(
      names.map((n) => [`node_modules/${n}`, { version: '1.0.0', ...(n === 'dev' ? { dev: true } : {}) }]),
    ),
  );
  using work = project({ 'package-lock.json': lock }, { npm });
  const states = async (inputs: Record<string, string>): Promise<Record<string, string>> =>
    Object.fromEntries((await work.scan({ ...OLD_OK, ...inputs })).report.findings.map((f) => [f.package, f.state]));
  expect(await states({})).toEqual({ dev: 'warn', nofix: 'block', unknown: 'block', medium: 'warn' });
  expect(
    await states({ 'only-fixed': 'true', 'unknown-severity': 'warn', 'dev-dependencies': 'fail', 'fail-on': 'medium' }),
  ).toEqual({ dev: 'block', nofix: 'warn', unknown: 'warn', medium: 'block' });
  expect(await states({ 'fail-on': 'none', 'unknown-severity': 'ignore', 'dev-dependencies': 'ignore' })).toEqual({
    dev: 'info',
    nofix: 'warn',
    unknown: 'info',
    medium: 'warn',
  });
});

test('trap 25: hostile names stay one line in the log, inert in Markdown, and valid in SARIF', async () => {
  const name = 'a\r::stop-commands::x';
  const version = '1.0.0-|<img src=x onerror=alert(1)>';
  const npm = [
    advisory('GHSA-a', {
      name,
      eco: 'npm',
      versions: [version],
      vector: CRITICAL,
      more: { summary: '\u001b[31mred\u202e `x` <b>' },
    }),
  ];
  using work = project({ 'x ]( y/package-lock.json': lockOf({ [`node_modules/${name}`]: { version } }) }, { npm });
  const scan = await work.scan(OLD_OK);
  expect(scan.code).toBe(1);
  expect(scan.log.split('\n').filter((line) => line.startsWith('::stop-commands'))).toEqual([]);
  for (const text of [scan.log, scan.summary]) expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  expect(scan.summary.replace(/`[^`]*`/g, '')).not.toContain('<img');
  expect(scan.sarif.runs[0]?.results).toHaveLength(1);
  expect(JSON.stringify(scan.sarif)).toContain('x%20%5D(%20y/package-lock.json');
});

test('known files that cannot be read are named, unless a lock governs them', async () => {
  const files = {
    'requirements.txt': 'a==1\n',
    'bun.lock': '',
    'web/package.json': '{"dependencies": {"x": "1"}}',
    'web/package-lock.json': lockOf({ 'packages/app': {} }),
    'web/packages/app/package.json': '{"dependencies": {"x": "1"}}',
    'tool/pyproject.toml': '[tool.ruff]\nline-length = 1\n',
    'lib/pyproject.toml': '[tool.poetry.dependencies]\nx = "^1"\n',
    'node_modules/x/package.json': '{"dependencies": {"x": "1"}}',
  };
  using work = project(files, { pypi: [], npm: [] });
  const scan = await work.scan(OLD_OK);
  expect([scan.code, scan.report.coverage.unsupported]).toEqual([0, ['bun.lock', 'lib/pyproject.toml']]);
  expect(scan.log.match(/^::warning .*\[W_UNSUPPORTED\]$/gm)).toHaveLength(2);
});

test('only tracked files are looked at in a folder; without git the folder is walked', async () => {
  const files = { 'requirements.txt': 'a==1\n', '.gitignore': 'ignored/\n', 'ignored/requirements.txt': 'b==1\n' };
  using work = project(files, { pypi: [] });
  expect((await work.scan(OLD_OK)).report.coverage.files.map((f) => f.file)).toEqual(['requirements.txt']);
  using bare = project(files, { pypi: [] }, false);
  expect((await bare.scan(OLD_OK)).report.coverage.files).toHaveLength(2);
  expect(
    (await work.scan({ ...OLD_OK, paths: 'ignored/requirements.txt' })).report.coverage.files.map((f) => f.file),
  ).toEqual(['ignored/requirements.txt']);
});

test('trap 18: an empty database folder, and a broken member, are red', async () => {
  using work = project({ 'requirements.txt': 'a==1\n' }, {});
  work.write('../db/.keep', '');
  const empty = await work.scan(OLD_OK);
  expect([empty.code, empty.outputs.complete]).toEqual([1, 'false']);
  expect(empty.log).toMatch(/\[E_DB_MISSING\]$/m);
  expect(empty.report.coverage.unanswered).toEqual(['PyPI a 1']);
  const zip = zipOf([advisory('PYSEC-1', { name: 'a', events: all })]);
  const broken: [string, Uint8Array][] = [
    ['cut', zip.slice(0, zip.length - 30)],
    [
      'bad CRC',
      Buffer.from(
        Buffer.from(zip)
          .toString('latin1')
          .replace(/PK\x01\x02[\s\S]{14}/, (m) => `${m.slice(0, 16)}zz`),
        'latin1',
      ),
    ],
    ['no zip', Buffer.from('hello')],
    ['no id', zipOf([{ id: '' }])],
  ];
  for (const [name, bytes] of broken) {
    work.write('../db/PyPI/all.zip', bytes);
    const scan = await work.scan(OLD_OK);
    expect([name, scan.code, /\[(E_\w+)\]$/m.exec(scan.log)?.[1]]).toEqual([name, 1, 'E_DB_CORRUPT']);
  }
});

test('a bomb is refused before it is inflated', async () => {
  using work = project({ 'requirements.txt': 'a==1\n' }, {});
  work.write('../db/PyPI/all.zip', zipOf([{ id: 'PYSEC-1', x: ' '.repeat(8e6) } as { id: string }]));
  const scan = await work.scan(OLD_OK);
  expect([scan.code, /\[(E_\w+)\]$/m.exec(scan.log)?.[1]]).toEqual([1, 'E_LIMIT']);
});

test('trap 19: freshness ignores the future, an old database is red with its age, none switches that off', async () => {
  const at = (id: string, modified: string): { id: string; modified: string } => ({
    ...advisory(id, { name: 'z', events: all }),
    modified,
  });
  const pypi = [
    at('PYSEC-1', '2999-07-09T00:00:00Z'),
    at('PYSEC-2', '0001-01-01T00:00:00Z'),
    at('PYSEC-3', '2020-05-05T00:00:00Z'),
  ];
  using work = project({ 'requirements.txt': 'a==1\n' }, { pypi });
  const stale = await work.scan({ database: '../db' });
  expect([stale.code, stale.log]).toEqual([
    1,
    expect.stringMatching(/newest record is \d{4} days old.*\[E_DB_STALE\]/),
  ]);
  const fine = await work.scan(OLD_OK);
  expect([fine.code, fine.report.source.freshness]).toEqual([0, '2020-05-05T00:00:00.000Z']);
});

test('on-error: warn is green with complete=false and says so first', async () => {
  using work = project({ 'requirements.txt': 'a==1\n-r gone.txt\n' }, { pypi: [] });
  const scan = await work.scan({ ...OLD_OK, 'on-error': 'warn' });
  expect([scan.code, scan.outputs.complete, scan.outputs.passed]).toEqual([0, 'false', 'true']);
  expect(scan.summary).toMatch(/^## scan-deps: passed, \*\*the scan is incomplete\*\*/);
  expect(scan.log).toMatch(/^::warning .*\[E_INCLUDE\]$/m);
});
