import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
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
  headers: Pick<Headers, 'get'>;
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

describe('after a HEAD', () => {
  /** A server that answers as told, on as many connections as it is asked for. */
  async function raw(answer: (method: string) => string, use: (url: URL, opened: () => number) => Promise<void>) {
    let opened = 0;
    const server = createTcpServer((socket) => {
      opened += 1;
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(answer(data.toString().split(' ')[0] ?? '')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), () => opened);
    } finally {
      server.close();
    }
  }

  test('the connection is used again: the next request costs no handshake', async () => {
    await raw(
      () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      async (url, opened) => {
        for (let n = 0; n < 20; n += 1) await (await http.send({ method: 'HEAD', url })).discard();
        // One connection each, if it were closed after every HEAD.
        expect(opened()).toBeLessThan(10);
      },
    );
  });

  test('a server that sends a body to it spoils no answer: the next request is right, or may be repeated', async () => {
    await raw(
      (method) => `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${method === 'HEAD' ? 'rogue' : 'right'}`,
      async (url) => {
        await (await http.send({ method: 'HEAD', url })).discard();
        for (let tries = 0; tries < 3; tries += 1) {
          try {
            expect(await (await http.send({ method: 'GET', url })).text(100)).toBe('right');
            return;
          } catch (error) {
            expect(error).toMatchObject({ transient: true });
          }
        }
        throw new Error('never answered right');
      },
    );
  });
});
