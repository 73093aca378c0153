import { expect, test } from '@jest/globals';
import type { DeliveryFacts } from '../../../lab/report/facts.ts';
import { downtimeText, renderReport } from '../../../lab/report/report.ts';

const HOSTILE = '"><script>alert(1)</script>\u202e';
const facts: DeliveryFacts = {
  app: `shop${HOSTILE}`,
  strategy: HOSTILE,
  revision: 'a'.repeat(40),
  verdict: 'fail',
  message: `FAIL ${HOSTILE}`,
  jobs: [
    { name: HOSTILE, conclusion: HOSTILE, start: 0, end: 3.2 },
    { name: 'b', conclusion: 'success', start: 3.2, end: 9 },
  ],
  stages: [
    {
      name: '5%',
      weight: 5,
      verdict: HOSTILE,
      message: HOSTILE,
      seconds: 4,
      commit: HOSTILE,
      report: `x${HOSTILE}.html`,
    },
  ],
  traffic: Array.from({ length: 60 }, (_, second) => ({
    second,
    stable: 57,
    canary: 3,
    failed: second % 10 === 0 ? 1 : 0,
  })),
  wanted: [
    { second: 0, weight: 0 },
    { second: 10, weight: 5 },
  ],
  requests: { sent: 3600, failed: 6, toCanary: 180 },
  downtime: { failed: 6, byCode: { '503': 4, timeout: 2 }, seconds: 5 },
  drift: {
    deployment: HOSTILE,
    outOfSync: true,
    polls: 1,
    seconds: 0.9,
    foreign: [],
    failed: 0,
    writes: [['POST', 405]],
  },
  audit: [{ name: HOSTILE, status: HOSTILE, why: HOSTILE, evidence: [{ name: HOSTILE, value: HOSTILE }] }],
  image: { ref: `r/app:sha-1@sha256:${'b'.repeat(64)}`, reused: false, running: [HOSTILE] },
  commits: [
    {
      sha: 'c'.repeat(40),
      subject: HOSTILE,
      trailers: [['Bump-Id', HOSTILE]],
      diff: `-a\n+${HOSTILE}\n${'x'.repeat(20_000)}`,
    },
  ],
  machine: HOSTILE,
  timings: [{ name: 'build', seconds: 61 }],
};

test('hostile texts stay texts, no script, no outside reference', () => {
  const page = renderReport(facts);
  expect(page).not.toContain('<script');
  expect(page).not.toMatch(/(src|href)="(?!x%22)/);
  expect(page).not.toContain('\u202e');
  expect(page).toContain("default-src 'none'");
});

test('shows the share of failed requests and stays small', () => {
  const page = renderReport(facts);
  expect(page).toContain('3600 sent, 180 answered by the canary, 6 failed (0.17 %)');
  expect(Buffer.byteLength(page)).toBeLessThan(500 * 1024);
  expect(page.match(/<circle/g)).toHaveLength(60);
});

test('nothing happened: still a page', () => {
  const empty: DeliveryFacts = {
    ...facts,
    jobs: [],
    stages: [],
    traffic: [],
    wanted: [],
    commits: [],
    timings: [],
    requests: { sent: 0, failed: 0, toCanary: 0 },
  };
  expect(renderReport(empty)).toContain('0 failed (0 %)');
});

test('tells the strategy, its downtime, and what became of a change by hand', () => {
  const page = renderReport({ ...facts, strategy: 'recreate' });
  expect(page).toContain(
    '<dt>strategy</dt><dd>recreate</dd><dt>downtime</dt><dd>6 failed requests in 5 seconds (4 x 503, 2 x timeout)</dd>',
  );
  expect(page).toContain('as in Git again after 1 poll (0.9 s), with 0 failed requests');
  expect(page).toContain('Writes to the API of the cluster: POST 405.');
  expect(downtimeText({ failed: 1, byCode: { '502': 1 }, seconds: 1 })).toBe('1 failed request in 1 second (1 x 502)');
  expect(downtimeText({ failed: 0, byCode: {}, seconds: 0 })).toBe('0 failed requests');
});

test('a change that was not merged has jobs, and neither traffic nor stages nor commits', () => {
  const page = renderReport({
    ...facts,
    verdict: 'refused',
    stages: [],
    traffic: [],
    wanted: [],
    commits: [],
    drift: undefined,
    audit: [],
  });
  expect(page).toContain('class="verdict refused"');
  expect([...page.matchAll(/<h2>([^<]*)/g)].map((m) => m[1])).toEqual(['Jobs', 'Machine']);
});
