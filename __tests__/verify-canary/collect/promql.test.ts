/** T26: what Prometheus may answer, and what becomes of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpError } from '../../../src/http/index.ts';
import { openPrometheus } from '../../../src/verify-canary/collect/promql.ts';
import { type Asked, Prom, promInputs } from '../support/prom.ts';
import { ERRORS, memoryHttp, type Outcome, type Reply, rules, steppingClock, T, watch } from '../support/world.ts';

let now = T;
let prom: Prom;
beforeAll(async () => {
  prom = await new Prom(() => now).listen();
  for (const [track, rate] of [
    ['stable', 80],
    ['canary', 20],
  ] as const) {
    prom.add({ track, pod: `${track}-1`, from: T - 300, to: T + 900, rate });
  }
});
afterAll(() => prom[Symbol.asyncDispose]());
beforeEach(() => {
  now = T;
  prom.asked.length = 0;
});

const config = rules([ERRORS], ['steps: [{weight: 20, min: 2m, max: 5m}]']);
let slept: readonly number[] = [];

/** A fault of the answers to queries of data, from the third interval on, for two minutes at most. */
function during(reply: (asked: Asked) => Reply | 'hang-up' | undefined, from = 45, to = 70): Promise<Outcome> {
  prom.fault = (asked) =>
    asked.query !== 'time()' && now - T - 25 > from - 15 && now - T - 25 <= to ? reply(asked) : undefined;
  const clock = steppingClock(T, (seconds) => {
    now += seconds;
  });
  slept = clock.slept;
  return watch(promInputs(prom), { config, clock });
}

const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const data = (resultType: string, result: unknown): Reply => json({ status: 'success', data: { resultType, result } });
const HUGE = `{"status":"success","data":{"resultType":"matrix","result":[],"x":"${'x'.repeat(17 * 1024 * 1024)}"}}`;

describe('T26 a gap, with its cause once in the log', () => {
  test.each<[string, () => Reply | 'hang-up', string, string]>([
    [
      'warnings',
      () => json({ status: 'success', warnings: ['half is missing'], data: { resultType: 'matrix', result: [] } }),
      'partial',
      'half is missing',
    ],
    [
      'part of a cluster of VictoriaMetrics',
      () => json({ status: 'success', isPartial: true, data: { resultType: 'matrix', result: [] } }),
      'partial',
      'its answer is partial',
    ],
    ['NaN samples', () => data('matrix', [{ metric: {}, values: [[T, 'NaN']] }]), 'query-error', 'not a finite number'],
    [
      'an infinite sample',
      () => data('matrix', [{ metric: {}, values: [[T, '+Inf']] }]),
      'query-error',
      'not a finite number',
    ],
    [
      'a sample without value',
      () => data('matrix', [{ metric: {}, values: [[T, '']] }]),
      'query-error',
      'not a finite number',
    ],
    ['a series without labels', () => data('matrix', [{ values: [] }]), 'query-error', 'without labels or values'],
    ['a vector', () => data('vector', []), 'query-error', 'vector where a matrix was asked'],
    ['a string', () => data('string', [T, 'x']), 'query-error', 'string where a matrix was asked'],
    ['no data', () => json({ status: 'success' }), 'query-error', 'without data'],
    ['status error', () => json({ status: 'error', error: 'x' }), 'query-error', 'did not answer with success'],
    ['truncated JSON', () => ({ body: '{"status":"success","data":{"resul' }), 'query-error', 'as JSON'],
    ['HTML', () => ({ body: '<!doctype html><title>Login</title>' }), 'query-error', 'as JSON'],
    ['17 MB, later', () => ({ body: HUGE }), 'query-error', 'larger than'],
    ['404', () => ({ status: 404 }), 'query-error', 'answered 404'],
    ['503', () => ({ status: 503 }), 'query-error', 'answered 503'],
    ['429', () => ({ status: 429 }), 'query-error', 'answered 429'],
    ['a dead connection', () => 'hang-up', 'query-error', '127.0.0.1'],
  ])('%s', async (_, reply, gap, cause) => {
    const { intervals, verdict, log, error } = await during(reply);
    expect(error).toBeUndefined();
    expect(new Set(intervals.map((line) => line.gap))).toEqual(new Set([undefined, gap]));
    const [warning, ...more] = log.annotations.filter((a) => a.code === 'W_METRICS_FAULT');
    expect(more).toEqual([]);
    expect(warning?.message).toContain(cause);
    expect(warning?.message).toContain('This time counts as a gap');
    expect(verdict).toMatchObject({ verdict: 'pass' });
    expect(intervals.at(-1)?.gap).toBeUndefined();
  });

  test('an empty result: nobody is there', async () => {
    const { intervals } = await during(() => data('matrix', []));
    expect(new Set(intervals.map((line) => line.gap))).toEqual(new Set([undefined, 'both-absent']));
  });

  test('503 with Retry-After: 5 is waited for and asked again', async () => {
    let refused = 0;
    const { intervals } = await during(() => {
      refused += 1;
      return refused > 1 ? undefined : ({ status: 503, headers: { 'retry-after': '5' } } as never);
    });
    expect(intervals.every((line) => line.gap === undefined)).toBe(true);
    expect([refused > 1, slept.includes(5)]).toEqual([true, true]);
  });
});

describe('T26 red at once', () => {
  test.each<[string, Reply, string, string]>([
    ['401', { status: 401 }, 'E_PERMISSION_MISSING', '127.0.0.1'],
    ['403', { status: 403 }, 'E_PERMISSION_MISSING', 'may not read'],
    ['422', json({ status: 'error', error: 'unknown function' }, 422), 'E_QUERY_REJECTED', 'track="stable"'],
    ['400', json({ status: 'error', error: 'parse error' }, 400), 'E_QUERY_REJECTED', 'parse error'],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/x' } }, 'E_REDIRECT', 'not followed'],
  ])('%s', async (_, reply, code, text) => {
    let replies = 0;
    const { error, lines } = await during(() => {
      replies += 1;
      return reply;
    });
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(text);
    expect(lines.length).toBeGreaterThan(2);
    // Nothing gets better by asking again.
    expect(replies).toBe(1);
  });

  test('17 MB as the first answer', async () => {
    const { error } = await during(({ query }) => (query.includes('http_requests') ? { body: HUGE } : undefined), -100);
    expect(error).toMatchObject({ code: 'E_RESPONSE_TOO_LARGE' });
    expect((error as Error).message).toContain('Narrow the selector');
  });
});

describe('one query', () => {
  const base = new URL('https://prom.example.com/team/prometheus/');
  const client = (answer: Parameters<typeof memoryHttp>[0], clock = steppingClock()) =>
    openPrometheus(memoryHttp(answer)(), base, { authorization: 'Bearer t' }, clock, () => 0.5);
  const signal = new AbortController().signal;

  test('keeps the base path, and asks as a form', async () => {
    let [url, body] = ['', ''];
    const prometheus = client((request) => {
      [url, body] = [request.url.href, String(request.body)];
      return data('matrix', [{ metric: { pod: 'a', n: 1 }, values: [[T, '5']] }]);
    });
    expect(await prometheus.matrix('m[60s]', T, signal)).toEqual([{ labels: { pod: 'a', n: '1' }, points: [[T, 5]] }]);
    expect(url).toBe('https://prom.example.com/team/prometheus/api/v1/query');
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({ query: 'm[60s]', time: String(T), timeout: '10s' });
  });

  test.each(['connect', 'reset', 'timeout', 'tls'] as const)('%s: three tries, then a gap', async (kind) => {
    let tries = 0;
    const clock = steppingClock();
    const prometheus = client(() => {
      tries += 1;
      throw new HttpError(kind, 'no answer');
    }, clock);
    await expect(prometheus.matrix('m[60s]', T, signal)).rejects.toMatchObject({
      name: 'GapError',
      gap: 'query-error',
    });
    expect([tries, clock.slept]).toEqual([3, [0.25, 0.5]]);
  });

  test('a Retry-After of more than 30 s is not waited for', async () => {
    const clock = steppingClock();
    const prometheus = client(() => ({ status: 503, headers: { 'retry-after': '31' } }), clock);
    await expect(prometheus.matrix('m[60s]', T, signal)).rejects.toMatchObject({ gap: 'query-error' });
    expect(clock.slept).toEqual([]);
  });

  test('more than 100,000 series are refused', async () => {
    const series = Array.from({ length: 100_001 }, () => ({ metric: {}, values: [] }));
    await expect(client(() => data('matrix', series)).matrix('m[60s]', T, signal)).rejects.toMatchObject({
      code: 'E_RESPONSE_TOO_LARGE',
    });
  });

  test.each([
    ['a scalar that is called a vector', data('vector', [T, '1'])],
    ['no element', data('vector', [])],
    [
      'two elements',
      data('vector', [
        { metric: {}, value: [T, '1'] },
        { metric: {}, value: [T, '1'] },
      ]),
    ],
    ['no number', data('scalar', [T, 'soon'])],
  ])('time() as %s is no time', async (_, reply) => {
    await expect(client(() => reply).time(signal)).rejects.toMatchObject({ gap: 'query-error' });
  });

  test('VictoriaMetrics answers time() with a vector of one element', async () => {
    const reply = json({
      status: 'success',
      isPartial: false,
      data: { resultType: 'vector', result: [{ metric: {}, value: [T, String(T + 3)] }] },
    });
    expect(await client(() => reply).time(signal)).toBe(T + 3);
  });

  test('a policy that refuses the host is for a person to mend', async () => {
    const prometheus = client(() => {
      throw new HttpError('policy', 'resolves to 169.254.169.254, which is never contacted');
    });
    await expect(prometheus.time(signal)).rejects.toMatchObject({ code: 'E_TARGET_INVALID' });
  });

  test('a cancelled run is no gap', async () => {
    const controller = new AbortController();
    const prometheus = client(() => {
      controller.abort(new Error('stopped'));
      throw new HttpError('aborted', 'cancelled');
    });
    await expect(prometheus.time(controller.signal)).rejects.toThrow('stopped');
  });

  test('names are a help, never a fault', async () => {
    expect(await client(() => ({ status: 500 })).names(signal)).toEqual([]);
    expect(await client(() => json({ data: ['a', 1, 'b'] })).names(signal)).toEqual(['a', 'b']);
  });
});
