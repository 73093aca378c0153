/** The action against the OSV server of the lab: questions, pages, privacy, and a bad day of the network. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OsvFault, type OsvServer, startOsv } from '../../lab/osv/server.ts';
import { parseOutputs } from '../support/bundle.ts';
import { advisory, CRITICAL, checkout, lockOf, type Scan, zipOf } from './support.ts';

const events = [{ introduced: '0' }, { fixed: '2.0' }];
const records = [
  advisory('PYSEC-1', { name: 'requests', events, vector: CRITICAL, aliases: ['CVE-2020-1'] }),
  advisory('GHSA-2', { name: 'requests', events, vector: CRITICAL }),
  advisory('GHSA-3', { name: 'requests', events, vector: CRITICAL }),
];
const clean = 'flask==1.0\n';
const vulnerable = 'requests==1.5\n';

let osv: OsvServer;
let paged: OsvServer;
beforeAll(async () => {
  osv = await startOsv({ advisories: records });
  paged = await startOsv({ advisories: records, pageSize: 1 });
});
afterAll(async () => {
  await osv.close();
  await paged.close();
});

async function scan(requirements: string, inputs: Record<string, string> = {}, server = osv): Promise<Scan> {
  using work = checkout({ 'requirements.txt': requirements });
  return await work.scan({ 'osv-url': server.url, ...inputs });
}

test('one batch, then one question a package with a hit; nothing is asked twice', async () => {
  const packages = Array.from({ length: 30 }, (_, i) => [`node_modules/p${i}`, { version: '1.0.0' }] as const);
  const npm = [0, 1, 2].map((i) => advisory(`GHSA-p${i}`, { name: `p${i}`, eco: 'npm', events, vector: CRITICAL }));
  await using server = await startOsv({ advisories: npm });
  using work = checkout({
    'package-lock.json': lockOf({
      ...Object.fromEntries(packages),
      'node_modules/x/node_modules/p0': { version: '1.0.0' },
    }),
  });
  const result = await work.scan({ 'osv-url': server.url });
  expect([result.code, result.outputs.findings]).toEqual([1, '4']);
  expect(server.requests().map((r) => r.path)).toEqual(['/v1/querybatch', '/v1/query', '/v1/query', '/v1/query']);
  const { queries } = JSON.parse(server.requests()[0]?.body ?? '') as { queries: object[] };
  expect([queries.length, queries[0]]).toEqual([30, { package: { name: 'p0', ecosystem: 'npm' }, version: '1.0.0' }]);
  expect(server.peak()).toBeLessThanOrEqual(16);
});

test('trap 27: what is private never leaves the runner', async () => {
  await using server = await startOsv();
  using work = checkout({
    'requirements.txt': 'acme-secret==1.0\nAcme.Other==1\nflask==1\n',
    'package-lock.json': lockOf({
      'node_modules/@acme/hidden': { version: '1.0.0' },
      'node_modules/open': { version: '1.0.0' },
    }),
  });
  const result = await work.scan({ 'osv-url': server.url, 'private-packages': '@acme/*\nacme-*' });
  expect([result.code, result.report.coverage.private]).toEqual([0, 3]);
  expect(
    server
      .requests()
      .map((r) => r.body)
      .join(),
  ).not.toMatch(/acme/i);
});

test('pages are read to the end, also those that hold only a token', async () => {
  const result = await scan(vulnerable, {}, paged);
  expect(result.report.findings.map((f) => f.id).sort()).toEqual(['CVE-2020-1', 'GHSA-2', 'GHSA-3']);
  const undo = osv.fault({
    path: /querybatch/,
    times: 1,
    change: () => ({ results: [{ next_page_token: 'RklSU1RfUEFHRV9UT0tFTg==' }] }),
  });
  // The stand-in takes an unknown token for page 0.
  const again = osv.fault({
    path: /querybatch/,
    times: 1,
    change: () => ({ results: [{ vulns: [{ id: 'PYSEC-1' }] }] }),
  });
  expect((await scan(vulnerable)).outputs.findings).toBe('3');
  undo();
  again();
});

test('an unscored group is looked up by its aliases', async () => {
  await using server = await startOsv({
    advisories: [
      advisory('PYSEC-9', { name: 'pkg', events, aliases: ['CVE-2020-9', 'GHSA-9'] }),
      advisory('CVE-2020-9', { name: 'other', eco: 'Linux', vector: CRITICAL }),
    ],
  });
  const result = await scan('pkg==1.0\n', {}, server);
  expect(result.report.findings[0]).toMatchObject({ level: 'critical', score: 9.8 });
  expect(
    server
      .requests()
      .map((r) => r.path)
      .slice(2),
  ).toEqual(['/v1/vulns/GHSA-9', '/v1/vulns/CVE-2020-9']);
});

test('a server that says yes where the local matcher says no: a finding, counted', async () => {
  const undo = osv.fault({
    path: /\/query/,
    change: (_, { path }) =>
      path.endsWith('batch') ? { results: [{ vulns: [{ id: 'PYSEC-1' }] }] } : { vulns: [records[0]] },
  });
  const result = await scan('requests==5.0\n');
  undo();
  expect([result.report.findings[0]?.by, result.report.coverage.disagreements]).toEqual(['server', 1]);
});

test('online and offline give byte-equal findings', async () => {
  using work = checkout({ 'requirements.txt': `${vulnerable}flask>=1\n` });
  work.write('../db/PyPI/all.zip', zipOf(records));
  const online = await work.scan({ 'osv-url': osv.url });
  const offline = await work.scan({ database: '../db', 'max-database-age': 'none' });
  expect(JSON.stringify(online.report.findings)).toBe(JSON.stringify(offline.report.findings));
});

describe('trap 20 and faults: never green', () => {
  const faults: [string, OsvFault, string, string?][] = [
    ['200 with {}', { body: '{}' }, 'E_OSV_SHAPE'],
    ['fewer results than queries', { change: () => ({ results: [] }) }, 'E_OSV_SHAPE'],
    ['more results than queries', { change: () => ({ results: [{}, {}] }) }, 'E_OSV_SHAPE'],
    ['a token loop', { path: /batch/, change: () => ({ results: [{ next_page_token: 'again' }] }) }, 'E_OSV_SHAPE'],
    ['half a JSON body, whole length', { half: 'whole', path: /batch/ }, 'E_OSV_SHAPE', vulnerable],
    ['HTML with status 200', { body: '<html>sign in</html>' }, 'E_OSV_SHAPE'],
    ['results of another shape', { change: () => ({ results: [{ vulns: 'none' }] }) }, 'E_OSV_SHAPE'],
    ['null', { body: 'null' }, 'E_OSV_SHAPE'],
    ['401', { status: 401, body: 'no' }, 'E_OSV_SHAPE'],
    ['404', { status: 404, body: 'no' }, 'E_OSV_SHAPE'],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'E_OSV_SHAPE'],
    ['400 for the only name', { status: 400, body: '{"code":3,"message":"bad"}' }, 'E_OSV_SHAPE'],
    ['429 with a far date', { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 2100 00:00:00 GMT' } }, 'E_OSV_API'],
    [
      'records that are named and do not come',
      { path: /query$/, change: () => ({ vulns: [] }) },
      'E_OSV_SHAPE',
      vulnerable,
    ],
    [
      'other records than named',
      { path: /query$/, change: () => ({ vulns: [advisory('X-1', { name: 'requests' })] }) },
      'E_OSV_SHAPE',
      vulnerable,
    ],
    [
      'a record of a wrong shape',
      { path: /query$/, change: () => ({ vulns: [{ id: 'PYSEC-1', affected: 'all' }] }) },
      'E_OSV_SHAPE',
      vulnerable,
    ],
    [
      'endless pages of records',
      { path: /query$/, change: () => ({ vulns: records, next_page_token: 'x' }) },
      'E_OSV_SHAPE',
      vulnerable,
    ],
    ['the records answered 404', { path: /query$/, status: 404, body: '{}' }, 'E_OSV_SHAPE', vulnerable],
  ];
  test.each(faults)('%s', async (_name, fault, code, requirements = clean) => {
    await using server = await startOsv({ advisories: records });
    server.fault(fault);
    const result = await scan(requirements, { timeout: '10' }, server);
    expect([result.code, result.outputs.passed, result.outputs.complete]).toEqual([1, 'false', 'false']);
    expect(result.log).toContain(`[${code}]`);
    expect(result.report.coverage.unanswered).toHaveLength(1);
  });

  // Side by side: each of them uses up its retries or its deadline.
  test('500 for ever, reset for ever, a body that is cut, slower than the deadline', async () => {
    const bad: OsvFault[] = [{ status: 500 }, { reset: true }, { half: 'cut' }, { delayMs: 20_000 }];
    await Promise.all(
      bad.map(async (fault) => {
        await using server = await startOsv({ advisories: records });
        server.fault(fault);
        const result = await scan(clean, { timeout: '10' }, server);
        expect([fault, result.code, result.outputs.complete]).toEqual([fault, 1, 'false']);
        expect(result.log).toContain('[E_OSV_API]');
      }),
    );
  });

  test('nobody listens', async () => {
    const server = await startOsv();
    await server.close();
    const result = await scan(clean, { timeout: '10' }, server);
    expect([result.code, result.log]).toEqual([1, expect.stringContaining('[E_OSV_API]')]);
  });

  test('503 once, then fine: green', async () => {
    await using server = await startOsv({ advisories: records });
    server.fault({ status: 503, times: 1 });
    expect((await scan(clean, {}, server)).code).toBe(0);
  });

  test('400 for one bad name among many: only that one is unanswered, by index and by halving', async () => {
    const bad = (body: string): boolean => body.includes('"bad-name"');
    for (const message of ['invalid name at index N', 'something is wrong']) {
      await using server = await startOsv({ advisories: records });
      // A server that refuses every batch which holds the name.
      const names = ['a', 'b', 'bad-name', 'requests'];
      const refuse = (): void => {
        server.fault({
          path: /batch/,
          times: 1,
          status: 400,
          body: JSON.stringify({ code: 3, message: message.replace('N', '2') }),
        });
      };
      refuse();
      if (!message.includes('index')) {
        // [a b] passes, [bad-name requests] and then [bad-name] are refused.
        server.fault({ path: /batch/, skip: 1, times: 2, status: 400, body: JSON.stringify({ code: 3, message }) });
      }
      const result = await scan(names.map((name) => `${name}==1.5`).join('\n'), {}, server);
      expect([result.code, result.outputs.findings]).toEqual([1, '3']);
      expect(result.report.coverage.unanswered).toEqual(['PyPI bad-name 1.5']);
      expect(server.requests().filter((r) => bad(r.body)).length).toBeGreaterThan(0);
    }
  });
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s is red, with outputs that say so', async (signal) => {
  await using server = await startOsv({ advisories: records });
  server.fault({ delayMs: 30_000 });
  using work = checkout({ 'requirements.txt': clean });
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', new URL('../../src/scan-deps/main.ts', import.meta.url).pathname],
    {
      cwd: work.root,
      env: {
        PATH: process.env.PATH,
        INPUT_PATHS: 'requirements.txt',
        'INPUT_OSV-URL': server.url,
        RUNNER_TEMP: work.root,
        GITHUB_WORKSPACE: work.root,
        GITHUB_OUTPUT: join(work.root, '../output'),
      },
    },
  );
  const closed = new Promise((done) => child.once('close', done));
  let log = '';
  child.stdout.on('data', (part: Buffer) => {
    log += part.toString();
  });
  while (server.requests().length === 0 && child.exitCode === null) await new Promise((done) => setTimeout(done, 20));
  child.kill(signal);
  const code = await closed;
  expect([code, log]).toEqual([1, expect.stringContaining('[E_CANCELLED]')]);
  const outputs = parseOutputs(readFileSync(join(work.root, '../output'), 'utf8'));
  expect(outputs).toMatchObject({ passed: 'false', complete: 'false', 'report-path': '' });
  expect(JSON.parse(outputs.json ?? '')).toMatchObject({ result: 'failed', complete: false });
});
