/**
 * Faults around a healthy canary and around one with 30 % errors: each has its exact verdict, and none ever makes the
 * second one pass. Time is the test's; nothing is waited for.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import type { CanaryConfig } from '../../src/verify-canary/config.ts';
import type { Interval, TraceEvent, TraceLine } from '../../src/verify-canary/core/index.ts';
import type { Pod } from './support/pod.ts';
import { Prom, promInputs } from './support/prom.ts';
import { play as scrape } from './support/scrape.ts';
import { ERRORS, type Outcome, type Reply, replay, rules, steppingClock, T, watch } from './support/world.ts';

const STEP = 'steps: [{weight: 20, min: 2m, max: 10m}]';
const BAD = 0.3;
/** `verdict reason`, or the code of the error that the run ended with. */
type Said = string;

interface Row {
  healthy: Said;
  broken: Said;
}

let faults = 0;
let wrongPasses = 0;

function said({ verdict, error }: Pick<Outcome, 'error'> & Partial<Outcome>): Said {
  const code = (error as { code?: string } | undefined)?.code;
  return code ?? (verdict === undefined ? String(error) : `${verdict.verdict} ${verdict.reason}`);
}

/** Both canaries under the same fault. @param run errors of the canary in, outcome out */
function chaos(name: string, row: Row, run: (errors: number) => Promise<Outcome>): void {
  test(name, async () => {
    faults += 1;
    const ends = async (errors: number): Promise<Said> => said(await run(errors).catch((error) => ({ error })));
    const [healthy, broken] = [await ends(0), await ends(BAD)];
    if (broken.startsWith('pass')) wrongPasses += 1;
    expect({ healthy, broken }).toEqual(row);
  });
}

afterAll(() => {
  expect(faults).toBeGreaterThanOrEqual(30);
  expect(wrongPasses).toBe(0);
});

const FAILS = 'fail worse:errors';
const PASSES = 'pass healthy';

describe('metrics pages', () => {
  interface Pages {
    stable?: number;
    canary?: number;
    top?: readonly string[];
    meanwhile?: (pods: Pod[], seconds: number, stop: () => void) => void;
    rate?: (seconds: number, arm: 'stable' | 'canary') => number;
    from?: number;
  }

  const pages =
    ({ stable = 1, canary = 1, top = [], meanwhile, rate, from }: Pages) =>
    async (errors: number): Promise<Outcome> =>
      scrape({
        config: rules([ERRORS], [STEP, ...top]),
        stable,
        canary,
        ...(meanwhile === undefined ? {} : { meanwhile }),
        ...(from === undefined ? {} : { from }),
        load: (pod, dt, seconds, arm) => {
          const all = rate?.(seconds, arm) ?? (arm === 'stable' ? 60 : 15);
          pod.run(dt, { rate: all / (arm === 'stable' ? stable : canary), errors: arm === 'canary' ? errors : 0 });
        },
      });
  /** The pods with these numbers do not answer in (from, to]. */
  const silent =
    (which: readonly number[], from: number, to: number, fault: Pod['fault'] = 'down') =>
    (pods: Pod[], seconds: number): void => {
      for (const [i, pod] of pods.entries())
        if (which.includes(i)) pod.fault = seconds > from && seconds <= to ? fault : 'none';
    };
  const at = (time: number, act: (pods: Pod[]) => void) => {
    let done = false;
    return (pods: Pod[], seconds: number): void => {
      if (done || seconds < time) return;
      done = true;
      act(pods);
    };
  };

  chaos('1 no fault', { healthy: PASSES, broken: FAILS }, pages({}));
  chaos(
    '2 one of three stable pods misses a scrape',
    { healthy: PASSES, broken: FAILS },
    pages({ stable: 3, meanwhile: silent([1], 10, 20) }),
  );
  chaos(
    '3 one of three stable pods is gone for good',
    { healthy: PASSES, broken: FAILS },
    pages({ stable: 3, meanwhile: silent([1], 40, 1e9), top: ['share: {mode: observe}'] }),
  );
  chaos(
    '4 one of two canary pods is gone for good',
    { healthy: PASSES, broken: FAILS },
    pages({ canary: 2, meanwhile: silent([2], 40, 1e9), top: ['share: {mode: observe}'] }),
  );
  chaos(
    '5 the canary is gone after a minute',
    { healthy: 'fail canary-silent', broken: FAILS },
    pages({ meanwhile: silent([1], 60, 1e9) }),
  );
  chaos(
    '6 the canary was never there',
    { healthy: 'hold canary-silent', broken: 'hold canary-silent' },
    pages({ meanwhile: silent([1], -1, 1e9) }),
  );
  chaos(
    '7 stable is gone after 14 s',
    { healthy: 'hold blind', broken: 'hold blind' },
    pages({ meanwhile: silent([0], 14, 1e9) }),
  );
  chaos(
    '8 all pages are gone from the start',
    { healthy: 'hold blind', broken: 'hold blind' },
    pages({ meanwhile: silent([0, 1], -1, 1e9) }),
  );
  chaos(
    '9 all pages are gone for a minute and a half',
    { healthy: PASSES, broken: FAILS },
    pages({ meanwhile: silent([0, 1], 14, 104) }),
  );
  chaos(
    '10 all pages flap, half a minute at a time: longer intervals, nothing lost',
    { healthy: PASSES, broken: FAILS },
    pages({
      meanwhile: (pods, seconds) => {
        for (const pod of pods) pod.fault = seconds % 60 < 30 ? 'none' : 'down';
      },
    }),
  );
  chaos(
    '11 the canary restarts and its counters with it',
    { healthy: PASSES, broken: FAILS },
    pages({
      top: ['settle: 2m'],
      meanwhile: at(25, (pods) => {
        const pod = pods[1];
        pod?.counters.forEach((_, key) => {
          pod.counters.set(key, 0);
        });
        if (pod !== undefined) pod.started = T + 25;
      }),
    }),
  );
  chaos(
    '12 the canary restarts every 45 s',
    { healthy: 'hold absent:errors', broken: FAILS },
    pages({
      meanwhile: (pods, seconds) => {
        const pod = pods[1];
        if (pod === undefined || Math.floor(seconds) % 45 !== 0) return;
        for (const key of pod.counters.keys()) pod.counters.set(key, 0);
        pod.started = T + seconds;
      },
    }),
  );
  chaos(
    '13 NaN on the page of the canary',
    { healthy: 'hold canary-silent', broken: 'hold canary-silent' },
    pages({
      meanwhile: (pods) => pods[1]?.counters.set('http_requests_total{code="500",method="GET",route="/"}', Number.NaN),
    }),
  );
  chaos(
    '14 the canary gets no request',
    { healthy: 'hold routing-not-applied', broken: 'hold routing-not-applied' },
    pages({
      rate: (_, arm) => (arm === 'stable' ? 60 : 0),
    }),
  );
  chaos(
    '15 nobody gets a request',
    { healthy: 'no-data no-traffic', broken: 'no-data no-traffic' },
    pages({ rate: () => 0 }),
  );
  chaos(
    '16 the canary gets twice what it should',
    { healthy: 'hold routing-wrong-share', broken: FAILS },
    pages({
      rate: (_, arm) => (arm === 'stable' ? 40 : 35),
    }),
  );
  chaos('17 the wall clock is ten minutes ahead', { healthy: PASSES, broken: FAILS }, pages({ from: T + 600 }));
  chaos(
    '18 cancelled after a minute and a half',
    { healthy: 'hold cancelled', broken: FAILS },
    pages({
      meanwhile: (_, seconds, stop) => {
        if (seconds >= 90) stop();
      },
    }),
  );
});

describe('Prometheus', () => {
  interface Server {
    fault?: (seconds: number, query: string) => Reply | 'hang-up' | undefined;
    /** Our clock - the server's. */
    ours?: number;
    top?: readonly string[];
    canary?: { rate: number; from?: number; to?: number };
  }

  const server =
    ({ fault, ours = 0, top = [], canary = { rate: 20 } }: Server) =>
    async (errors: number): Promise<Outcome> => {
      let now = T;
      await using prom = await new Prom(() => now).listen();
      const span = { from: T - 300, to: T + 1200 };
      prom.add({ track: 'stable', pod: 's-1', ...span, rate: 80 });
      prom.add({ track: 'canary', pod: 'c-1', ...span, ...canary, errors: () => errors });
      if (fault !== undefined) prom.fault = ({ query }) => fault(now - T, query);
      const clock = steppingClock(now + ours, (seconds) => {
        now += seconds;
        if (now > T + 7200) throw new Error('the run does not end');
      });
      const config: CanaryConfig = rules([ERRORS], [STEP, ...top]);
      // Awaited here: the server lives as long as this block.
      return await watch(promInputs(prom), { config, clock });
    };
  const between =
    (from: number, to: number, reply: Reply | 'hang-up') =>
    (seconds: number, query: string): Reply | 'hang-up' | undefined =>
      seconds >= from && seconds < to && query !== 'time()' ? reply : undefined;
  const json = (body: unknown): Reply => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const busy: Reply = { status: 503, headers: { 'retry-after': '1' }, body: 'busy' };
  const empty = json({ status: 'success', data: { resultType: 'matrix', result: [] } });
  const odd = (point: string, kind = 'matrix'): Reply =>
    json({
      status: 'success',
      data: {
        resultType: kind,
        result: [
          {
            metric: { __name__: 'http_requests_total', code: '200', pod: 'c-1' },
            values: [
              [T, '1'],
              [T + 15, point],
            ],
          },
        ],
      },
    });

  chaos(
    '19 a storm of 503 for a minute',
    { healthy: PASSES, broken: FAILS },
    server({ fault: between(40, 100, busy) }),
  );
  chaos('20 503 for good', { healthy: 'hold blind', broken: 'hold blind' }, server({ fault: between(0, 1e9, busy) }));
  chaos(
    '21 connections are cut for a minute',
    { healthy: PASSES, broken: FAILS },
    server({ fault: between(40, 100, 'hang-up') }),
  );
  chaos(
    '22 half of a cluster: warnings in every answer',
    { healthy: 'hold blind', broken: 'hold blind' },
    server({
      fault: between(
        0,
        1e9,
        json({ status: 'success', warnings: ['a store is missing'], data: { resultType: 'matrix', result: [] } }),
      ),
    }),
  );
  chaos(
    '23 empty answers',
    { healthy: 'no-data absent', broken: 'no-data absent' },
    server({ fault: between(0, 1e9, empty) }),
  );
  chaos(
    '24 NaN samples for a minute',
    { healthy: PASSES, broken: FAILS },
    server({ fault: between(40, 100, odd('NaN')) }),
  );
  chaos(
    '25 answers of another type',
    { healthy: 'hold blind', broken: 'hold blind' },
    server({ fault: between(0, 1e9, odd('3', 'vector')) }),
  );
  chaos(
    '26 HTML for a minute',
    { healthy: PASSES, broken: FAILS },
    server({ fault: between(40, 100, { body: '<html>sign in</html>' }) }),
  );
  chaos(
    '27 truncated JSON for a minute',
    { healthy: PASSES, broken: FAILS },
    server({ fault: between(40, 100, { body: '{"status":"success","data":{"res' }) }),
  );
  chaos(
    '28 the login ends after 40 s',
    { healthy: 'E_PERMISSION_MISSING', broken: 'E_PERMISSION_MISSING' },
    server({ fault: between(40, 1e9, { status: 401 }) }),
  );
  chaos(
    '29 a redirect',
    { healthy: 'E_REDIRECT', broken: 'E_REDIRECT' },
    server({
      fault: between(0, 1e9, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }),
    }),
  );
  chaos('30 the server is ten minutes ahead of us', { healthy: PASSES, broken: FAILS }, server({ ours: -600 }));
  chaos('31 the server is ten minutes behind us', { healthy: PASSES, broken: FAILS }, server({ ours: 600 }));
  chaos(
    '32 the canary has no series',
    { healthy: 'hold canary-silent', broken: 'hold canary-silent' },
    server({
      fault: (_, query) => (query.includes('track="canary"') ? empty : undefined),
    }),
  );
  chaos(
    '33 stable has no series',
    { healthy: 'hold blind', broken: 'hold blind' },
    server({
      fault: (_, query) => (query.includes('track="stable"') ? empty : undefined),
    }),
  );
  // Prometheus would let its last sample stand for the present for five minutes more: that would look like no traffic.
  chaos(
    '34 the series of the canary end after a minute',
    { healthy: 'fail canary-silent', broken: FAILS },
    server({
      canary: { rate: 20, to: T + 60 },
    }),
  );
});

describe('traces', () => {
  const config = rules([ERRORS], [STEP]);
  /** A quarter of a minute each. @param incident lines in which both versions have 20 % errors */
  function lines(errors: number, count: number, incident: readonly number[] = []): Interval[] {
    return Array.from({ length: count }, (_, i) => {
      const [e0, e1] = incident.includes(i) ? [240, 60] : [0, 300 * errors];
      return {
        v: 1,
        step: '20',
        weight: 20,
        start: T + 15 * i,
        end: T + 15 * (i + 1),
        metrics: { errors: { stable: { n: 1200, e: e0 }, canary: { n: 300, e: e1 } } },
      };
    });
  }
  const event = (word: TraceEvent['event'], after: number): TraceEvent => ({
    v: 1,
    type: 'event',
    at: T + 15 * after,
    event: word,
  });
  const textOf = (all: readonly TraceLine[]): string => all.map((line) => `${JSON.stringify(line)}\n`).join('');
  const at = (all: readonly TraceLine[], i: number, line: TraceLine): TraceLine[] => [
    ...all.slice(0, i),
    line,
    ...all.slice(i),
  ];

  /** The same event before any line of the first two minutes: the same word each time. */
  const anywhere =
    (word: TraceEvent['event']) =>
    async (errors: number): Promise<Outcome> => {
      const outcomes: Outcome[] = [];
      for (let i = 0; i < 8; i += 1)
        outcomes.push(await replay(textOf(at(lines(errors, 12), i, event(word, i))), config));
      const words = new Set(outcomes.slice(errors > 0 ? 1 : 0, errors > 0 ? 2 : 8).map(said));
      const [last] = outcomes.slice(-1);
      if (last === undefined || words.size !== 1) throw new Error(`not one word: ${[...words].join(', ')}`);
      return last;
    };

  chaos('35 cancelled at any line', { healthy: 'hold cancelled', broken: FAILS }, anywhere('cancelled'));
  chaos('36 superseded at any line', { healthy: 'superseded superseded', broken: FAILS }, anywhere('superseded'));
  chaos('37 a crash loop at any line', { healthy: 'fail crashloop', broken: FAILS }, anywhere('crashloop'));
  chaos('38 degraded at any line', { healthy: 'hold degraded', broken: FAILS }, anywhere('degraded'));
  chaos('39 an incident on both versions', { healthy: PASSES, broken: FAILS }, (errors) =>
    replay(textOf(lines(errors, 40, [2, 3, 4, 5, 6, 7])), config),
  );
  chaos('40 the trace was cut in the middle of a line', { healthy: 'hold trace-ended', broken: FAILS }, (errors) =>
    replay(textOf(lines(errors, 8)).slice(0, -40), config),
  );
  chaos('41 lines that overlap', { healthy: 'E_TRACE_INVALID', broken: 'E_TRACE_INVALID' }, (errors) =>
    replay(textOf(lines(errors, 12).map((line, i) => (i === 6 ? { ...line, start: line.start - 5 } : line))), config),
  );
  chaos('42 every second line is a gap', { healthy: 'hold coverage-low', broken: FAILS }, (errors) =>
    replay(
      textOf(lines(errors, 60).map((line, i) => (i % 2 === 0 ? line : { ...line, gap: 'query-error' as const }))),
      config,
    ),
  );
});
