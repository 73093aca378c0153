/** What the summary and the report show, and that they can do no harm. */
import { describe, expect, test } from '@jest/globals';
import type { Interval, Verdict } from '../../../src/verify-canary/core/index.ts';
import { evidenceChart } from '../../../src/verify-canary/report/mermaid.ts';
import { forestChart, lineChart } from '../../../src/verify-canary/report/svg.ts';
import { G1, G2 } from '../support/action.ts';
import { judged } from '../support/facts.ts';
import { CPU, ERRORS, LATENCY, rules } from '../support/world.ts';

const HOSTILE = '"\'`|<script>alert(1)</script>\n::error::x & ]]> --> ${{ x }}';

/** Every kind of metric, a gap, a step of its own weight. */
function full(i: number): Interval {
  const common = { v: 1, step: i < 4 ? '5' : '10', weight: i < 4 ? 5 : 10, start: i * 60, end: i * 60 + 60 } as const;
  if (i === 2) return { ...common, gap: 'scrape-error' };
  return {
    ...common,
    traffic: { stable: 1900, canary: i < 4 ? 100 : 200 },
    metrics: {
      errors: { stable: { n: 1900, e: 10 }, canary: { n: 100, e: 1 } },
      latency: {
        stable: { n: 1900, le: { '0.25': 1800, '0.5': 1890 } },
        canary: { n: 100, le: { '0.25': 95, '0.5': 99 } },
      },
      cpu: { stable: { n: 1900, x: 8, pods: 2 }, canary: { n: 100, x: 0.5, pods: 1 } },
    },
  };
}
const config = rules([ERRORS, LATENCY, CPU], ['steps: [{weight: 5, max: 1h}, {weight: 10, max: 1h}]']);
const all = judged(
  config,
  Array.from({ length: 8 }, (_, i) => full(i)),
);

describe('report.html', () => {
  test('one file: no script, nothing from outside, and a policy that says so', () => {
    expect(all.html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(all.html).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=|https?:/i);
    expect(all.html).toContain('prefers-color-scheme:dark');
    expect(all.html).toContain('@media print');
  });

  test('all five charts with title, description and a table under each', () => {
    const sections = all.html.split('<section>').filter((part) => part.includes('<svg'));
    expect(sections.map((part) => /<h2>(.*?)<\/h2>/.exec(part)?.[1])).toEqual([
      'Evidence that the canary is worse',
      'Evidence for a pass',
      'Traffic share of the canary',
      'Event rate: errors',
      'Rate ratios',
    ]);
    for (const part of sections) {
      expect(part).toMatch(/<svg [^>]*role="img"><title>.+<\/title><desc>.+<\/desc>/);
      expect(part).toContain('<details><summary>Values</summary>');
    }
    expect(sections[0]).toContain('class="shade gap"');
    expect(sections[2]).toContain('class="band"');
  });

  test('every tag that opens closes', () => {
    const open: string[] = [];
    const voids = new Set(['meta', 'br', '!doctype']);
    for (const [, close, name = '', self] of all.html.matchAll(/<(\/?)([!a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (voids.has(name) || self === '/') continue;
      if (close === '/') expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  test('the same facts give the same bytes', () => {
    const again = judged(
      config,
      Array.from({ length: 8 }, (_, i) => full(i)),
    );
    expect([again.html, again.summary, again.json]).toEqual([all.html, all.summary, all.json]);
    expect(all.html).not.toContain('NaN');
    expect(all.summary).not.toContain('NaN');
  });

  test('without one interval there is a report without charts', () => {
    const none = judged(config, []);
    expect(none.html).not.toContain('<svg');
    expect(none.html).toContain('no-data');
    expect(none.summary).not.toContain('mermaid');
  });
});

describe('T35 hostile text is inert', () => {
  const change = (v: Verdict): Verdict => ({
    ...v,
    app: HOSTILE,
    revision: HOSTILE,
    image: HOSTILE,
    step: HOSTILE,
    steps: v.steps.map((s) => ({ ...s, step: HOSTILE })),
    metrics: v.metrics.map((m) => ({ ...m, name: HOSTILE })),
  });
  const evil = judged(
    config,
    Array.from({ length: 8 }, (_, i) => full(i)),
    change,
  );

  test('in the report', () => {
    expect(evil.html).not.toContain('<script');
    expect(evil.html).toContain('&lt;script&gt;');
    expect(evil.html.match(/<tr>/g)?.length).toBe(all.html.match(/<tr>/g)?.length);
  });

  test('in the summary: tables keep their columns, no line begins a command', () => {
    const rows = evil.summary.split('\n').filter((row) => row.startsWith('|'));
    const columns = rows.map((row) => row.replaceAll('\\|', '').split('|').length - 2);
    expect(new Set(columns)).toEqual(new Set([7, 4]));
    expect(evil.summary).not.toMatch(/^\s*::/m);
    expect(evil.summary.match(/^```/gm)).toHaveLength(2);
  });

  test('in a chart', () => {
    const svg = lineChart({
      title: HOSTILE,
      description: HOSTILE,
      unit: HOSTILE,
      series: [{ name: HOSTILE, points: [] }],
      shades: [],
    });
    expect(svg).not.toContain('<script');
    expect(forestChart(HOSTILE, HOSTILE, [{ name: HOSTILE, ratio: 1, low: 0.5, high: 2 }])).not.toContain('<script');
  });
});

describe('the summary', () => {
  test('says verdict, numbers, and how to replay', () => {
    const { summary } = judged(rules(), G1);
    expect(summary).toMatch(/^### verify-canary: fail\n\nFAIL after 6 min/);
    expect(summary).toContain('| `errors` | 0.54 % of 4100 | 1.9 % of 1900 | 3.74 (1.42-10.7) |');
    expect(summary).toMatch(
      /_The first line is the evidence .* now 2\.2; at the second line, 2\.0, it fails\._\n\n```mermaid/,
    );
    expect(summary).toContain('run this action with `replay: trace.jsonl`');
  });

  test('the steps of the rollout in their order', () => {
    const table = all.summary.split('\n').filter((row) => /^\| `\d+` \|/.test(row));
    expect(table).toEqual([expect.stringContaining('| `5` | 5 % |'), expect.stringContaining('| `10` | 10 % |')]);
  });

  test('the chart has a numeric axis of minutes, the evidence and its limit', () => {
    const chart = evidenceChart(judged(rules(), G1).facts).split('\n');
    expect(chart[0]).toBe('xychart-beta');
    expect(chart[2]).toBe('  x-axis "minutes" 1 --> 6');
    expect(chart[3]).toBe('  y-axis "log10 E" -2 --> 3');
    expect(chart[4]).toMatch(/^ {2}line \[(-?\d+(\.\d+)?(, )?){6}\]$/);
    expect(chart[5]).toBe('  line [2, 2, 2, 2, 2, 2]');
    expect(evidenceChart(judged(rules(), G2.slice(0, 1)).facts)).toBe('');
  });
});

test('charts: holes lift the pen, values outside stay inside, an open interval ends in an arrow', () => {
  const chart = lineChart({
    title: 't',
    description: 'd',
    unit: '%',
    series: [
      {
        name: 'a',
        points: [
          [0, 1],
          [1, null],
          [2, 3],
          [3, 1e9],
        ],
      },
    ],
    shades: [{ from: -5, to: 99, kind: 'gap' }],
  });
  expect(/class="line c0" d="([^"]*)"/.exec(chart)?.[1]?.match(/[ML]/g)).toEqual(['M', 'M', 'L']);
  for (const [, x] of chart.matchAll(/[ML](-?[\d.]+) /g)) expect(Number(x)).toBeLessThanOrEqual(720);
  const forest = forestChart('t', 'd', [
    { name: 'open', ratio: 2, low: 1, high: null },
    { name: 'none', ratio: null, low: null, high: null },
  ]);
  expect(forest.match(/<circle/g)).toHaveLength(1);
  expect(forest).toContain('no events');
});
