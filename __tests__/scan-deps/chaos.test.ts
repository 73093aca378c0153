/** Acceptance 7: whatever breaks, no run is green with `on-error: fail`, and each says by its code what broke. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { type OsvFault, startOsv } from '../../lab/osv/server.ts';
import { pool } from '../../src/scan-deps/osv/pool.ts';
import { advisory, checkout, lockOf, MEDIUM, zipOf } from './support.ts';

const events = [{ introduced: '0' }, { fixed: '2.0' }];
const records = [advisory('PYSEC-1', { name: 'requests', events, vector: MEDIUM })];
const good = zipOf(records);
/** A medium finding at `fail-on: high`: green as long as nothing is broken. */
const PROJECT = { 'requirements.txt': 'requests==1.5\nflask==1.0\n' };

interface Row {
  name: string;
  code: string;
  files?: Record<string, string | Uint8Array>;
  inputs?: Record<string, string>;
  fault?: OsvFault;
  /** Bytes of PyPI/all.zip; `none`: no such file, `folder`: a folder of that name. */
  zip?: Uint8Array | 'none' | 'folder';
}

const raw = (members: Record<string, string>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(members).map(([name, text]) => [name, Buffer.from(text)])));

/** Patches a field of the first entry of the directory (and of the local header, where it has one). */
function patched(bytes: Uint8Array, field: number, value: number, size: 2 | 4, local?: number): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  copy.writeUIntLE(value, at + field, size);
  if (local !== undefined) copy.writeUIntLE(value, local, size);
  return copy;
}

const batch = /querybatch/;
const query = /query$/;
const api: Row[] = [
  { name: 'nobody listens', code: 'E_OSV_API', inputs: { 'osv-url': 'http://127.0.0.1:9' } },
  { name: 'connection reset', code: 'E_OSV_API', fault: { reset: true } },
  { name: 'too slow for the deadline', code: 'E_OSV_API', fault: { delayMs: 60_000 } },
  ...[408, 429, 500, 502, 503, 504].map((status) => ({
    name: `${status} for ever`,
    code: 'E_OSV_API',
    fault: { status },
  })),
  {
    name: '429 until next year',
    code: 'E_OSV_API',
    fault: { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' } },
  },
  { name: 'cut in the middle', code: 'E_OSV_API', fault: { half: 'cut' } },
  { name: 'half a JSON text', code: 'E_OSV_SHAPE', fault: { half: 'whole' } },
  ...[301, 302, 307, 400, 401, 403, 404, 418, 204].map((status) => ({
    name: `status ${status}`,
    code: 'E_OSV_SHAPE',
    fault: { status, headers: { location: 'http://127.0.0.1:9/' } },
  })),
  {
    name: '400 that names a query',
    code: 'E_OSV_SHAPE',
    fault: { path: batch, times: 1, status: 400, body: '{"message":"index 0: bad name"}' },
  },
  ...[
    '<html>busy</html>',
    '',
    '{}',
    '[]',
    'null',
    '7',
    '{"results":null}',
    '{"results":{}}',
    '{"results":[]}',
    '{"results":[{}]}',
    '{"results":[{},{},{}]}',
    '{"results":[{"vulns":7},{}]}',
    '{"results":[{"vulns":[{}]},{}]}',
    '{"results":[{"vulns":[{"id":""}]},{}]}',
    '{"results":[{"next_page_token":7},{}]}',
  ].map((body) => ({ name: `batch ${body}`, code: 'E_OSV_SHAPE', fault: { path: batch, body } })),
  {
    name: 'token loop',
    code: 'E_OSV_SHAPE',
    fault: {
      path: batch,
      change: (answer, { body }) => ({
        results: (JSON.parse(body) as { queries: object[] }).queries.map(() => ({ next_page_token: 'again' })),
        answer,
      }),
    },
  },
  {
    name: 'another token for ever',
    code: 'E_OSV_SHAPE',
    fault: {
      path: batch,
      change: (_answer, { body }) => ({
        results: (JSON.parse(body) as { queries: object[] }).queries.map(() => ({
          next_page_token: `${body.length} ${Math.random()}`,
        })),
      }),
    },
  },
  { name: 'records: 500', code: 'E_OSV_API', fault: { path: query, status: 500 } },
  { name: 'records: 404', code: 'E_OSV_SHAPE', fault: { path: query, status: 404 } },
  ...[
    '<html>',
    '{}',
    '{"vulns":[]}',
    '{"vulns":7}',
    '{"vulns":[{"id":"OTHER-1"}]}',
    '{"vulns":[{"id":"PYSEC-1","affected":7}]}',
    '{"vulns":[{"id":"PYSEC-1"}],"next_page_token":"x"}',
  ].map((body) => ({ name: `records ${body}`, code: 'E_OSV_SHAPE', fault: { path: query, body } })),
];

const database: Row[] = [
  { name: 'no archive of the ecosystem', code: 'E_DB_MISSING', zip: 'none' },
  { name: 'the archive is a folder', code: 'E_DB_CORRUPT', zip: 'folder' },
  { name: 'no folder at all', code: 'E_DB_MISSING', inputs: { database: '../nowhere' } },
  ...(
    [
      ['empty', 0],
      ['one byte', 1],
      ['a quarter', good.length >> 2],
      ['half', good.length >> 1],
      ['all but one byte', good.length - 1],
    ] as const
  ).map(([name, length]) => ({ name: `truncated: ${name}`, code: 'E_DB_CORRUPT', zip: good.slice(0, length) })),
  { name: 'not a zip', code: 'E_DB_CORRUPT', zip: Buffer.from('<html>404</html>') },
  { name: 'wrong CRC', code: 'E_DB_CORRUPT', zip: patched(good, 16, 7, 4, 14) },
  { name: 'flipped byte', code: 'E_DB_CORRUPT', zip: patched(good, 0, 0x02014b50, 4, 50) },
  { name: 'another size than declared', code: 'E_DB_CORRUPT', zip: patched(good, 24, 9, 4, 22) },
  { name: 'unknown compression', code: 'E_DB_CORRUPT', zip: patched(good, 10, 99, 2, 8) },
  { name: 'a member that lies elsewhere', code: 'E_DB_CORRUPT', zip: patched(good, 42, 10, 4) },
  ...[
    '',
    'hello',
    '[]',
    'null',
    '{}',
    '{"id":7}',
    '{"id":""}',
    '{"id":"PYSEC-1","affected":[{"package":{"ecosystem":"PyPI","name":"requests"},"ranges":7}]}',
  ].map((text) => ({ name: `member ${text}`, code: 'E_DB_CORRUPT', zip: raw({ 'PYSEC-0.json': text }) })),
  {
    name: 'a good and a broken member',
    code: 'E_DB_CORRUPT',
    zip: raw({ 'PYSEC-1.json': JSON.stringify(records[0]), 'x.json': '{"id":' }),
  },
  { name: 'bomb: ratio', code: 'E_LIMIT', zip: raw({ 'PYSEC-0.json': ' '.repeat(8e6) }) },
  { name: 'bomb: one member of 4 GB', code: 'E_LIMIT', zip: patched(good, 24, 0xfffffff0, 4, 22) },
  { name: 'stale', code: 'E_DB_STALE', inputs: { 'max-database-age': '1d' } },
  {
    name: 'not dated',
    code: 'E_DB_STALE',
    inputs: { 'max-database-age': '3650d' },
    zip: raw({ 'PYSEC-1.json': '{"id":"PYSEC-1"}' }),
  },
];

const project: Row[] = [
  { name: 'half a lock', code: 'E_UNREADABLE', files: { 'package-lock.json': lockOf({}).slice(0, 40) } },
  {
    name: 'lock of an unknown version',
    code: 'E_UNREADABLE',
    files: { 'package-lock.json': '{"lockfileVersion": 99, "packages": {}}' },
  },
  { name: 'lock that is a list', code: 'E_UNREADABLE', files: { 'package-lock.json': '[]' } },
  {
    name: 'lock with a key twice',
    code: 'E_UNREADABLE',
    files: {
      'package-lock.json':
        '{"lockfileVersion": 3, "packages": {}, "packages": {"node_modules/a": {"version": "1.0.0"}}}',
    },
  },
  {
    name: 'bytes that are no text',
    code: 'E_UNREADABLE',
    files: { 'requirements.txt': new Uint8Array([0x61, 0xff, 0xfe, 0x80]) },
  },
  { name: 'unknown line', code: 'E_UNREADABLE', files: { 'requirements.txt': '<<<<<<< HEAD\n' } },
  { name: 'unknown option', code: 'E_UNREADABLE', files: { 'requirements.txt': '--no-such-option x\n' } },
  { name: 'missing include', code: 'E_INCLUDE', files: { 'requirements.txt': '-r gone.txt\n' } },
  { name: 'remote include', code: 'E_INCLUDE', files: { 'requirements.txt': '-r https://example.com/r.txt\n' } },
  { name: 'include outside', code: 'E_INCLUDE', files: { 'requirements.txt': '-r ../../etc/passwd\n' } },
  {
    name: 'version that cannot be judged',
    code: 'E_UNJUDGED',
    files: { 'requirements.txt': 'requests==99999999999999999991.1\n' },
  },
  {
    name: 'nesting',
    code: 'E_LIMIT',
    files: { 'package-lock.json': `{"lockfileVersion": 3, "packages": ${'{"a":'.repeat(300)}1${'}'.repeat(300)}}` },
  },
  {
    name: 'acceptance 12: a lock of 64 MiB + 1',
    code: 'E_LIMIT',
    files: { 'package-lock.json': Buffer.alloc(64 * 1024 * 1024 + 1, 0x20) },
  },
  { name: 'half a poetry.lock', code: 'E_UNREADABLE', files: { 'poetry.lock': '[[package]]\nname = "a' } },
  { name: 'nothing to scan', code: 'E_NOTHING_TO_SCAN', inputs: { exclude: '**' } },
  { name: 'a path that is not there', code: 'E_INPUT', inputs: { paths: 'nowhere' } },
  { name: 'a path outside', code: 'E_INPUT', inputs: { paths: '../..' } },
  { name: 'a word that is none', code: 'E_INPUT', inputs: { 'fail-on': 'hgih' } },
  {
    name: 'broken ignore file',
    code: 'E_IGNORE_FILE',
    files: { '.github/scan-deps.yml': 'version: 1\nignore:\n  - id: CVE-1\n' },
  },
  { name: 'ignore file that is not there', code: 'E_IGNORE_FILE', inputs: { 'ignore-file': 'gone.yml' } },
  { name: 'report folder that is a file', code: 'E_REPORT', inputs: { 'report-dir': 'requirements.txt' } },
  { name: 'report folder inside .git', code: 'E_INPUT', inputs: { 'report-dir': '.git/x' } },
];

let server: Awaited<ReturnType<typeof startOsv>>;
beforeAll(async () => {
  server = await startOsv({ advisories: records });
});
afterAll(() => server.close());

async function scan(row: Row, source: 'api' | 'database'): Promise<string> {
  using work = checkout({ ...PROJECT, ...row.files });
  const { zip = good } = row;
  if (zip === 'folder') mkdirSync(join(dirname(work.root), 'db/PyPI/all.zip'), { recursive: true });
  else work.write(zip === 'none' ? '../db/.keep' : '../db/PyPI/all.zip', zip === 'none' ? '' : zip);
  work.write('../db/npm/all.zip', zipOf([advisory('GHSA-1', { name: 'x', eco: 'npm', events })]));
  const own = row.fault === undefined ? undefined : await startOsv({ advisories: records });
  if (row.fault !== undefined) own?.fault(row.fault);
  try {
    const from: Record<string, string> =
      source === 'api'
        ? { 'osv-url': (own ?? server).url, timeout: '10' }
        : { database: '../db', 'max-database-age': 'none' };
    const result = await work.scan({ ...from, ...row.inputs });
    const codes = new Set([...result.log.matchAll(/\[(E_[A-Z_]+)\]/g)].map((match) => match[1]));
    const red = result.code === 1 && result.outputs.passed === 'false';
    return `${red ? 'red' : `exit ${result.code}, passed ${result.outputs.passed}`} ${codes.has(row.code) ? row.code : [...codes].join(' ')}`;
  } finally {
    await own?.close();
  }
}

/** Faults wait more than they work: several at once. */
async function matrix(rows: readonly Row[], source: 'api' | 'database'): Promise<[string, string][]> {
  const results = new Map<Row, string>();
  await pool(rows, 4, async (row) => {
    results.set(row, await scan(row, source));
  });
  return rows.map((row) => [row.name, results.get(row) ?? '']);
}

const MINUTES = 15 * 60_000;

test(
  'the project is green as long as nothing is broken',
  async () => {
    const none = { name: 'nothing', code: '' };
    expect(await matrix([none], 'api')).toEqual([['nothing', 'exit 0, passed true ']]);
    expect(await matrix([none], 'database')).toEqual([['nothing', 'exit 0, passed true ']]);
  },
  MINUTES,
);

test.each([
  ['api', api],
  ['database', database],
  ['api', project],
  ['database', project],
] as const)(
  'acceptance 7: faults of or with the source %s are red, each with its code (%#)',
  async (source, rows) => {
    expect(await matrix(rows, source)).toEqual(rows.map(({ name, code }) => [name, `red ${code}`]));
  },
  MINUTES,
);

test('acceptance 7: there are at least 40 faults a source', () => {
  const counts = { api: api.length + project.length, database: database.length + project.length };
  process.stdout.write(`scan-deps faults: ${counts.api} with the API, ${counts.database} with a database, 0 green\n`);
  expect(Math.min(counts.api, counts.database)).toBeGreaterThanOrEqual(40);
});

test.each(['api', 'database'] as const)(
  'with on-error: warn a broken source %s is green, incomplete, and says so',
  async (source) => {
    using work = checkout(PROJECT);
    const inputs: Record<string, string> =
      source === 'api' ? { 'osv-url': 'http://127.0.0.1:9', timeout: '10' } : { database: '../nowhere' };
    const result = await work.scan({ ...inputs, 'on-error': 'warn' });
    expect([result.code, result.outputs.complete]).toEqual([0, 'false']);
    expect(result.summary).toMatch(/^## scan-deps: passed, \*\*the scan is incomplete\*\*/);
  },
);

test(
  'what fails once and then works is green',
  async () => {
    const faults: OsvFault[] = [
      { times: 1, status: 503 },
      { times: 1, reset: true },
      { times: 1, status: 429, headers: { 'retry-after': '0' } },
    ];
    for (const fault of faults) {
      await using own = await startOsv({ advisories: records });
      own.fault(fault);
      using work = checkout(PROJECT);
      const result = await work.scan({ 'osv-url': own.url });
      expect([result.code, result.outputs.findings]).toEqual([0, '1']);
    }
  },
  MINUTES,
);
