/** What the stand-in tells about its series, as Prometheus does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MetricsHandle, startMetrics } from '../../../lab/metrics/server.ts';
import { Store } from '../../../lab/metrics/store.ts';

const T = 1_700_000_000;
const PAGE = '# HELP jobs_total x\n# TYPE jobs_total counter\njobs_total{code="200"} 3\n# TYPE temp gauge\ntemp 1\n';
const store = new Store();
const page = createServer((_, res) => void res.end(PAGE));
let metrics: MetricsHandle;

beforeAll(async () => {
  await new Promise<void>((done) => page.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}/metrics`;
  metrics = await startMetrics({
    targets: () => [{ url, labels: { app: 'shop' } }],
    intervalMs: 3_600_000,
    store,
    now: () => T,
  });
  await metrics.scrapeNow();
  store.append('old_total', { app: 'shop' }, T - 7200, 1);
});
afterAll(async () => {
  await metrics.close();
  await new Promise((done) => page.close(done));
});

async function get(path: string): Promise<{ status: number; data: unknown }> {
  const response = await fetch(`${metrics.url}${path}`);
  return { status: response.status, data: ((await response.json()) as { data?: unknown }).data };
}
const match = (...selectors: string[]): string => selectors.map((s) => `match[]=${encodeURIComponent(s)}`).join('&');

test('series by selectors, each once, within the time', async () => {
  const { data } = await get(`/api/v1/series?${match('{app="shop"}', 'jobs_total')}&start=${T - 60}&end=${T}`);
  expect((data as { __name__: string }[]).map((s) => s.__name__).sort()).toEqual(['jobs_total', 'temp', 'up']);
  const all = await get(`/api/v1/series?${match('old_total')}`);
  expect(all.data).toEqual([{ __name__: 'old_total', app: 'shop' }]);
  expect((await get(`/api/v1/series?${match('{app="shop"}')}&limit=1`)).data).toHaveLength(1);
  const posted = await fetch(`${metrics.url}/api/v1/series`, {
    method: 'POST',
    body: new URLSearchParams([
      ['match[]', 'temp'],
      ['match[]', 'up'],
    ]),
  });
  expect(((await posted.json()) as { data: unknown[] }).data).toHaveLength(2);
});

test('names and values of labels', async () => {
  expect((await get(`/api/v1/labels?${match('jobs_total')}`)).data).toEqual(['__name__', 'app', 'code', 'instance']);
  expect((await get('/api/v1/label/__name__/values')).data).toEqual(['jobs_total', 'old_total', 'temp', 'up']);
  expect((await get(`/api/v1/label/code/values?start=${T - 60}`)).data).toEqual(['200']);
});

test('types, as the pages say', async () => {
  expect((await get('/api/v1/metadata?metric=jobs_total')).data).toEqual({
    jobs_total: [{ type: 'counter', help: '', unit: '' }],
  });
  expect(Object.keys((await get('/api/v1/metadata')).data as object)).toEqual(['jobs_total', 'temp']);
  expect((await get('/api/v1/metadata?metric=none')).data).toEqual({});
});

test('what it cannot is refused, not guessed', async () => {
  for (const path of ['/api/v1/series', `/api/v1/series?${match('rate(x[5m])')}`, `/api/v1/labels?${match('up{')}`]) {
    expect((await get(path)).status).toBe(422);
  }
  expect((await get('/api/v1/rules')).status).toBe(404);
});
