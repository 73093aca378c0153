import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeImages } from '../../../lab/traffic/images.ts';
import { arrivalTimes, startTraffic } from '../../../lab/traffic/load.ts';
import { downtime, firstFailures, isFailure, summarize } from '../../../lab/traffic/stats.ts';

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

describe('traffic', () => {
  test('counts by code and by revision, and sends the images', async () => {
    let count = 0;
    const bodies = new Set<string>();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.add(Buffer.concat(chunks).toString('base64'));
        count++;
        response.writeHead(count % 10 === 0 ? 500 : 200, { 'X-Revision': count % 2 === 0 ? 'new' : 'old' });
        response.end('x');
      });
    });
    const url = await listen(server);
    const traffic = startTraffic({ url, rps: 200, seed: 7, maxSeconds: 0.5 });
    const stats = await traffic.done;
    await close(server);
    expect(stats).toMatchObject({
      sent: 100,
      ended: 100,
      inFlight: 0,
      failed: 10,
      dropped: 0,
      byCode: { 200: 90, 500: 10 },
      byRevision: { new: { 200: 40, 500: 10 }, old: { 200: 50 } },
    });
    expect(traffic.samples()).toHaveLength(100);
    const known = new Set(makeImages(7).map((image) => Buffer.from(image).toString('base64')));
    expect([...bodies].every((body) => known.has(body))).toBe(true);
    expect(bodies.size).toBeGreaterThan(4);
  });

  test('sends the wanted Host, which a gateway routes by', async () => {
    const hosts = new Set<string | undefined>();
    const server = createServer((request, response) => {
      hosts.add(request.headers.host);
      response.end();
    });
    const url = await listen(server);
    await startTraffic({ url, rps: 100, seed: 1, maxSeconds: 0.05, host: 'service.example.org' }).done;
    await startTraffic({ url, rps: 100, seed: 1, maxSeconds: 0.05 }).done;
    await close(server);
    expect([...hosts]).toEqual(['service.example.org', new URL(url).host]);
  });

  test('never waits for answers: a server that says nothing gets every request', async () => {
    let seen = 0;
    const server = createServer(() => {
      seen++;
    });
    const url = await listen(server);
    const traffic = startTraffic({ url, rps: 100, seed: 1, maxSeconds: 0.5, timeoutSeconds: 3 });
    const stats = await traffic.done;
    await close(server);
    expect(seen).toBe(50);
    expect(stats.byCode).toEqual({ timeout: 50 });
    expect(stats.failed).toBe(50);
  });

  test('a closed port, a broken answer and the bound on requests under way are failures', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('abc');
      setImmediate(() => response.destroy());
    });
    const url = await listen(server);
    const broken = await startTraffic({ url, rps: 50, seed: 1, maxSeconds: 0.2 }).done;
    await close(server);
    expect(broken.failed).toBe(10);
    expect(broken.byCode['200']).toBeUndefined();
    const refused = await startTraffic({ url, rps: 50, seed: 1, maxSeconds: 0.2 }).done;
    expect(refused.byCode).toEqual({ ECONNREFUSED: 10 });
    const silent = createServer(() => {});
    const other = {
      url: await listen(silent),
      rps: 100,
      seed: 1,
      maxSeconds: 0.2,
      timeoutSeconds: 3,
      maxInFlight: 5,
    };
    const bounded = await startTraffic(other).done;
    await close(silent);
    expect(bounded).toMatchObject({ sent: 20, dropped: 15, failed: 20 });
  });

  test('stop sends no more, waits for what is under way, and may be called twice', async () => {
    const server = createServer((_request, response) => {
      setTimeout(() => response.end('late'), 150);
    });
    const url = await listen(server);
    const traffic = startTraffic({ url, rps: 50, seed: 3, maxSeconds: 60 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const first = await traffic.stop();
    expect(first.inFlight).toBe(0);
    expect(first.byCode['200']).toBe(first.sent);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await traffic.stop()).sent).toBe(first.sent);
    await close(server);
  });

  test.each([
    ['another machine', { url: 'http://example.org' }],
    ['https', { url: 'https://127.0.0.1:1' }],
    ['no URL', { url: '::' }],
    ['a path that leaves the host', { url: 'http://127.0.0.1:1', path: '//example.org/x' }],
    ['a host that only begins like loopback', { url: 'http://127.0.0.1.example.org' }],
    ['rate 0', { rps: 0 }],
    ['rate NaN', { rps: Number.NaN }],
    ['too fast', { rps: 1001 }],
    ['no end', { maxSeconds: Number.POSITIVE_INFINITY }],
    ['no image', { images: [] }],
  ])('refuses %s before a request is sent', (_what, wrong) => {
    const options = { url: 'http://127.0.0.1:9', rps: 10, seed: 1, maxSeconds: 1, ...wrong };
    expect(() => startTraffic(options)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });

  test('arrival times are fixed by the seed, one in each slot', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer(),
        (rps, seconds, seed) => {
          const times = arrivalTimes(rps, seconds, seed);
          expect(times).toHaveLength(rps * seconds);
          expect(arrivalTimes(rps, seconds, seed)).toEqual(times);
          // In units of slots; the small slack is for rounding of the division.
          const inSlot = (time: number, slot: number): boolean => {
            const at = (time * rps) / 1000;
            return at >= slot - 1e-6 && at < slot + 1 + 1e-6;
          };
          expect(times.every(inSlot)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('images', () => {
  test('same seed, same bytes; other seed, other bytes', () => {
    expect(makeImages(5)).toEqual(makeImages(5));
    expect(makeImages(5)).not.toEqual(makeImages(6));
  });

  test('are PNGs whose data has the size their head names', () => {
    for (const image of makeImages(1, 12)) {
      const png = Buffer.from(image);
      expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
      const [width, height, channels] = [
        png.readUInt32BE(16),
        png.readUInt32BE(20),
        [1, 0, 3, 0, 0, 0, 4][png[25] ?? 1] ?? 0,
      ];
      const length = png.readUInt32BE(33);
      expect(inflateSync(png.subarray(41, 41 + length))).toHaveLength(height * (width * channels + 1));
    }
  });
});

describe('stats', () => {
  test('percentiles are values that were seen, and failures have none', () => {
    const samples = Array.from({ length: 100 }, (_, index) => ({ at: 0, ms: 100 - index, code: '200', revision: 'a' }));
    const failed = { at: 0, ms: 9999, code: 'timeout', revision: '' };
    const stats = summarize([...samples, failed], { sent: 101, inFlight: 0, behind: 0 });
    expect(stats.latency).toEqual({ p50: 50, p90: 90, p99: 99, max: 100 });
    expect(summarize([], { sent: 0, inFlight: 0, behind: 0 }).latency).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
  });

  test('downtime counts failed requests and the seconds that held one', () => {
    const sample = (at: number, code: string) => ({ at, ms: 1, code, revision: '' });
    const samples = [sample(900, '200'), sample(1000, '503'), sample(1999, '502'), sample(5000, 'timeout')];
    expect(downtime(samples)).toEqual({ failed: 3, byCode: { '502': 1, '503': 1, timeout: 1 }, seconds: 2 });
    expect(downtime(samples.slice(0, 1))).toEqual({ failed: 0, byCode: {}, seconds: 0 });
  });

  test('the first failures are told with their moment and what was answered', () => {
    const failed = { at: 3500, ms: 12.4, code: '503', revision: '', why: 'no ready pod behind app' };
    const samples = [{ at: 1, ms: 1, code: '200', revision: 'a' }, failed, { ...failed, why: '', code: 'timeout' }];
    expect(firstFailures(samples, 1000)).toEqual([
      '503 at 2.5 s, after 12 ms: no ready pod behind app',
      'timeout at 2.5 s, after 12 ms',
    ]);
    expect(firstFailures(samples, 1000, 1)).toHaveLength(1);
  });

  test.each([
    ['200', false],
    ['404', false],
    ['429', false],
    ['500', true],
    ['503', true],
    ['timeout', true],
    ['ECONNRESET', true],
    ['dropped', true],
  ])('code %s failed: %s', (code, failure) => {
    expect(isFailure(code)).toBe(failure);
  });
});
