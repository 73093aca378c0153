/** T21: the start of a process is that of its target; a pod may have several. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Prom, promInputs } from '../support/prom.ts';
import { ERRORS, type Outcome, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeEach(async () => {
  now = T;
  prom = await new Prom(() => now).listen();
});
afterEach(() => prom[Symbol.asyncDispose]());

const START = 'process_start_time_seconds';
const LONG_AGO = T - 86_400;

interface Shape {
  /** Labels of the requests, and how many there were before. */
  app: Record<string, string>;
  before?: number;
  rate: number;
  /** Start times by their labels. */
  starts: readonly (readonly [labels: Record<string, string>, at: (now: number) => number])[];
}

function put({ app, before = 1000, rate, starts }: Shape): void {
  for (let at = T - 300; at <= T + 1200; at += 5) {
    prom.store.append('http_requests_total', { ...app, code: '200' }, at, before + (at - T + 300) * rate);
    for (const [labels, start] of starts) prom.store.append(START, labels, at, start(at));
  }
}

function play(): Promise<Outcome> {
  const clock = steppingClock(now, (seconds) => {
    now += seconds;
    if (now > T + 7200) throw new Error('the run does not end');
  });
  return watch(promInputs(prom), {
    config: rules([ERRORS], ['steps: [{weight: 20, min: 1m, max: 10m}]']),
    clock,
  });
}

const labels = (track: string, pod: string, port: number, job: string): Record<string, string> => ({
  track,
  pod,
  job,
  instance: `${pod}:${port}`,
});

test('a sidecar that starts again is no restart of the application: its 50 million requests of before stay out', async () => {
  const app = labels('stable', 's-1', 8080, 'app');
  const proxy = labels('stable', 's-1', 15020, 'proxy');
  put({
    app,
    before: 50_000_000,
    rate: 80,
    starts: [
      [app, () => LONG_AGO],
      [proxy, (at) => (at >= T + 40 ? T + 40 : LONG_AGO)],
    ],
  });
  const canary = labels('canary', 'c-1', 8080, 'app');
  put({ app: canary, rate: 20, starts: [[canary, () => LONG_AGO]] });
  const { intervals, verdict } = await play();
  expect(intervals.every((line) => line.traffic?.stable === 1200)).toBe(true);
  expect(verdict.verdict).toBe('pass');
});

test('a start time of another target tells where the pod has no other: the counter began anew, though it is larger', async () => {
  const app = labels('stable', 's-1', 8080, 'app');
  const canary = labels('canary', 'c-1', 8080, 'app');
  put({ app, rate: 80, starts: [[app, () => LONG_AGO]] });
  put({
    app: canary,
    rate: 20,
    starts: [[labels('canary', 'c-1', 9090, 'admin'), (at) => (at >= T + 40 ? T + 40 : LONG_AGO)]],
  });
  const { intervals } = await play();
  expect(intervals.map((line) => (line.traffic?.canary ?? 0) > 300)).toContain(true);
});

test('of two other targets neither is taken', async () => {
  const app = labels('stable', 's-1', 8080, 'app');
  const canary = labels('canary', 'c-1', 8080, 'app');
  put({ app, rate: 80, starts: [[app, () => LONG_AGO]] });
  put({
    app: canary,
    rate: 20,
    starts: [
      [labels('canary', 'c-1', 9090, 'admin'), (at) => (at >= T + 40 ? T + 40 : LONG_AGO)],
      [labels('canary', 'c-1', 15020, 'proxy'), (at) => (at >= T + 60 ? T + 60 : LONG_AGO)],
    ],
  });
  const { intervals } = await play();
  expect(intervals.every((line) => line.traffic?.canary === 300)).toBe(true);
});
