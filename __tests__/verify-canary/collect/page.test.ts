/** One metrics page over real HTTP on loopback. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Http, openHttp } from '../../../src/http/index.ts';
import { PageError, readPage } from '../../../src/verify-canary/collect/page.ts';

let answer: RequestListener = () => {};
let server: Server;
let http: Http;
beforeAll(async () => {
  server = createServer((req, res) => answer(req, res));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  http = openHttp();
});
afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const read = (first = false, timeout = 5, signal = new AbortController().signal, path = '/metrics') =>
  readPage(
    http,
    new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`),
    new Set(['a_total']),
    timeout,
    first,
    signal,
  );

const says =
  (body: string | Uint8Array, headers: Record<string, string> = {}, status = 200): RequestListener =>
  (_, res) =>
    void res.writeHead(status, { 'content-type': 'text/plain; version=0.0.4', ...headers }).end(body);

const PAGE = 'a_total{x="1"} 3\nb_total 9\n';
const OPEN = { 'content-type': 'application/openmetrics-text; version=1.0.0' };
const HUGE = 'a'.repeat(17 * 1024 * 1024);

test('asks for OpenMetrics first, and gzip', async () => {
  let headers: NodeJS.Dict<string | string[]> = {};
  answer = (req, res) => {
    headers = req.headers;
    says(PAGE)(req, res);
  };
  const page = await read();
  expect(page.samples).toMatchObject([{ name: 'a_total', value: 3 }]);
  expect([headers.accept, headers['accept-encoding']]).toEqual([
    'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5',
    'gzip',
  ]);
});

test('unpacks gzip', async () => {
  answer = says(gzipSync(PAGE), { 'content-encoding': 'gzip' });
  expect((await read()).samples).toHaveLength(1);
});

describe('a page that cannot be used this time is no page', () => {
  test.each<[string, RequestListener, string]>([
    ['500', says('', {}, 500), 'answered 500'],
    ['429', says('', {}, 429), 'answered 429'],
    ['T37 OpenMetrics without # EOF', says(PAGE, OPEN), '# EOF is missing'],
    ['a series twice', says('a_total 1\na_total 2\n'), 'stands there twice'],
    ['broken gzip', says('no gzip', { 'content-encoding': 'gzip' }), 'broken gzip'],
    ['another encoding', says(PAGE, { 'content-encoding': 'br' }), 'in the encoding br'],
    [
      'a cut body',
      (_, res) => void res.writeHead(200, { 'content-length': '100' }).write('a_total', () => res.destroy()),
      '',
    ],
    ['17 MB', says(HUGE), 'larger than'],
    ['17 MB once unpacked', says(gzipSync(HUGE), { 'content-encoding': 'gzip' }), 'larger than'],
  ])('%s', async (_, listener, why) => {
    answer = listener;
    const error = await read().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PageError);
    expect((error as Error).message).toContain(why);
  });

  test('none in time', async () => {
    answer = () => {};
    await expect(read(false, 0.05)).rejects.toBeInstanceOf(PageError);
  });
});

describe('what a person must mend is red', () => {
  test.each<[string, RequestListener, string]>([
    ['401', says('', {}, 401), 'E_PERMISSION_MISSING'],
    ['403', says('', {}, 403), 'E_PERMISSION_MISSING'],
    ['a redirect', says('', { location: 'http://127.0.0.1:1/' }, 302), 'E_REDIRECT'],
    ['17 MB the first time', says(HUGE), 'E_RESPONSE_TOO_LARGE'],
    [
      '17 MB once unpacked, the first time',
      says(gzipSync(HUGE), { 'content-encoding': 'gzip' }),
      'E_RESPONSE_TOO_LARGE',
    ],
  ])('%s', async (_, listener, code) => {
    answer = listener;
    await expect(read(true)).rejects.toMatchObject({ name: 'ActionError', code });
  });

  test('messages name the host and never the query', async () => {
    answer = says('', {}, 401);
    const error = await read(true, 5, undefined, '/metrics?key=hidden').catch((e: unknown) => e as Error);
    expect((error as Error).message).toContain('127.0.0.1');
    expect((error as Error).message).not.toContain('hidden');
  });
});

test('a cancelled run is no fault of the page', async () => {
  const controller = new AbortController();
  answer = () => controller.abort(new Error('stopped'));
  await expect(read(false, 5, controller.signal)).rejects.toThrow('stopped');
});

test('the names of a page', async () => {
  answer = says('# HELP a x\na{x="1"} 1\na 2\nb_total\t3\n{"c"} 1\n<p>\n');
  expect([...(await read()).names]).toEqual(['a', 'b_total']);
});

test('a page that comes in pieces, cut within a line and within a letter', async () => {
  const bytes = Buffer.from('a_total{x="ü"} 3\r\nb_total 9\na_total{x="é"} 4');
  answer = async (_, res) => {
    res.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    for (const byte of bytes) await new Promise<void>((done) => res.write(Buffer.of(byte), () => done()));
    res.end();
  };
  expect((await read()).samples.map(({ labels, value }) => [labels.x, value])).toEqual([
    ['ü', 3],
    ['é', 4],
  ]);
});

test('a gzip stream that ends too soon is no page', async () => {
  const packed = gzipSync(PAGE);
  answer = says(packed.subarray(0, packed.length - 4), { 'content-encoding': 'gzip' });
  await expect(read()).rejects.toThrow('broken gzip');
});
