/** Prometheus as the action uses it: windows of the past, the stable version of before, and what a run can see beforehand. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanaryConfig } from '../../src/verify-canary/config.ts';
import { Prom, promInputs } from './support/prom.ts';
import { ERRORS, type Outcome, replay, rules, steppingClock, T, watch } from './support/world.ts';

let now = T;
let prom: Prom;
beforeEach(async () => {
  now = T;
  prom = await new Prom(() => now).listen();
});
afterEach(() => prom[Symbol.asyncDispose]());

function play(config: CanaryConfig, inputs: Record<string, string> = {}): Promise<Outcome> {
  const clock = steppingClock(now, (seconds) => {
    now += seconds;
    if (now > T + 7200) throw new Error('the run does not end');
  });
  return watch({ ...promInputs(prom), ...inputs }, { config, clock });
}

const STEP = 'steps: [{weight: 20, min: 1m, max: 10m}]';

describe('a window of the past', () => {
  const traffic = (errors: (at: number) => number = () => 0): void => {
    prom.add({ track: 'stable', pod: 's-1', from: T - 7200, to: T, rate: 80 });
    prom.add({ track: 'canary', pod: 'c-1', from: T - 7200, to: T, rate: 20, errors });
  };

  test('is judged without waiting, and says what a run then would have said', async () => {
    traffic((at) => (at > T - 3000 ? 0.3 : 0));
    const { verdict, text, result } = await play(rules([ERRORS], [STEP]), {
      since: `20@${T - 3600}`,
      until: String(T - 1800),
    });
    // A pass after a minute: the step that is asked about has its verdict, as it had then.
    expect(verdict).toMatchObject({ verdict: 'pass', step: '20' });
    expect(now).toBe(T);
    expect((await replay(text, rules([ERRORS], [STEP]))).result.json).toBe(result.json);
  });

  test('a worse canary fails', async () => {
    traffic(() => 0.3);
    const { verdict } = await play(rules([ERRORS], [STEP]), { since: `20@${T - 3600}`, until: String(T - 1800) });
    expect(verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    expect(now).toBe(T);
  });

  test('one that is too short for a verdict ends with its last line', async () => {
    traffic();
    const { verdict, intervals } = await play(rules([ERRORS], [STEP]), {
      since: `20@${T - 3600}`,
      until: String(T - 3570),
    });
    expect(verdict).toMatchObject({ verdict: 'hold', reason: 'trace-ended' });
    expect(intervals.at(-1)?.end).toBe(T - 3570);
  });

  test.each<[string, Record<string, string>, string]>([
    ['no begin', { until: String(T) }, 'it needs since'],
    ['the wrong way round', { since: String(T), until: String(T - 60) }, 'not after the last time of since'],
    ['no time', { since: String(T - 60), until: 'now' }, 'it is no time'],
  ])('%s is refused', async (_name, inputs, said) => {
    const error = await play(rules([ERRORS], [STEP]), inputs).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'E_SINCE_INVALID', message: expect.stringContaining(said) });
  });
});

describe('the stable version of before', () => {
  // The switch is at T: until then the one version serves, from then on the other.
  const switched = (errors: number): void => {
    prom.add({ track: 'stable', pod: 's-1', from: T - 3600, to: T, rate: 60, errors: () => 0.01 });
    prom.add({ track: 'canary', pod: 'c-1', from: T - 300, to: T + 3600, rate: 60, errors: () => errors });
  };
  const config = rules([
    '{name: errors, kind: ratio, events: \'http_requests_total{code=~"5.."}\', total: http_requests_total}',
  ]);
  const after = { mode: 'before-after', 'expected-weight': '' };

  test('a worse version fails, and every report calls it weaker', async () => {
    switched(0.2);
    const { verdict, result, intervals, text, log } = await play(config, after);
    expect(verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors', weaker: true, mode: 'before-after' });
    expect(intervals[0]).toMatchObject({ step: null, weight: 0 });
    for (const told of [result.message, result.summary, result.html]) expect(told.toLowerCase()).toContain('weaker');
    expect(result.outputs.verdict).toBe('fail');
    // Two hours of the stable version are not two hours of the log.
    expect(log.lines.filter((line) => line.includes('evidence')).length).toBeLessThan(intervals.length);
    expect((await replay(text, config, { mode: 'before-after' })).result.json).toBe(result.json);
  });

  test('one that is as it was passes', async () => {
    switched(0.01);
    expect((await play(config, after)).verdict).toMatchObject({ verdict: 'pass', weaker: true });
  });
});

test('the plan says before the run what it can see', async () => {
  prom.add({ track: 'stable', pod: 's-1', from: T - 1200, to: T + 1200, rate: 80, errors: () => 0.01 });
  prom.add({ track: 'canary', pod: 'c-1', from: T - 1200, to: T + 1200, rate: 20, errors: () => 0.01 });
  const { log } = await play(rules([ERRORS], [STEP]));
  expect(log.lines.join('\n')).toMatch(/at 100 req\/s and 20 %: doubled errors visible in .*; pass in /);
});

test('verdict.json explains itself: series, pods and lines', async () => {
  prom.add({ track: 'stable', pod: 's-1', from: T - 300, to: T + 1200, rate: 80 });
  prom.add({ track: 'canary', pod: 'c-1', from: T - 300, to: T + 1200, rate: 20 });
  const { result, intervals } = await play(rules([ERRORS], [STEP]));
  const { explained } = JSON.parse(result.json) as { explained: object[] };
  expect(explained).toEqual([
    {
      name: 'errors',
      series: ['http_requests_total{code=~"5.."}', 'http_requests_total'],
      pods: { stable: ['s-1'], canary: ['c-1'] },
      bound: null,
      lines: { used: intervals.length, without: 0 },
    },
  ]);
});
