/** Credentials go to one origin and nowhere else; hostile text stays text. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { G1, lines, workspace } from '../support/action.ts';
import { Prom, promInputs } from '../support/prom.ts';
import type { Reply } from '../support/world.ts';

const RULES = `version: 1
lag: 0s
warmup: 0s
settle: 0s
blind: 60s
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.05}
`;
const TOKEN = 'tok-7f3a9c.e5b1';
const TENANT = 'tenant-4711-x';

let prom: Prom;
let other: Prom;
let begun = 0;
beforeAll(async () => {
  begun = Math.floor(Date.now() / 1000) - 300;
  const now = (): number => Date.now() / 1000;
  [prom, other] = [await new Prom(now).listen(), await new Prom(now).listen()];
  const span = { from: begun - 300, to: begun + 400 };
  prom.add({ track: 'stable', pod: 's', ...span, rate: 80 });
  prom.add({ track: 'canary', pod: 'c', ...span, rate: 20 });
});
afterAll(async () => {
  await prom[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const quote = JSON.stringify({ status: 'error', error: `bad Bearer ${TOKEN} of ${TENANT}` });
const warn = JSON.stringify({ status: 'success', warnings: [`${TOKEN} ${TENANT}`], data: {} });

test.each<[string, () => Reply | undefined, string]>([
  ['a run that passes', () => undefined, 'healthy'],
  ['a server that quotes them in an error', () => ({ status: 422, body: quote }), 'trace-ended'],
  ['a server that quotes them in a warning', () => ({ body: warn }), 'blind'],
  ['a server that refuses them', () => ({ status: 401, body: quote }), 'trace-ended'],
  [
    'a server that redirects',
    () => ({ status: 308, headers: { location: `${other.url}/api/v1/query` } }),
    'trace-ended',
  ],
])(
  '%s: neither token nor header stands in trace, verdict, report, summary, outputs or log',
  async (_, reply, reason) => {
    prom.asked.length = 0;
    prom.fault = ({ query }) => (query === 'time()' ? undefined : reply());
    using work = workspace({ '.canary.yaml': RULES });
    const done = await work.act({
      ...promInputs(prom),
      'prometheus-url': `${prom.url}/?from=${TENANT}`,
      since: String(begun),
      'prometheus-token': TOKEN,
      'prometheus-headers': `X-Scope-OrgID: ${TENANT}`,
    });
    expect(done.outputs.reason).toBe(reason);
    expect(prom.asked[0]?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'x-scope-orgid': TENANT });
    expect(other.asked).toEqual([]);
    // The command that asks the runner to mask them comes first, and is the only place.
    const log = done.log.split('\n');
    const masks = log.filter((row) => row.startsWith('::add-mask::'));
    expect(masks).toEqual(expect.arrayContaining([`::add-mask::${TOKEN}`, `::add-mask::${TENANT}`]));
    expect(log.slice(0, masks.length)).toEqual(masks);
    const files = [
      done.verdict,
      done.report,
      done.summary,
      JSON.stringify(done.outputs),
      log.slice(masks.length).join('\n'),
    ];
    expect(files).not.toContain('');
    for (const text of [...files, done.trace]) {
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain(TENANT);
    }
  },
);

const NASTY =
  'a"b\\c\n|<script>alert(1)</script>\n::error::owned\n##[error]x ${{ github.token }} `@me` \u202e\u001b[31m';

test('T35 hostile text in a trace is inert in log, summary, report and verdict', async () => {
  const header = {
    v: 1,
    type: 'header',
    app: NASTY,
    revision: NASTY,
    image: `${NASTY}${'x'.repeat(3000)}`,
    note: NASTY,
  } as const;
  const cancelled = { v: 1, type: 'event', at: 360, event: 'cancelled', detail: NASTY } as const;
  using work = workspace({ 'hostile.jsonl': lines([header, ...G1.slice(0, 3), { ...cancelled, at: 180 }]) });
  const done = await work.act({ replay: 'hostile.jsonl' });
  expect(done.outputs.reason).toBe('cancelled');
  expect(done.log).not.toMatch(/^\s*::error::owned/m);
  expect(done.log).not.toContain('##[error]');
  expect(done.errors).toHaveLength(1);
  // In Markdown it stands inside of code, whose fence is longer than any in the text.
  expect(done.summary).not.toMatch(/^::|^##\[/m);
  expect(done.summary.match(/``a"b.+?``/g)).toHaveLength(3);
  expect(done.summary.replace(/``a"b.+?``/g, '')).not.toMatch(/script>|@me/);
  expect(done.report).not.toContain('<script');
  expect(done.report).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  for (const text of [done.log, done.summary, done.report]) expect(text).not.toMatch(/[\u202e\u001b]/);
  expect(Object.keys(done.outputs)).not.toContain('owned');
  expect((JSON.parse(done.verdict) as { app: string }).app).toBe(NASTY);
});

test('T35 hostile inputs: a table of the summary keeps its rows', async () => {
  using work = workspace({ 'g1.jsonl': lines(G1) });
  const step = G1.map((line) => ({ ...line, step: 'a|b' }));
  work.write('pipe.jsonl', lines(step));
  const done = await work.act({ replay: 'pipe.jsonl', app: '<img src=x>' });
  const rows = done.summary.split('\n').filter((row) => row.startsWith('|') && row.includes('a\\|b'));
  expect(rows).toHaveLength(1);
  expect(rows[0]?.replaceAll('\\|', '').split('|')).toHaveLength(6);
});
