/** From namespace and app alone: the rules are found, written down, and judged by. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type MetricsHandle, startMetrics } from '../../lab/metrics/server.ts';
import { Store } from '../../lab/metrics/store.ts';
import { openHttp } from '../../src/http/index.ts';
import { memoryLog } from '../../src/runner/index.ts';
import { formatMatcher } from '../../src/verify-canary/collect/selector.ts';
import { parseCanaryInputs } from '../../src/verify-canary/inputs.ts';
import { findRules } from '../../src/verify-canary/zero-config.ts';
import { ERRORS, steppingClock, T } from './support/world.ts';

let folder: string;
let prom: MetricsHandle;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'canary-zero-'));
  const store = new Store();
  prom = await startMetrics({ targets: () => [], intervalMs: 3_600_000, store, now: () => T });
  for (const track of ['stable', 'canary']) {
    const labels = { namespace: 'prod', app: 'shop', track, pod: `shop-${track}-1` };
    for (let at = T - 600; at <= T; at += 15) {
      store.append('http_requests_total', { ...labels, status: '200' }, at, (at - T + 600) * 40);
      store.append('http_requests_total', { ...labels, status: '503' }, at, Math.floor((at - T + 600) / 10));
    }
  }
});
afterEach(async () => {
  await prom.close();
  rmSync(folder, { recursive: true });
});

async function find(inputs: Record<string, string> = {}) {
  const all = { 'prometheus-url': prom.url, 'expected-weight': '20', app: 'shop', namespace: 'prod', ...inputs };
  const env = Object.fromEntries(Object.entries(all).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value]));
  const log = memoryLog();
  const ports = { clock: steppingClock(T), openHttp, log, signal: new AbortController().signal };
  const found = await findRules(parseCanaryInputs(env), folder, folder, ports);
  const { source } = found.inputs;
  if (source.kind !== 'prometheus') throw new Error('no Prometheus');
  const arms = [source.stable, source.canary].map((matchers) => matchers.map(formatMatcher).join(','));
  return { ...found, arms, log };
}

test('rules and versions; the rules are written beside the reports, and said in the log', async () => {
  const { config, arms, log } = await find();
  expect(config.judge.metrics.map((m) => m.name)).toContain('errors');
  expect(arms[0]).toContain('track="stable"');
  expect(arms[1]).toContain('track="canary"');
  const written = readFileSync(join(folder, 'canary.yaml'), 'utf8');
  expect(written).toContain('version: 1');
  expect(log.lines.join('\n')).toContain('version: 1');
});

test('a rules file that is there is used; the versions are found', async () => {
  writeFileSync(join(folder, '.canary.yaml'), `version: 1\nmetrics: [${ERRORS.replace('errors', 'mine')}]\n`);
  const { config, arms } = await find();
  expect(config.judge.metrics.map((m) => m.name)).toEqual(['mine']);
  expect(arms[1]).toContain('track="canary"');
});

test('versions that are given stay', async () => {
  const own = { 'stable-selector': 'app="shop",track="stable"', 'canary-selector': 'app="shop",track="canary"' };
  const { arms, config } = await find(own);
  expect(arms).toEqual(Object.values(own));
  expect(config.judge.metrics.length).toBeGreaterThan(0);
});

describe('what is refused', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['nothing there', { app: 'shup' }, 'E_DISCOVERY', 'shup'],
    ['no app', { app: '' }, 'E_INPUT', 'needs the name of the application'],
    ['no namespace', { namespace: 'a b' }, 'E_INPUT', 'no name of a namespace'],
    [
      'neither file nor namespace',
      { namespace: '', 'stable-selector': 'a="1"', 'canary-selector': 'a="2"' },
      'E_CONFIG_MISSING',
      'no such file',
    ],
    ['half of the versions', { 'stable-selector': 'a="1"' }, 'E_SELECTOR_INVALID', 'canary-selector'],
  ])('%s', async (_name, inputs, code, said) => {
    const error = await find(inputs).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringContaining(said) });
  });
});
