/** The table of faults: what the action says, does and leaves behind for each of them. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { G1, G2, lines, workspace } from '../support/action.ts';
import { Pod } from '../support/pod.ts';
import { Prom, promInputs } from '../support/prom.ts';
import { LATENCY, type Reply } from '../support/world.ts';

const RULES = (more = '', metrics = ''): string => `version: 1
interval: 15s
lag: 0s
warmup: 0s
settle: 0s
blind: 90s
${more}
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.05}
${metrics}
`;

let prom: Prom;
let begun = 0;
beforeAll(async () => {
  begun = Math.floor(Date.now() / 1000) - 600;
  prom = await new Prom(() => Date.now() / 1000).listen();
  const span = { from: begun - 300, to: begun + 700 };
  prom.add({ track: 'stable', pod: 's', ...span, rate: 80 });
  prom.add({ track: 'canary', pod: 'c', ...span, rate: 20 });
  prom.names = ['http_requests_total', 'go_info'];
});
afterAll(() => prom[Symbol.asyncDispose]());

interface Row {
  fault: string;
  reply?: Reply | 'hang-up';
  rules?: string;
  inputs?: Record<string, string>;
  /** Code of the one error, or of the warning of a gap. */
  code: string;
  says: string;
  reason: string;
}

const HUGE = 'x'.repeat(17 * 1024 * 1024);
const TOO_FINE = LATENCY.replace('[0.25, 0.5]', '[0.25, 0.3]').replace('le: 0.5, max', 'le: 0.3, max');

describe('Prometheus', () => {
  test.each<Row>([
    { fault: '401', reply: { status: 401 }, code: 'E_PERMISSION_MISSING', says: '127.0.0.1', reason: 'trace-ended' },
    { fault: '403', reply: { status: 403 }, code: 'E_PERMISSION_MISSING', says: 'may not read', reason: 'trace-ended' },
    {
      fault: '422',
      reply: { status: 422, body: '{"status":"error","error":"no\\n::error::such"}' },
      code: 'E_QUERY_REJECTED',
      says: 'process_start_time_seconds{track="stable"}[',
      reason: 'trace-ended',
    },
    {
      fault: 'a redirect',
      reply: { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      code: 'E_REDIRECT',
      says: 'not followed',
      reason: 'trace-ended',
    },
    {
      fault: 'a body of 17 MB at first',
      reply: { body: HUGE },
      code: 'E_RESPONSE_TOO_LARGE',
      says: 'Narrow the selector',
      reason: 'trace-ended',
    },
    {
      fault: 'not JSON, all the time',
      reply: { body: '<html>' },
      code: 'W_METRICS_FAULT',
      says: 'did not answer with success as JSON',
      reason: 'blind',
    },
    {
      fault: 'le not found',
      rules: RULES('', `  - ${TOO_FINE}`),
      code: 'E_LE_NOT_FOUND',
      says: 'it has 0.25, 0.5, +Inf',
      reason: 'trace-ended',
    },
    {
      fault: 'a counter that is not whole',
      rules: RULES('traffic: process_cpu_seconds_total'),
      code: 'E_NOT_A_COUNTER',
      says: 'process_cpu_seconds_total',
      reason: 'trace-ended',
    },
    {
      fault: 'a selector that nothing matches',
      rules: RULES().replaceAll('http_requests_total', 'http_reqests_total'),
      code: 'W_SELECTOR_EMPTY',
      says: 'near: http_requests_total',
      reason: 'absent',
    },
  ])('$fault', async ({ reply, rules = RULES(), inputs = {}, code, says, reason }) => {
    prom.fault = ({ query, path }) =>
      reply !== undefined && query !== 'time()' && path.endsWith('query') ? reply : undefined;
    using work = workspace({ '.canary.yaml': rules });
    const done = await work.act({ ...promInputs(prom), since: String(begun), ...inputs });
    expect([done.code, done.outputs.reason]).toEqual([1, reason]);
    expect(['hold', 'no-data']).toContain(done.outputs.verdict);
    const said = done.log.split('\n').filter((row) => row.includes(`[${code}]`));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(says);
    expect(done.errors).toHaveLength(1);
    expect(work.written()).toEqual(['report.html', 'trace.jsonl', 'verdict.json']);
    expect(JSON.parse(done.verdict)).toMatchObject({ verdict: done.outputs.verdict, reason });
    expect(done.log).not.toMatch(/^::error::such/m);
  });

  test('none of them, and it passes', async () => {
    prom.fault = () => undefined;
    using work = workspace({ '.canary.yaml': RULES() });
    const done = await work.act({ ...promInputs(prom), since: String(begun), app: 'shop', image: 'r/shop' });
    expect([done.code, done.outputs.verdict, done.errors]).toEqual([0, 'pass', []]);
    expect(done.trace.split('\n')[0]).toBe(
      '{"v":1,"type":"header","app":"shop","revision":"","image":"r/shop","note":""}',
    );
    // One line for each interval, and the plan before them.
    expect(done.log).toMatch(/^::group::plan$/m);
    expect(done.log).toMatch(/^00:15 {2}20 % {2}1200\/300 req {2}errors 0\|0 % {2}evidence -?0\.\d of 4\.6 {2}pass /m);
  });
});

test('scrape: a pod that wants a credential, or sends elsewhere', async () => {
  await using pod = await new Pod().listen();
  const weight = { 'expected-weight': '20', 'stable-targets': pod.url };
  prom.fault = ({ path }) => (path === '/401' ? { status: 401 } : { status: 302, headers: { location: '/x' } });
  using work = workspace({ '.canary.yaml': RULES() });
  const asked = await work.act({ ...weight, 'canary-targets': `${prom.url}/401` });
  const sent = await work.act({ ...weight, 'canary-targets': `${prom.url}/302` });
  expect([asked.errors, sent.errors]).toEqual([
    [expect.stringMatching(/E_PERMISSION_MISSING/)],
    [expect.stringMatching(/E_REDIRECT/)],
  ]);
});

describe('files', () => {
  test.each<[string, (out: string) => void, boolean]>([
    ['verdict.json cannot be written', (out) => mkdirSync(join(out, 'verdict.json')), true],
    ['the disk is full while the trace grows', (out) => symlinkSync('/dev/full', join(out, 'trace.jsonl')), true],
    ['the trace cannot be opened', (out) => mkdirSync(join(out, 'trace.jsonl')), false],
  ])('%s: red; the verdict is still in outputs and log', async (_, prepare, judged) => {
    using work = workspace({ 'g2.jsonl': lines(G2), 'out/x': '' });
    prepare(join(work.root, 'out'));
    const done = await work.act({ replay: 'g2.jsonl' });
    expect(done.code).toBe(1);
    expect(done.errors).toEqual([
      expect.stringMatching(/input report-dir: its files cannot be written .*\[E_REPORT_WRITE\]/),
    ]);
    expect(done.outputs.verdict === undefined).toBe(!judged);
    if (judged) expect(done.log).toContain('errors: ');
  });

  test('report-dir is a file', async () => {
    using work = workspace({ 'g1.jsonl': lines(G1), out: 'mine' });
    const done = await work.act({ replay: 'g1.jsonl' });
    expect(done.errors).toEqual([expect.stringContaining('[E_REPORT_WRITE]')]);
    expect(done.outputs).toEqual({});
  });
});
