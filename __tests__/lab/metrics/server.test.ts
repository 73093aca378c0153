import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type MetricsHandle, startMetrics, type Target } from '../../../lab/metrics/server.ts';

let page = '';
let targets: Target[] = [];
let metrics: MetricsHandle;
const pod = createServer((_, res) => {
  if (page === '') return void res.writeHead(500).end();
  res.end(page);
});

beforeAll(async () => {
  await new Promise<void>((done) => pod.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(pod.address() as AddressInfo).port}/metrics`;
  targets = [{ url, labels: { app: 'shop', track: 'stable', pod: 'shop-1' } }];
  metrics = await startMetrics({ targets: () => targets, intervalMs: 3_600_000 });
});

afterAll(async () => {
  await metrics.close();
  await new Promise((done) => pod.close(done));
});

async function query(text: string, more: Record<string, string> = {}): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${metrics.url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: text, ...more }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

interface Answer {
  status: string;
  error?: string;
  data: {
    resultType: string;
    result: { metric: Record<string, string>; value: [number, string]; values: [number, string][] }[];
  };
}

describe('metrics stand-in', () => {
  test('answers selectors with the labels of the target, and raw samples for a range', async () => {
    page = 'http_requests_total{code="200"} 5\nhttp_requests_total{code="503"} 1\n';
    await metrics.scrapeNow();
    page = 'http_requests_total{code="200"} 9\nhttp_requests_total{code="503"} 1\n';
    await metrics.scrapeNow();
    const vector = await query('http_requests_total{track="stable",code=~"5.."}');
    expect(vector.body.data.resultType).toBe('vector');
    expect(vector.body.data.result[0]?.metric).toEqual({
      __name__: 'http_requests_total',
      code: '503',
      app: 'shop',
      track: 'stable',
      pod: 'shop-1',
      instance: expect.any(String),
    });
    const matrix = await query('http_requests_total{code!~"5.."}[5m]');
    expect(matrix.body.data.resultType).toBe('matrix');
    expect(matrix.body.data.result[0]?.values.map((v) => v[1])).toEqual(['5', '9']);
    expect((await query('up')).body.data.result[0]?.value[1]).toBe('1');
  });

  test('knows time() and vector(n), GET as well as POST', async () => {
    const answer = await query('time()', { time: '1700000000.5' });
    expect(answer.body.data).toEqual({ resultType: 'scalar', result: [1700000000.5, '1700000000.5'] });
    const got = await fetch(`${metrics.url}/api/v1/query?query=vector(3)&time=7`);
    expect(((await got.json()) as Answer).data.result[0]?.value).toEqual([7, '3']);
  });

  test('gives a series over steps for query_range', async () => {
    const now = Date.now() / 1000;
    const parameters = new URLSearchParams({ query: 'up', start: String(now - 10), end: String(now + 1), step: '1' });
    const answer = (await (await fetch(`${metrics.url}/api/v1/query_range?${parameters}`)).json()) as Answer;
    expect(answer.data.resultType).toBe('matrix');
    expect(answer.data.result[0]?.values.at(-1)?.[1]).toBe('1');
  });

  test.each([
    ['rate(http_requests_total[5m])', 'rate()'],
    ['sum by (code) (up)', 'sum()'],
    ['up + 1', '+ 1'],
    ['up offset 5m', 'offset 5m'],
    ['up[5m:1m]', 'subquery'],
    ['up[five]', 'duration'],
    ['up{', 'parse error'],
    ['{track=""}', 'name a metric'],
  ])('refuses %s by name', async (text, named) => {
    const answer = await query(text);
    expect(answer.status).toBe(422);
    expect(answer.body.error).toContain(named);
  });

  test('a target that fails is down and its series are stale at once', async () => {
    page = '';
    await metrics.scrapeNow();
    expect((await query('up')).body.data.result[0]?.value[1]).toBe('0');
    expect((await query('http_requests_total')).body.data.result).toEqual([]);
    expect((await query('http_requests_total[5m]')).body.data.result).toHaveLength(2);
  });

  test('a target that is gone leaves no current series', async () => {
    page = 'a_total 1\n';
    await metrics.scrapeNow();
    expect((await query('a_total')).body.data.result).toHaveLength(1);
    targets = [];
    await new Promise((done) => setTimeout(done, 5));
    await metrics.scrapeNow();
    expect((await query('a_total')).body.data.result).toEqual([]);
  });
});
