/** T30: a run that is stopped leaves a verdict behind. */
import { expect, test } from '@jest/globals';
import { workspace } from '../support/action.ts';
import { drive, Pod } from '../support/pod.ts';

const RULES = `version: 1
interval: 1s
warmup: 0s
settle: 0s
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.01}
`;

test('T30 SIGTERM in the middle of a poll: event cancelled, hold, all files, red within 3 s', async () => {
  await using stable = await new Pod(1).listen();
  await using canary = await new Pod(2).listen();
  using work = workspace({ '.canary.yaml': RULES });
  const controller = new AbortController();
  let stopped = 0;
  const stop = drive((seconds) => {
    stable.run(seconds, { rate: 40 });
    canary.run(seconds, { rate: 10 });
    if (canary.fault === 'none' && canary.requests >= 3) {
      canary.fault = 'hang';
      canary.requests = 0;
    } else if (canary.fault === 'hang' && canary.requests > 0 && stopped === 0) {
      stopped = performance.now();
      controller.abort();
    }
  });
  try {
    const done = await work.act(
      { 'expected-weight': '20', 'stable-targets': stable.url, 'canary-targets': canary.url },
      { signal: controller.signal },
    );
    expect(performance.now() - stopped).toBeLessThan(3000);
    expect([done.code, done.outputs.verdict, done.outputs.reason]).toEqual([1, 'hold', 'cancelled']);
    expect(done.errors).toEqual([expect.stringContaining('hold (cancelled)')]);
    const rows = done.trace
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as Record<string, unknown>);
    expect(rows[0]).toMatchObject({ type: 'event', event: 'run' });
    expect(rows.filter((row) => row.metrics !== undefined).length).toBeGreaterThanOrEqual(1);
    expect(rows.at(-1)).toMatchObject({ type: 'event', event: 'cancelled' });
    expect(work.written()).toEqual(['report.html', 'trace.jsonl', 'verdict.json']);
    expect(JSON.parse(done.verdict)).toMatchObject({ verdict: 'hold', reason: 'cancelled' });
    expect(done.summary).toContain('verify-canary: hold');
    // T02: and its replay says the same.
    work.write('again.jsonl', done.trace);
    expect((await work.act({ replay: 'again.jsonl' })).verdict).toBe(done.verdict);
  } finally {
    stop();
  }
});
