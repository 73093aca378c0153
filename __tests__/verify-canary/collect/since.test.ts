/** T34: all evidence is read again from when the steps began. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createJudge } from '../../../src/verify-canary/core/index.ts';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, LATENCY, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeAll(async () => {
  prom = await new Prom(() => now).listen();
  const span = { from: T - 300, to: T + 1500 };
  // Weights 5, 10 and 25, and some errors on both versions.
  const errors = (at: number): number => (Math.floor(at / 60) % 3 === 0 ? 0.01 : 0.002);
  prom.add({ track: 'stable', pod: 's-1', ...span, rate: 96, errors });
  prom.add({ track: 'canary', pod: 'c-1', ...span, rate: 6, errors });
  prom.add({ track: 'canary', pod: 'c-2', from: T + 200, to: T + 1500, rate: 26, errors, started: T + 190 });
});
afterAll(() => prom[Symbol.asyncDispose]());

const config = rules(
  [ERRORS, LATENCY],
  [
    'share: {mode: observe}',
    'warmup: 30s',
    'steps: [{weight: 5, max: 3m}, {weight: 10, max: 3m}, {weight: 25, min: 5m}]',
  ],
);
const STEPS = [
  [5, T],
  [10, T + 187],
  [25, T + 360],
].map(([weight, at]) => `${weight}@${at}`);

function from(start: number, more: Record<string, string>, stopAt?: number): Promise<Outcome> {
  now = start;
  const controller = new AbortController();
  const clock = steppingClock(start, (seconds) => {
    now += seconds;
    if (stopAt !== undefined && now >= stopAt) controller.abort(new Error('stopped'));
  });
  return watch({ ...promInputs(prom, '25'), ...more }, { config, clock, signal: controller.signal });
}

const since = STEPS.join('\n');

describe('T34 since with three steps', () => {
  test('uninterrupted, killed half-way and started again, and rebuilt an hour later: the same evidence', async () => {
    const whole = await from(T + 361, { since });
    const killed = await from(T + 361, { since }, T + 500);
    const again = await from(T + 500, { since });
    const rebuilt = await from(T + 3600, { since });
    expect(whole.verdict).toMatchObject({ verdict: 'pass', step: '25' });
    expect(whole.verdict.steps.map((s) => [s.step, s.start - T])).toEqual([
      ['5', 0],
      ['10', 187],
      ['25', 360],
    ]);
    expect(killed.verdict).toMatchObject({ verdict: 'hold', reason: 'cancelled' });
    expect(whole.text.startsWith(killed.text.slice(0, killed.text.lastIndexOf('{')))).toBe(true);
    for (const other of [again, rebuilt]) {
      expect(other.text).toBe(whole.text);
      expect(other.result.json).toBe(whole.result.json);
      expect(Math.abs(other.verdict.logE - whole.verdict.logE)).toBeLessThanOrEqual(1e-9);
    }
  });

  test('interval by interval as it happens, and in one go an hour later: the same counts', async () => {
    const one = `25@${T}`;
    const live = await from(T, { since: one });
    const rebuilt = await from(T + 3600, { since: one });
    expect(live.intervals.length).toBeGreaterThan(15);
    expect(rebuilt.text).toBe(live.text);
  });

  test('three runs joined by history reach the verdict of one rebuild', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'joined-'));
    try {
      const history = join(folder, 'trace.jsonl');
      const first = await from(T, { 'expected-weight': '5' });
      await writeFile(history, first.text);
      const second = await from(T + 187, { 'expected-weight': '10', history });
      await writeFile(history, second.text);
      const third = await from(T + 360, { history });
      const rebuilt = await from(T + 3600, { since });
      expect(third.verdict).toMatchObject({ verdict: rebuilt.verdict.verdict, reason: rebuilt.verdict.reason });
      expect(third.verdict.steps.map((s) => s.step)).toEqual(['5', '10', '25']);
      // Nothing is counted twice and nothing between the runs is lost.
      const sum = (o: Outcome, to: number): number =>
        o.intervals.filter((l) => l.end <= to).reduce((n, l) => n + (l.traffic?.stable ?? 0), 0);
      expect(sum(third, T + 600)).toBe(sum(rebuilt, T + 600));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('the evidence is that of the lines alone', async () => {
    const { lines, verdict } = await from(T + 3600, { since });
    const judge = createJudge(config.judge);
    for (const line of lines) judge.observe(line);
    expect(judge.verdict()).toEqual(verdict);
  });
});

test('since in the future is refused', async () => {
  const { error } = await from(T, { since: `25@${T + 3600}` });
  expect(error).toMatchObject({ code: 'E_SINCE_INVALID' });
});
