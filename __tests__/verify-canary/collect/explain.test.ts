import { expect, test } from '@jest/globals';
import { explain } from '../../../src/verify-canary/collect/explain.ts';
import { createJudge, parseLine, type TraceLine } from '../../../src/verify-canary/core/index.ts';
import { CPU, ERRORS, LATENCY, rules } from '../support/world.ts';

const config = rules([ERRORS, LATENCY, CPU]);

const lines: TraceLine[] = [0, 15, 30].map((start) =>
  parseLine(
    JSON.stringify({
      v: 1,
      step: '20',
      weight: 20,
      start,
      end: start + 15,
      metrics: {
        errors: { stable: { n: 800, e: 1 }, canary: start === 30 ? null : { n: 200, e: 0 } },
        latency: {
          stable: { n: 800, le: { '0.25': 700, '0.5': 790 } },
          canary: { n: 200, le: { '0.25': 175, '0.5': 150 } },
        },
        cpu: { stable: { n: 800, x: 3, pods: 2 }, canary: { n: 200, x: 1, pods: 1 } },
      },
      pods: {
        stable: { [`s-${start}`]: { errors: { n: 800, e: 1 } }, 's-9': { latency: { n: 1, e: 0 } } },
        canary: { 'c-1': { errors: { n: 200, e: 0 }, latency: { n: 200, e: 50 } } },
      },
    }).replace('"0.25":175,"0.5":150', '"0.25":150,"0.5":150'),
  ),
);
const gap: TraceLine = { v: 1, step: '20', weight: 20, start: 45, end: 60, gap: 'partial' };

test('series, pods and the bound that decided, by metric, from the lines alone', () => {
  const judge = createJudge(config.judge);
  for (const line of [...lines, gap]) judge.observe(line);
  expect(explain(config, [...lines, gap], judge.verdict())).toEqual([
    {
      name: 'errors',
      series: ['http_requests_total{code=~"5.."}', 'http_requests_total'],
      pods: { stable: ['s-0', 's-15', 's-30'], canary: ['c-1'] },
      bound: null,
      lines: { used: 2, without: 1 },
    },
    {
      name: 'latency',
      series: ['http_request_duration_seconds_bucket'],
      pods: { stable: ['s-9'], canary: ['c-1'] },
      bound: 0.5,
      lines: { used: 3, without: 0 },
    },
    {
      name: 'cpu',
      series: ['process_cpu_seconds_total', 'http_requests_total'],
      pods: { stable: 2, canary: 1 },
      bound: null,
      lines: { used: 3, without: 0 },
    },
  ]);
});

test('without any line', () => {
  const [errors] = explain(config, [], createJudge(config.judge).verdict());
  expect(errors).toMatchObject({ pods: { stable: null, canary: null }, bound: null, lines: { used: 0, without: 0 } });
});
