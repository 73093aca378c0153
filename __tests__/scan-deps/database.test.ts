/** The database at a URL, and archives that would fill a machine. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import { openHttp } from '../../src/http/index.ts';
import { Deadline, systemClock } from '../../src/runner/index.ts';
import { databaseSource } from '../../src/scan-deps/osv/database.ts';
import { remoteArchive } from '../../src/scan-deps/osv/index-remote.ts';
import type { AdvisorySource } from '../../src/scan-deps/osv/source.ts';
import { readZip } from '../../src/scan-deps/osv/zip.ts';
import { advisory, zipOf } from './support.ts';

const events = [{ introduced: '0' }, { fixed: '2.0' }];
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder = '';
let handler: Handler;
let log: string[] = [];
let base: URL;
const server = createServer((request, response) => {
  log.push(`${request.method} ${request.url}`);
  handler(request, response);
});
const http = openHttp();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scan-database-'));
  log = [];
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket/`);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

/** Time passes as fast as somebody waits for it. */
const clock = { ...systemClock, sleep: async () => {} };

function source(cache?: string, seconds = 60): AdvisorySource {
  const remote = { base, http, random: () => 0, temp: folder };
  return databaseSource({
    folder: base.href,
    maxAge: undefined,
    clock,
    deadline: new Deadline(seconds, systemClock),
    remote,
    ...(cache === undefined ? {} : { cache }),
  });
}

async function answer(from: AdvisorySource): Promise<string> {
  const [one] = await from.lookup([{ eco: 'crates.io', key: 'a' }]);
  return one !== undefined && 'unanswered' in one ? one.unanswered.code : (one?.records ?? []).map((r) => r.id).join();
}

const archive = Buffer.from(zipOf([advisory('RUSTSEC-1', { name: 'a', eco: 'crates.io', events })]));

function serve(headers: Record<string, string> = {}, bytes: Uint8Array = archive): Handler {
  return (request, response) => {
    response.writeHead(200, { 'content-length': String(bytes.length), etag: `"${md5(bytes)}"`, ...headers });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };
}

describe('database at a URL', () => {
  test('the first run asks and fetches, the next only asks; a new state is fetched', async () => {
    const cache = join(folder, 'tools');
    handler = serve({ 'x-goog-hash': `crc32c=AAAAAA==,md5=${md5(archive)}` });
    expect(await answer(source(cache))).toBe('RUSTSEC-1');
    expect(await answer(source(cache))).toBe('RUSTSEC-1');
    const path = '/bucket/crates.io/all.zip';
    expect(log).toEqual([`HEAD ${path}`, `GET ${path}`, `HEAD ${path}`]);
    handler = serve({}, zipOf([advisory('RUSTSEC-2', { name: 'a', eco: 'crates.io', events })]));
    expect(await answer(source(cache))).toBe('RUSTSEC-2');
    expect(readdirSync(folder)).toEqual(['tools']);
  });

  test('without a cache nothing is asked but the archive, and nothing of it stays', async () => {
    handler = serve();
    expect([await answer(source()), log, readdirSync(folder)]).toEqual([
      'RUSTSEC-1',
      ['GET /bucket/crates.io/all.zip'],
      [],
    ]);
  });

  test('a server that names no state is asked for the bytes in every run', async () => {
    handler = (request, response) => {
      response.writeHead(200, { 'content-length': String(archive.length) });
      response.end(request.method === 'HEAD' ? undefined : archive);
    };
    for (let n = 0; n < 2; n += 1) expect(await answer(source(join(folder, 'tools')))).toBe('RUSTSEC-1');
    expect(log.filter((line) => line.startsWith('GET'))).toHaveLength(2);
  });

  test.each([
    ['404', 'E_DB_MISSING', 1, (_: IncomingMessage, r: ServerResponse) => r.writeHead(404).end()],
    [
      'a redirect',
      'E_DB_MISSING',
      1,
      (_: IncomingMessage, r: ServerResponse) => r.writeHead(302, { location: '/x' }).end(),
    ],
    ['503 for ever', 'E_DB_MISSING', 5, (_: IncomingMessage, r: ServerResponse) => r.writeHead(503).end()],
    ['a reset', 'E_DB_MISSING', 5, (q: IncomingMessage) => q.socket.destroy()],
    ['another MD5 than told', 'E_DB_CORRUPT', 1, serve({ 'x-goog-hash': `md5=${md5(Buffer.from('x'))}` })],
    ['a page of HTML', 'E_DB_CORRUPT', 1, serve({}, Buffer.from('<html>'))],
    ['half of it', 'E_DB_CORRUPT', 1, serve({}, archive.subarray(0, archive.length >> 1))],
    ['an empty file', 'E_DB_CORRUPT', 1, serve({}, Buffer.alloc(0))],
    [
      'too much, as announced',
      'E_LIMIT',
      1,
      (_: IncomingMessage, r: ServerResponse) => r.writeHead(200, { 'content-length': String(2 ** 31) }).write('x'),
    ],
  ] as [string, string, number, Handler][])('%s is red: %s', async (_name, code, requests, own) => {
    handler = own;
    expect([await answer(source()), log.length, readdirSync(folder)]).toEqual([code, requests, []]);
  });

  test('a body that is cut, and one that says nothing of its length and never ends, are red', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': String(archive.length) });
      response.write(archive.subarray(0, 10), () => response.destroy());
    };
    expect(await answer(source())).toBe('E_DB_MISSING');
    handler = (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(Buffer.alloc(64 * 1024)), 1);
      response.on('close', () => clearInterval(timer));
    };
    const ports = { http, clock, deadline: new Deadline(60, systemClock), random: () => 0, temp: folder };
    await expect(remoteArchive(new URL('x.zip', base), ports, 1024 * 1024).fetch()).rejects.toMatchObject({
      code: 'E_LIMIT',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what fails once is asked again', async () => {
    let first = true;
    handler = (request, response) => {
      if (!first) return serve()(request, response);
      first = false;
      response.writeHead(429, { 'retry-after': '0' }).end();
    };
    expect(await answer(source())).toBe('RUSTSEC-1');
  });

  test('the deadline ends a download', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('x');
    };
    expect(await answer(source(undefined, 0.3))).toBe('E_TIMEOUT');
  });
});

/** An archive whose directory announces other sizes than its members have. */
function announcing(members: number, size: number, packed: number): Buffer {
  const bytes = Buffer.from(
    zipSync(Object.fromEntries(Array.from({ length: members }, (_, i) => [`${i}.json`, Buffer.from('{}')]))),
  );
  for (
    let at = bytes.indexOf('PK\x01\x02', 0, 'latin1');
    at >= 0;
    at = bytes.indexOf('PK\x01\x02', at + 46, 'latin1')
  ) {
    bytes.writeUInt32LE(packed, at + 20);
    bytes.writeUInt32LE(size, at + 24);
  }
  return bytes;
}

describe('acceptance 12: bombs', () => {
  const limits = [
    ['10 GB in members that are each allowed', announcing(640, 16 * 1024 * 1024, 1024 * 1024)],
    ['one member of 4 GB', announcing(1, 0xfffffff0, 1024 * 1024 * 1024)],
    ['a ratio of 1,000', announcing(1, 10_000_000, 10_000)],
    ['a ratio of 1,000 in small members', announcing(2000, 60_000, 60)],
  ] as const;
  test.each(limits)('%s: refused from the directory, nothing is inflated', async (_name, bytes) => {
    const path = join(folder, 'all.zip');
    writeFileSync(path, bytes);
    let seen = 0;
    const read = readZip(path, () => {
      seen += 1;
    });
    await expect(read).rejects.toMatchObject({ code: 'E_LIMIT' });
    expect(seen).toBe(0);
  });

  test('a member that holds more than it announces is not inflated beyond that', async () => {
    const path = join(folder, 'all.zip');
    const bytes = Buffer.from(zipSync({ 'a.json': Buffer.alloc(50_000_000, 0x20) }));
    const at = bytes.indexOf('PK\x01\x02', 0, 'latin1');
    bytes.writeUInt32LE(1000, at + 24);
    writeFileSync(path, bytes);
    await expect(readZip(path, () => {})).rejects.toMatchObject({ code: 'E_DB_CORRUPT' });
  });

  test('more members than allowed', async () => {
    const path = join(folder, 'all.zip');
    writeFileSync(path, announcing(20, 2, 2));
    const few = { members: 10, memberBytes: 100, totalBytes: 1000, ratio: 200 };
    await expect(readZip(path, () => {}, few)).rejects.toMatchObject({ code: 'E_LIMIT' });
  });
});

test('a signal or the deadline is heard while an archive is read', async () => {
  const path = join(folder, 'all.zip');
  writeFileSync(path, zipOf(Array.from({ length: 2000 }, (_, i) => advisory(`PYSEC-${i}`, { name: 'a', events }))));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  await readZip(path, () => {
    for (const end = performance.now() + 0.05; performance.now() < end; );
  });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});
