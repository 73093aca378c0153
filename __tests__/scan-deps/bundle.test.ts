/** The committed bundle, started by Node 20 and by Node 24: one way through every acceptance, and both write the same bytes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { startOsv } from '../../lab/osv/server.ts';
import { ensureNode20 } from '../../tools/node20.ts';
import { root } from '../support/bundle.ts';
import { startService } from './diff-kit.ts';
import { advisory, CRITICAL, checkout, lockOf, MEDIUM, type Started, started, zipOf } from './support.ts';

const entry = started.entry ?? join(root, 'dist/scan-deps/index.js');
let node20: string;
beforeAll(async () => {
  node20 = await ensureNode20(join(root, '.lab'));
});

const below = (fixed: string): object[] => [{ introduced: '0' }, { fixed }];
const pypi = [
  advisory('PYSEC-1', { name: 'requests', events: below('2.31.0'), vector: MEDIUM, aliases: ['CVE-2023-32681'] }),
  advisory('PYSEC-2', { name: 'pillow', events: below('10.0'), vector: CRITICAL }),
];
const npm = [
  advisory('GHSA-l', { name: 'lodash', eco: 'npm', events: below('4.17.21'), vector: CRITICAL }),
  advisory('GHSA-m', { name: 'minimist', eco: 'npm', events: below('1.2.6'), vector: CRITICAL }),
];
const FILES = {
  'requirements.txt': 'requests>=2.3,<2.31\npillow==9.0 # first\n',
  'package-lock.json': lockOf({ 'node_modules/lodash': { version: '4.17.20', dev: true } }),
};
const OFFLINE = { database: '../db', 'max-database-age': 'none' };

function project(how: Started, files: Record<string, string | Uint8Array> = FILES) {
  const work = checkout(files, true, how);
  work.write('../db/PyPI/all.zip', zipOf(pypi));
  work.write('../db/npm/all.zip', zipOf(npm));
  return work;
}

describe.each(['20', '24'])('on Node %s', (version) => {
  const how = (): Started => ({ entry, node: version === '20' ? node20 : process.execPath });

  test('acceptance 1, 2 and 13: pins and ranges are judged, and what blocks is red on its line', async () => {
    using work = project(how());
    const scan = await work.scan(OFFLINE);
    expect([scan.code, scan.report.findings.map((f) => [f.package, f.line, f.verdict, f.state])]).toEqual([
      1,
      [
        ['pillow', 2, 'certain', 'block'],
        ['lodash', 7, 'certain', 'warn'],
        ['requests', 1, 'certain', 'warn'],
      ],
    ]);
    expect(scan.log).toMatch(/^::error title=pillow 9\.0%3A PYSEC-2 \(critical\),file=requirements\.txt,line=2/m);
    const green = await work.scan({ ...OFFLINE, 'fail-on': 'none' });
    expect([green.code, green.outputs.passed, green.outputs.findings]).toEqual([0, 'true', '3']);
  });

  test('acceptance 11: online and offline give byte-equal findings', async () => {
    await using server = await startOsv({ advisories: [...pypi, ...npm] });
    using work = project(how());
    const [online, offline] = [await work.scan({ 'osv-url': server.url }), await work.scan(OFFLINE)];
    expect(JSON.stringify(online.report.findings)).toBe(JSON.stringify(offline.report.findings));
    expect(online.report.findings).toHaveLength(3);
  });

  test('acceptance 10: ignored by any id, expired, unused', async () => {
    const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const entries = [`CVE-2023-32681 ${day(9)}`, `PYSEC-2 ${day(-1)}`, `CVE-2000-1 ${day(9)}`].map((text) => {
      const [id, expires] = text.split(' ');
      return `  - {id: ${id}, reason: not reachable here at all, expires: ${expires}}\n`;
    });
    using work = project(how(), { ...FILES, '.github/scan-deps.yml': `version: 1\nignore:\n${entries.join('')}` });
    const scan = await work.scan(OFFLINE);
    expect(scan.report.ignores.map((one) => [one.line, one.state])).toEqual([
      [3, 'used'],
      [4, 'expired'],
      [5, 'unused'],
    ]);
    expect(scan.report.findings.map((f) => f.state)).toEqual(['block', 'warn', 'ignored']);
  });

  test('acceptance 7 and 12: what is broken is red with its code', async () => {
    await using server = await startOsv({ advisories: pypi });
    server.fault({ path: /querybatch/, body: '{"results":[{}' });
    const zip = Buffer.from(zipOf(pypi));
    const crc = Buffer.from(zip);
    const at = crc.indexOf('PK\x01\x02', 0, 'latin1') + 16;
    crc.writeUInt8(crc.readUInt8(at) ^ 1, at);
    const bomb = zipOf([{ id: 'PYSEC-3', details: ' '.repeat(8e6) } as { id: string }]);
    const tooBig = Buffer.alloc(64 * 1024 * 1024 + 1, 0x20);
    const requirements = { 'requirements.txt': 'requests==2.30.0\n' };
    const rows: [string, Record<string, string>, Record<string, string | Uint8Array>][] = [
      ['E_OSV_API', { 'osv-url': 'http://127.0.0.1:9', timeout: '10' }, requirements],
      ['E_OSV_SHAPE', { 'osv-url': server.url }, requirements],
      ['E_DB_MISSING', { ...OFFLINE, database: '../nothing' }, requirements],
      ['E_DB_CORRUPT', OFFLINE, { ...requirements, '../db/PyPI/all.zip': crc }],
      ['E_DB_CORRUPT', OFFLINE, { ...requirements, '../db/PyPI/all.zip': zip.subarray(0, 200) }],
      ['E_DB_STALE', { ...OFFLINE, 'max-database-age': '1d' }, requirements],
      ['E_LIMIT', OFFLINE, { ...requirements, '../db/PyPI/all.zip': bomb }],
      ['E_LIMIT', OFFLINE, { 'package-lock.json': tooBig }],
      ['E_UNREADABLE', OFFLINE, { 'package-lock.json': '{"lockfileVersion": 3' }],
      ['E_INCLUDE', OFFLINE, { 'requirements.txt': '-r ../../etc/passwd\n' }],
      ['E_NOTHING_TO_SCAN', OFFLINE, { 'README.md': '' }],
      ['E_INPUT', { ...OFFLINE, 'fail-on': 'hihg' }, requirements],
    ];
    for (const [code, inputs, files] of rows) {
      using work = project(how(), {});
      for (const [path, content] of Object.entries(files)) work.write(path, content);
      const scan = await work.scan(inputs);
      expect([code, scan.code, scan.outputs.passed, scan.log]).toEqual([
        code,
        1,
        'false',
        expect.stringContaining(`[${code}]`),
      ]);
    }
  });

  test('acceptance 9: a shallow clone of a pull request, the merge queue, a new branch', async () => {
    const lock = (versions: Record<string, string>): string =>
      lockOf(Object.fromEntries(Object.entries(versions).map(([name, v]) => [`node_modules/${name}`, { version: v }])));
    await using service = await startService({ 'package-lock.json': lock({ lodash: '4.17.19' }) }, {}, how());
    await service.database('npm', npm);
    const facts = async (sha: string, event: Parameters<typeof service.scan>[1], inputs = {}) => {
      const scan = await service.scan(await service.checkout(sha), event, inputs);
      return [scan.code, scan.report.mode, scan.outputs.new];
    };
    await service.commit('bump', { 'package-lock.json': lock({ lodash: '4.17.20' }) });
    const bump = await service.pull('bump');
    expect(await facts(bump.event.sha, bump.event)).toEqual([0, 'diff', '0']);
    const ahead = await service.commit('add', { 'package-lock.json': lock({ lodash: '4.17.20', minimist: '1.2.5' }) });
    const add = await service.pull('add');
    expect(await facts(add.event.sha, add.event)).toEqual([1, 'diff', '1']);
    const tip = await service.commit('queue', { 'README.md': 'x' }, { from: ahead });
    const group = { merge_group: { base_sha: ahead, head_sha: tip } };
    expect(await facts(tip, { name: 'merge_group', sha: tip, payload: group })).toEqual([0, 'diff', '0']);
    const push = { name: 'push', sha: tip, payload: { before: '0'.repeat(40) } };
    expect(await facts(tip, push, { mode: 'diff' })).toEqual([1, 'full', '2']);
  });
});

test('nothing is loaded by a name that is made at run time, no code is made of text, and no URL is one of code', async () => {
  const text = await readFile(entry, 'utf8');
  expect(text.match(/(?<![.\w$])(?:import|require)\((?!["'])(?!\?)[^)]{0,40}/g) ?? []).toEqual([]);
  const hosts = [...text.matchAll(/https?:\/\/([a-z0-9.-]+)(\/[^"'`\s]*)?/g)].filter(
    ([, host]) => host !== '127.0.0.1',
  );
  const known = [
    'api.osv.dev',
    'osv.dev',
    'nvd.nist.gov',
    'github.com',
    'json.schemastore.org',
    'json-schema.org',
    'cyclonedx.org',
  ];
  expect(hosts.map(([, host]) => host).filter((host) => !known.includes(host ?? ''))).toEqual([]);
  expect(hosts.filter(([, , path = '']) => /\.(?:[cm]?js|wasm|node|zip|tgz|tar\.gz|exe)$/.test(path))).toEqual([]);
  for (const node of [node20, process.execPath]) {
    using work = project({ entry, node });
    const scan = await work.scan(OFFLINE, { NODE_OPTIONS: '--disallow-code-generation-from-strings' });
    expect([scan.code, scan.outputs.findings, scan.outputs.complete]).toEqual([1, '3', 'true']);
  }
});

test('acceptance 14: two runs on one tree, and both Nodes, give byte-equal reports', async () => {
  const reports: string[][] = [];
  const how: Started = { entry };
  using work = project(how);
  const folder = await mkdtemp(join(tmpdir(), 'scan-bytes-'));
  try {
    for (const node of [node20, process.execPath, process.execPath]) {
      how.node = node;
      await rm(folder, { recursive: true });
      await work.scan({ ...OFFLINE, 'report-dir': folder });
      const names = ['scan-deps.json', 'scan-deps.sarif', 'scan-deps.cdx.json'];
      reports.push(await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8'))));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  expect(reports[1]).toEqual(reports[0]);
  expect(reports[2]).toEqual(reports[0]);
});
