import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HttpError, openHttp } from '../../src/http/index.ts';

let server: Server;
let base: string;
const http = openHttp();

beforeAll(async () => {
  server = createServer((req, res) => {
    const path = req.url ?? '/';
    if (path === '/redirect') return res.writeHead(302, { location: '/elsewhere' }).end();
    if (path === '/challenge')
      return res.writeHead(401, { 'www-authenticate': ['Basic realm="a"', 'Bearer realm="b"'] }).end();
    if (path === '/cut') {
      res.writeHead(200, { 'content-length': '100' });
      res.write('half');
      return setTimeout(() => res.destroy(), 20);
    }
    if (path === '/slow') return setTimeout(() => res.end('late'), 2000).unref();
    if (path === '/html') return res.end('<html>');
    if (path === '/big') return res.end('x'.repeat(2000));
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    return req.on('end', () =>
      res.end(JSON.stringify({ method: req.method, path, body: Buffer.concat(parts).toString() })),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  server.close();
});

const get = (
  path: string,
  extra: object = {},
): Promise<{
  status: number;
  headers: Headers;
  text(max: number): Promise<string>;
  json(max: number): Promise<unknown>;
}> => http.send({ method: 'GET', url: new URL(path, base), ...extra });

describe('send', () => {
  test('sends method, path, query and a streamed body', async () => {
    const answer = await http.send({
      method: 'PUT',
      url: new URL('/a?b=%20c', base),
      body: Readable.from([Buffer.from('x'), Buffer.from('y')]),
    });
    expect(await answer.json(1000)).toEqual({ method: 'PUT', path: '/a?b=%20c', body: 'xy' });
  });
  test('hands a redirect on as an answer', async () => {
    const answer = await get('/redirect');
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/elsewhere']);
  });
  test('keeps several challenge headers', async () => {
    expect((await get('/challenge')).headers.get('www-authenticate')).toBe('Basic realm="a", Bearer realm="b"');
  });
  test.each([
    ['/cut', 'reset'],
    ['/big', 'too-large'],
  ])('%s rejects with %s', async (path, kind) => {
    const answer = await get(path);
    await expect(answer.text(1000)).rejects.toMatchObject({ kind });
  });
  test('a body that is not JSON is bad-body', async () => {
    await expect((await get('/html')).json(1000)).rejects.toMatchObject({ kind: 'bad-body' });
  });
  test('slow headers are a timeout, a closed port is connect, an abort is aborted', async () => {
    await expect(get('/slow', { timeouts: { headers: 100 } })).rejects.toMatchObject({ kind: 'timeout' });
    await expect(http.send({ method: 'GET', url: new URL('http://127.0.0.1:1/') })).rejects.toMatchObject({
      kind: 'connect',
      transient: true,
    });
    await expect(get('/slow', { signal: AbortSignal.timeout(50) })).rejects.toBeInstanceOf(HttpError);
  });
  test.each([
    'http://example.org/',
    'https://user:pass@example.org/',
    'http://169.254.169.254/latest',
    'https://[fe80::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://0.0.0.0/',
    'ftp://127.0.0.1/',
  ])('refuses %s before anything is sent', async (url) => {
    await expect(http.send({ method: 'GET', url: new URL(url) })).rejects.toMatchObject({ kind: 'policy' });
  });
});
