/** From trace to trace: history, replay, and runs that end early. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Interval } from '../../src/verify-canary/core/index.ts';
import { Pod } from './support/pod.ts';
import { INPUTS, play } from './support/scrape.ts';
import { CPU, ERRORS, LATENCY, memoryHttp, podsHttp, replay, rules, steppingClock, T, watch } from './support/world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canary-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function historyOf(text: string): Promise<string> {
  const path = join(folder, `${Math.random()}.jsonl`);
  await writeFile(path, text);
  return path;
}

const bad = (pod: Pod, dt: number, _s: number, arm: string): void =>
  pod.run(dt, arm === 'stable' ? { rate: 60 } : { rate: 15, errors: 0.4 });
const STEP = 'steps: [{weight: 20, min: 1m, max: 5m}]';

test('T02 whatever happens live, its replay gives the same bytes', async () => {
  const config = rules([ERRORS, LATENCY, CPU], ['interval: 15s', STEP, 'blind: 2m', 'silent: 1m', 'warmup: 30s']);
  const round = fc.record({
    stable: fc.integer({ min: 0, max: 90 }),
    canary: fc.integer({ min: 0, max: 30 }),
    errors: fc.constantFrom(0, 0, 0.01, 0.3),
    latency: fc.constantFrom(0.01, 0.3, 0.7),
    down: fc.constantFrom(-1, -1, -1, 0, 1, 2),
    restart: fc.constantFrom(-1, -1, -1, -1, 1),
  });
  const reasons = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 30 }), fc.boolean(), async (rounds, cancelled) => {
      const pods = [new Pod(1), new Pod(2), new Pod(3)];
      for (const pod of pods) pod.started = T - 1000;
      const controller = new AbortController();
      let i = 0;
      const clock = steppingClock(T, (seconds, now) => {
        if (seconds === 0) return;
        const what = rounds[i % rounds.length];
        i += 1;
        if (what === undefined || (cancelled && i > 12) || i > 60) return controller.abort(new Error('stopped'));
        for (const [k, pod] of pods.entries()) {
          pod.fault = what.down === k ? 'down' : 'none';
          if (what.restart === k) {
            pod.started = now - 1;
            for (const series of pod.counters.keys()) pod.counters.set(series, 0);
          }
          pod.run(seconds, { rate: k === 2 ? what.canary : what.stable, errors: what.errors, latency: what.latency });
        }
      });
      const targets = {
        'stable-targets': 'http://127.0.0.1/\nhttp://127.0.0.2/',
        'canary-targets': 'http://127.0.0.3/',
      };
      const byHost = { '127.0.0.1': pods[0], '127.0.0.2': pods[1], '127.0.0.3': pods[2] } as Record<string, Pod>;
      const live = await watch(
        { ...INPUTS, ...targets, app: 'shop', revision: 'abc' },
        { config, clock, openHttp: podsHttp(byHost), signal: controller.signal },
      );
      expect(live.error).toBeUndefined();
      reasons.add(live.verdict.reason);
      const again = await replay(live.text, config);
      expect(again.result.json).toBe(live.result.json);
      expect(again.text).toBe(live.text);
      expect(again.result.html).toBe(live.result.html);
    }),
    { numRuns: 25, seed: 7 },
  );
  // The runs are not all of one kind.
  expect(reasons.size).toBeGreaterThanOrEqual(4);
});

describe('history', () => {
  test('T32 hold at the deadline, run again: the evidence goes on, the deadline begins anew', async () => {
    const config = rules([ERRORS], ['steps: [{weight: 20, min: 1m, max: 2m}]', 'interval: 5s']);
    const slow = (pod: Pod, dt: number, _s: number, arm: string): void =>
      pod.run(dt, { rate: arm === 'stable' ? 2 : 0.5 });
    const first = await play({ config, load: slow });
    expect(first.verdict).toMatchObject({ verdict: 'hold', reason: 'deadline' });
    const second = await play({ config, inputs: { history: await historyOf(first.text) }, from: T + 125, load: slow });
    expect(second.verdict).toMatchObject({ verdict: 'pass', reason: 'healthy' });
    expect(second.text.startsWith(first.text)).toBe(true);
    expect(second.log.lines.join('\n')).toContain(`history: ${first.lines.length} lines`);
    // Without it, the same time would not have been enough.
    const alone = await play({ config, from: T + 125, load: slow });
    expect(alone.verdict).toMatchObject({ verdict: 'hold', reason: 'deadline' });
    expect(alone.log.lines.join('\n')).toContain('No history: the share of false alarms');
  });

  test('T33 a fail in history: every later run fails at once, without asking anybody', async () => {
    const config = rules([ERRORS], [STEP]);
    const first = await play({ config, load: bad });
    expect(first.verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    const silent = memoryHttp(() => {
      throw new Error('asked');
    });
    const inputs = { ...INPUTS, 'expected-weight': '50', history: await historyOf(first.text) };
    const second = await watch(inputs, { config, openHttp: silent });
    expect(second.error).toBeUndefined();
    expect(second.verdict).toMatchObject({ verdict: 'fail', reason: 'worse:errors' });
    expect(second.result.json).toBe(first.result.json);
  });

  describe('one id for the steps of all weights', () => {
    const config = rules([ERRORS], ['steps: [{weight: 5, min: 1m, max: 10m}]', 'share: {mode: observe}', 'blind: 2m']);
    const first = (): ReturnType<typeof play> => play({ config, inputs: { 'expected-weight': '5', step: 'canary' } });
    const next = async (text: string, weight: string, more: Partial<Parameters<typeof play>[0]> = {}) =>
      play({
        config,
        inputs: { 'expected-weight': weight, step: 'canary', history: await historyOf(text) },
        from: T + 600,
        ...more,
      });

    test('another weight is another step: what passed at 5 % passes nothing at 50 %', async () => {
      const five = await first();
      expect(five.verdict).toMatchObject({ verdict: 'pass', step: 'canary', weight: 5 });
      const fifty = await next(five.text, '50', { load: bad });
      expect(fifty.verdict).toMatchObject({ verdict: 'fail', weight: 50 });
      expect(fifty.verdict.steps).toMatchObject([
        { step: 'canary', weight: 5, verdict: 'pass' },
        { step: 'canary', weight: 50, verdict: 'fail' },
      ]);
      expect((await replay(fifty.text, config)).result.json).toBe(fifty.result.json);
    });

    test('a good one passes by its own evidence', async () => {
      const { verdict, text, result } = await next((await first()).text, '50');
      expect(verdict).toMatchObject({ verdict: 'pass', weight: 50 });
      expect((verdict.to ?? 0) - (T + 600)).toBeGreaterThanOrEqual(60);
      expect((await replay(text, config)).result.json).toBe(result.json);
    });

    test('with nothing to read it is blind', async () => {
      const { verdict, text, result } = await next((await first()).text, '50', {
        meanwhile: (pods) => {
          for (const pod of pods) pod.fault = 'down';
        },
      });
      expect(verdict).toMatchObject({ verdict: 'hold', reason: 'blind', weight: 50 });
      expect((await replay(text, config)).result.json).toBe(result.json);
    });

    test('the same weight again reads one interval, and its replay gives the same bytes', async () => {
      const five = await first();
      const again = await next(five.text, '5');
      expect(again.verdict).toMatchObject({ verdict: 'pass', reason: 'healthy', weight: 5 });
      expect(again.intervals.length).toBe(five.intervals.length + 1);
      const last = again.intervals.at(-1) as Interval;
      const longer = `${again.text}${JSON.stringify({ ...last, start: last.end, end: last.end + 15 })}\n`;
      for (const text of [again.text, longer]) {
        const { result, text: judged } = await replay(text, config);
        expect(result.json).toBe(again.result.json);
        expect(judged).toBe(again.text);
      }
    });
  });

  test.each(['revision', 'app'])('T31 of another %s: history-mismatch', async (key) => {
    const other = { v: 1, type: 'header', app: '', revision: '', image: '', note: '', [key]: 'old\n::error::x' };
    const history = await historyOf(`${JSON.stringify(other)}\n`);
    const error = await watch({ ...INPUTS, [key]: 'new', history }, { config: rules() }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'E_HISTORY_MISMATCH' });
    expect((error as Error).message).toContain('but this run is about new');
    expect((error as Error).message).not.toContain('\n');
  });

  test('T31 cut in the middle of a line: told once, and the run goes on', async () => {
    const config = rules([ERRORS], [STEP]);
    const first = await play({ config, meanwhile: (_, s, stop) => (s > 30 ? stop() : undefined) });
    const cut = first.text.slice(0, -20);
    const second = await play({ config, inputs: { history: await historyOf(cut) }, from: T + 100 });
    expect(second.log.annotations.map((a) => a.code)).toEqual(['W_TRACE_CUT']);
    expect(second.verdict).toMatchObject({ verdict: 'pass' });
  });

  test('metrics that the rules do not know are told once and left out', async () => {
    const first = await play({
      config: rules([ERRORS, LATENCY]),
      meanwhile: (_, s, stop) => (s > 30 ? stop() : undefined),
    });
    const second = await play({ config: rules(), inputs: { history: await historyOf(first.text) }, from: T + 100 });
    const warnings = second.log.annotations.filter((a) => a.code === 'W_METRIC_UNKNOWN');
    expect(warnings.map((a) => a.message)).toEqual([expect.stringContaining('latency')]);
    expect(second.verdict.metrics.map((m) => m.name)).toEqual(['errors']);
  });
});

describe('replay', () => {
  test('T46 the digest covers what was consumed: lines after the verdict change nothing', async () => {
    const config = rules([ERRORS], [STEP]);
    for (const load of [undefined, bad]) {
      const live = await play({ config, ...(load ? { load } : {}) });
      const last = live.intervals.at(-1) as Interval;
      const later = { ...last, start: last.end, end: last.end + 15 };
      const longer = await replay(`${live.text}${JSON.stringify(later)}\n`, config);
      expect(longer.text).toBe(live.text);
      expect(longer.result.outputs['trace-digest']).toBe(live.result.outputs['trace-digest']);
      expect(longer.result.json).toBe(live.result.json);
    }
  });

  test('a trace that ends without a verdict', async () => {
    const live = await play({ config: rules(), meanwhile: (_, s, stop) => (s > 30 ? stop() : undefined) });
    const open = live.text.slice(0, live.text.lastIndexOf('{'));
    expect((await replay(open, rules())).verdict).toMatchObject({ verdict: 'hold', reason: 'trace-ended' });
    expect((await replay('', rules())).verdict).toMatchObject({ verdict: 'no-data', reason: 'absent' });
  });
});

test('an unexpected exception: the run rejects, the verdict is no pass, the trace is kept', async () => {
  const pods = { '127.0.0.1': new Pod(1), '127.0.0.2': new Pod(2) };
  const clock = steppingClock(T, (seconds, now) => {
    for (const [i, pod] of Object.values(pods).entries()) pod.run(seconds, { rate: i === 0 ? 60 : 15 });
    if (now > T + 50) throw new TypeError('a bug');
  });
  const { error, verdict, text } = await watch(INPUTS, { config: rules(), clock, openHttp: podsHttp(pods) });
  expect(error).toBeInstanceOf(TypeError);
  expect(verdict.verdict).not.toBe('pass');
  expect(text.split('\n').length).toBeGreaterThan(3);
});

test('the trace of this run may be the very file that is its history', async () => {
  const config = rules([ERRORS], [STEP]);
  const first = await play({ config, meanwhile: (_, s, stop) => (s > 30 ? stop() : undefined) });
  const path = await historyOf(first.text);
  const second = await play({ config, inputs: { history: path }, from: T + 100, tracePath: path });
  expect((await readFile(path, 'utf8')).startsWith(first.text)).toBe(true);
  expect(second.verdict.intervals).toBeGreaterThan(first.verdict.intervals);
});
