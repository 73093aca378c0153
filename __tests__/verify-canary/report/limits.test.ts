/** T43: many metrics and many intervals stay within what GitHub and a browser take. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { capAnnotations, memoryLog } from '../../../src/runner/index.ts';
import type { CanaryConfig } from '../../../src/verify-canary/config.ts';
import type { Interval, Verdict } from '../../../src/verify-canary/core/index.ts';
import { type ReportFacts, shades, thin } from '../../../src/verify-canary/report/facts.ts';
import { htmlReport } from '../../../src/verify-canary/report/html.ts';
import { evidenceChart } from '../../../src/verify-canary/report/mermaid.ts';
import { summaryMarkdown } from '../../../src/verify-canary/report/summary.ts';
import type { Moment } from '../../../src/verify-canary/session.ts';
import { type Judged, judged } from '../support/facts.ts';
import { random } from '../support/pod.ts';
import { rules } from '../support/world.ts';

const BOUNDS = Array.from({ length: 16 }, (_, i) => (i + 1) / 16);
const NAMES = Array.from({ length: 32 }, (_, i) => `metric-${i}-${'x'.repeat(20)}`.slice(0, 32));

function wide(): CanaryConfig {
  const metrics = NAMES.map((name, i) =>
    i % 4 !== 0
      ? `{name: ${name}, kind: ratio, events: e_total, total: r_total, slo: 0.01}`
      : `{name: ${name}, kind: latency, histogram: d_seconds, le: [${BOUNDS.join(', ')}]}`,
  );
  return rules(metrics, ['steps: [{weight: 5, max: 24h}]']);
}

function line(i: number, next: () => number): Interval {
  const [n0, n1] = [900 + Math.floor(next() * 200), 40 + Math.floor(next() * 20)];
  const le = (n: number) => Object.fromEntries(BOUNDS.map((b) => [String(b), Math.floor(n * Math.min(1, 0.5 + b))]));
  const metrics = Object.fromEntries(
    NAMES.map((name, k) => [
      name,
      k % 4 !== 0
        ? { stable: { n: n0, e: Math.floor(next() * 5) }, canary: { n: n1, e: Math.floor(next() * 1.2) } }
        : { stable: { n: n0, le: le(n0) }, canary: { n: n1, le: le(n1) } },
    ]),
  );
  const common = { v: 1, step: '5', weight: 5, start: i * 15, end: i * 15 + 15 } as const;
  return i % 3 === 0 ? { ...common, gap: 'query-error' } : { ...common, traffic: { stable: n0, canary: n1 }, metrics };
}

const JUDGED = 20;
const TIMES = 50;

let big: Judged;
let html = '';
let summary = '';
let facts: ReportFacts;
beforeAll(() => {
  const next = random(5);
  const culprits = (v: Verdict): Verdict => ({ ...v, culprits: [...NAMES] });
  big = judged(
    wide(),
    Array.from({ length: JUDGED }, (_, i) => line(i, next)),
    culprits,
  );
  // What was judged, again and again: the reports look at every moment, whoever judged it.
  const moments = Array.from({ length: JUDGED * TIMES }, (_, i): Moment => {
    const moment = big.facts.moments[i % JUDGED];
    if (moment === undefined) throw new Error('no moment');
    return { ...moment, line: { ...moment.line, start: i * 15, end: i * 15 + 15 }, logE: moment.logE * next() };
  });
  facts = { ...big.facts, moments };
  [html, summary] = [htmlReport(facts), summaryMarkdown(facts)];
});

describe('T43 32 metrics, some with 16 bounds, 1,000 intervals', () => {
  test('the report is at most 200 kB', () => {
    expect(facts.moments).toHaveLength(1000);
    expect(html.match(/<svg/g)).toHaveLength(5);
    expect(Buffer.byteLength(html)).toBeLessThanOrEqual(200_000);
  });

  test('the summary is within its budget, and its chart within 60 points', () => {
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(900 * 1024);
    expect(summary.match(/```mermaid/g)).toHaveLength(1);
    const chart = evidenceChart(facts);
    const lines = [...chart.matchAll(/line \[(.*)\]/g)].map((m) => (m[1] ?? '').split(', ').map(Number));
    expect(lines.map((l) => l.length)).toEqual([60, 60]);
    expect(lines.flat().every((v) => v >= -2 && v <= 3)).toBe(true);
  });

  test('annotations: ten a level, and the last says how many more', () => {
    expect(big.annotations).toHaveLength(32);
    const log = memoryLog();
    log.annotate(big.annotations);
    expect(log.annotations).toHaveLength(10);
    expect(log.annotations.at(-1)?.message).toContain('23 more warnings');
    expect(capAnnotations(big.annotations)[0]?.message).toContain(NAMES[0]);
    expect(big.annotations.every((a) => a.message.length <= 4096)).toBe(true);
  });

  test('outputs are below 1 MB together', () => {
    const bytes = Object.values(big.outputs).reduce<number>((sum, v) => sum + Buffer.byteLength(String(v)), 0);
    expect(bytes).toBeLessThan(1_000_000);
  });
});

test('thinning keeps the first and the last', () => {
  const items = Array.from({ length: 1000 }, (_, i) => i);
  const few = thin(items, 60);
  expect([few.length, few[0], few.at(-1)]).toEqual([60, 0, 999]);
  expect(few.every((v, i) => i === 0 || v > (few[i - 1] ?? 0))).toBe(true);
  expect(thin([1, 2], 60)).toEqual([1, 2]);
});

test('stretches without data and in warm-up are shaded once each', () => {
  const config = rules(undefined, ['warmup: 1m']);
  const at = (i: number, more: Partial<Interval> = {}): Interval => ({
    v: 1,
    step: '5',
    weight: 5,
    start: i * 30,
    end: i * 30 + 30,
    metrics: { errors: { stable: { n: 10, e: 0 }, canary: { n: 1, e: 0 } } },
    ...more,
  });
  const gap = { gap: 'partial' } as const;
  const few = judged(config, [at(0), at(1), at(2), at(3, gap), at(4, gap), at(5)]);
  expect(shades(few.facts)).toEqual([
    { from: 0, to: 1, kind: 'warm' },
    { from: 1.5, to: 2.5, kind: 'gap' },
  ]);
});
