/** The whole action: every ecosystem, few questions, a database at a URL, and what is written beside the report. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startOsv } from '../../lab/osv/server.ts';
import { advisory, CRITICAL, checkout, lockOf, zipOf } from './support.ts';

const events = [{ introduced: '0' }, { fixed: '2.0.0' }];
const FOLDER = { database: '../db', 'max-database-age': 'none' };

const LOCKS: Record<string, string> = {
  'go.mod': 'module example.com/app\n\ngo 1.22\n\nrequire example.com/lib v1.0.0\n',
  'Cargo.lock': [
    'version = 4\n',
    ...['lib', 'old', 'app'].map((name) => {
      const source = name === 'app' ? '' : 'source = "registry+https://github.com/rust-lang/crates.io-index"\n';
      return `[[package]]\nname = "${name}"\nversion = "1.0.0"\n${source}`;
    }),
  ].join('\n'),
  'Gemfile.lock': 'GEM\n  remote: https://rubygems.org/\n  specs:\n    lib (1.0.0)\n\nDEPENDENCIES\n  lib\n',
  'composer.lock': JSON.stringify({ packages: [{ name: 'acme/lib', version: 'v1.0.0' }], 'packages-dev': [] }, null, 1),
  'gradle.lockfile': 'org.example:lib:1.0.0=compileClasspath,runtimeClasspath\nempty=\n',
  'packages.lock.json': JSON.stringify(
    { version: 1, dependencies: { 'net8.0': { Lib: { type: 'Direct', requested: '[1.0.0, )', resolved: '1.0.0' } } } },
    null,
    1,
  ),
};
const NAMES = {
  Go: 'example.com/lib',
  'crates.io': 'lib',
  RubyGems: 'lib',
  Packagist: 'acme/lib',
  Maven: 'org.example:lib',
  NuGet: 'Lib',
};
const everywhere = Object.entries(NAMES).map(([eco, name], i) => ({
  eco,
  records: [advisory(`GHSA-${i}`, { eco, name, events, vector: CRITICAL })],
}));

test('every ecosystem is read, asked, judged by its own order, and blocks', async () => {
  using work = checkout(LOCKS);
  const notice = {
    id: 'RUSTSEC-1',
    modified: '2026-01-01T00:00:00Z',
    affected: [
      {
        package: { ecosystem: 'crates.io', name: 'old' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0.0.0-0' }] }],
        database_specific: { informational: 'unmaintained' },
      },
    ],
  };
  for (const { eco, records } of everywhere) {
    work.write(`../db/${eco}/all.zip`, zipOf(eco === 'crates.io' ? [...records, notice] : records));
  }
  const scan = await work.scan(FOLDER);
  expect(scan.report.findings.map((f) => `${f.file} ${f.eco} ${f.id} ${f.state}`).sort()).toEqual([
    'Cargo.lock crates.io GHSA-1 block',
    'Cargo.lock crates.io RUSTSEC-1 info',
    'Gemfile.lock RubyGems GHSA-2 block',
    'composer.lock Packagist GHSA-3 block',
    'go.mod Go GHSA-0 block',
    'gradle.lockfile Maven GHSA-4 block',
    'packages.lock.json NuGet GHSA-5 block',
  ]);
  expect([scan.code, scan.outputs.complete, scan.outputs.blocking]).toEqual([1, 'true', '6']);
});

test('the same by the API, which compares names as they are spelt', async () => {
  await using server = await startOsv({ advisories: everywhere.flatMap(({ records }) => records) });
  using work = checkout({
    ...LOCKS,
    // Advisories have it in lower case.
    'php/composer.lock': JSON.stringify({ packages: [{ name: 'Acme/Lib', version: '1.0.0' }], 'packages-dev': [] }),
  });
  const scan = await work.scan({ 'osv-url': server.url });
  expect(scan.report.findings.map((f) => `${f.file} ${f.eco} ${f.id} ${f.state}`).sort()).toEqual([
    'Cargo.lock crates.io GHSA-1 block',
    'Gemfile.lock RubyGems GHSA-2 block',
    'composer.lock Packagist GHSA-3 block',
    'go.mod Go GHSA-0 block',
    'gradle.lockfile Maven GHSA-4 block',
    'packages.lock.json NuGet GHSA-5 block',
    'php/composer.lock Packagist GHSA-3 block',
  ]);
  expect([scan.code, scan.outputs.complete, scan.report.coverage.unanswered]).toEqual([1, 'true', []]);
});

test('a local build of an affected version is affected, also by the API, which orders it above', async () => {
  const last = advisory('GHSA-l', {
    name: 'torch',
    events: [{ introduced: '0' }, { last_affected: '2.10.0' }],
    vector: CRITICAL,
  });
  const told = advisory('GHSA-t', {
    name: 'torch',
    events: [{ introduced: '0' }, { fixed: '2.10.0+fix1' }],
    vector: CRITICAL,
  });
  await using server = await startOsv({ advisories: [last, told] });
  using work = checkout({ 'requirements.txt': 'torch==2.10.0+fix2\n' });
  work.write('../db/PyPI/all.zip', zipOf([last, told]));
  for (const source of [FOLDER, { 'osv-url': server.url }]) {
    const scan = await work.scan(source);
    expect(scan.report.findings.map((f) => `${f.id} ${f.version} ${f.state}`)).toEqual(['GHSA-l 2.10.0+fix2 block']);
    expect(scan.code).toBe(1);
  }
});

test('a version in no order of its ecosystem, with an advisory, is incomplete: never green in silence', async () => {
  const lock = JSON.stringify({ packages: [{ name: 'acme/lib', version: 'dev-main' }], 'packages-dev': [] });
  using work = checkout({ 'composer.lock': lock });
  work.write('../db/Packagist/all.zip', zipOf(everywhere.find(({ eco }) => eco === 'Packagist')?.records ?? []));
  const scan = await work.scan(FOLDER);
  expect([scan.code, scan.outputs.complete, scan.report.coverage.unjudged]).toEqual([1, 'false', 1]);
  expect(scan.log).toMatch(/\[E_UNJUDGED\]$/m);
});

test('500 packages of which 20 are vulnerable: 21 requests, 16 at once, nothing twice, nothing private', async () => {
  const npm = Array.from({ length: 20 }, (_, i) =>
    advisory(`GHSA-p${i}`, { name: `p${i}`, eco: 'npm', events, vector: CRITICAL }),
  );
  await using server = await startOsv({ advisories: npm });
  const packages = Array.from({ length: 500 }, (_, i) => [`node_modules/p${i}`, { version: '1.0.0' }] as const);
  const secret = ['node_modules/@acme/core', { version: '1.0.0' }] as const;
  using work = checkout({ 'package-lock.json': lockOf(Object.fromEntries([...packages, secret])) });
  const scan = await work.scan({ 'osv-url': server.url, 'private-packages': '@acme/*' });
  expect([scan.outputs.findings, scan.report.coverage.asked, scan.report.coverage.answered]).toEqual(['20', 500, 500]);
  const requests = server.requests();
  expect([requests.length, new Set(requests.map((r) => r.body)).size]).toEqual([21, 21]);
  expect(server.peak()).toBeLessThanOrEqual(16);
  expect(requests.map((r) => r.body).join()).not.toContain('acme');
});

test('a database at a URL: each archive once, then only asked whether it has changed; the bill names the commit', async () => {
  const zip = zipOf([advisory('PYSEC-1', { name: 'requests', events, vector: CRITICAL })]);
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    const there = req.url === '/osv/PyPI/all.zip';
    res.writeHead(there ? 200 : 404, { 'content-length': there ? zip.length : 0, etag: '"one"' });
    res.end(there && req.method === 'GET' ? zip : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cache = mkdtempSync(join(tmpdir(), 'scan-cache-'));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/osv`;
    using work = checkout({ 'requirements.txt': 'requests==1.5\n' });
    const inputs = { database: url, 'max-database-age': 'none' };
    const env = { RUNNER_TOOL_CACHE: cache, GITHUB_REPOSITORY: 'org/service' };
    const first = await work.scan(inputs, env);
    expect([first.code, first.outputs.findings, first.report.source]).toEqual([
      1,
      '1',
      { kind: 'database', url, freshness: '2026-01-01T00:00:00.000Z' },
    ]);
    expect(asked).toEqual(['HEAD /osv/PyPI/all.zip', 'GET /osv/PyPI/all.zip']);
    const path = first.outputs['cyclonedx-path'] ?? '';
    const bill = readFileSync(path, 'utf8');
    expect(JSON.parse(bill)).toMatchObject({ specVersion: '1.6', metadata: { component: { name: 'org/service' } } });
    const second = await work.scan(inputs, env);
    expect(asked.slice(2)).toEqual(['HEAD /osv/PyPI/all.zip']);
    expect(readFileSync(path, 'utf8')).toBe(bill);
    expect(JSON.stringify(second.report)).toBe(JSON.stringify(first.report));
    expect(existsSync(join(cache, 'scan-deps-index-PyPI'))).toBe(true);
    work.write('package-lock.json', lockOf({ 'node_modules/a': { version: '1.0.0' } }));
    const missing = await work.scan(inputs, env);
    expect([missing.code, missing.outputs.complete]).toEqual([1, 'false']);
    expect(missing.log).toMatch(/\[E_DB_MISSING\]$/m);
  } finally {
    rmSync(cache, { recursive: true, force: true });
    await new Promise((resolve) => server.close(resolve));
  }
});
