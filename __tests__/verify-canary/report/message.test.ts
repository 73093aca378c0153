import { describe, expect, test } from '@jest/globals';
import type { Interval, Reason, TraceLine, Verdict, VerdictWord } from '../../../src/verify-canary/core/index.ts';
import { verdictMessage } from '../../../src/verify-canary/report/message.ts';
import { fixed, interval, percent, short, span, stopwatch } from '../../../src/verify-canary/report/numbers.ts';
import { G1, G2 } from '../support/action.ts';
import { judged } from '../support/facts.ts';
import { ERRORS, LATENCY, rules } from '../support/world.ts';

const message = (lines: readonly TraceLine[], config = rules()): string => judged(config, lines).message;

describe('one sentence with its numbers', () => {
  test('fail', () => {
    expect(message(G1)).toMatch(
      /^FAIL after 6 min: errors 3\.74 x stable \(95 % interval 1\.42-10\.7\), 1\.9 % against 0\.54 %, 37 failed requests served, p = 0\.00659$/,
    );
  });

  test('pass', () => {
    expect(message(G2)).toMatch(/^PASS after \d+ (s|min) at 5 %: no worse than stable \(errors 0 % against 0 %\)$/);
  });

  test('a slow canary is called slow', () => {
    const slow = (i: number): Interval => ({
      v: 1,
      step: '5',
      weight: null,
      start: i * 60,
      end: i * 60 + 60,
      metrics: {
        latency: {
          stable: { n: 1000, le: { '0.25': 990, '0.5': 1000 } },
          canary: { n: 100, le: { '0.25': 20, '0.5': 60 } },
        },
      },
    });
    expect(message([0, 1, 2].map(slow), rules([LATENCY]))).toMatch(/^FAIL .*: latency .* slow requests served/);
  });

  test.each<[VerdictWord, Reason, string]>([
    ['superseded', 'superseded', 'SUPERSEDED after 6 min: a newer version took over'],
    ['no-data', 'no-traffic', 'no request reached either version. Send traffic'],
    ['no-data', 'absent', 'neither version has any of the metrics'],
    ['fail', 'canary-silent', 'the canary was there and is gone'],
    ['fail', 'crashloop', 'crash again and again'],
    ['fail', 'coverage-low', 'of the time has usable data'],
    ['hold', 'cancelled', 'Run it again with this trace as history'],
    ['hold', 'blind', 'no metrics for too long'],
    ['hold', 'canary-silent', 'the canary has no metrics'],
    ['hold', 'routing-not-applied', 'the new weight is not real yet'],
    ['hold', 'routing-wrong-share', 'set share.phi'],
    ['hold', 'trace-ended', 'the trace ends before'],
    ['hold', 'degraded', 'degraded'],
    ['hold', 'absent:errors', 'errors has values for too little of the time'],
    ['hold', 'slo:errors', 'outside the objective of errors right now'],
    ['hold', 'deadline', 'no evidence for errors yet'],
  ])('%s %s', (verdict, reason, text) => {
    const change = (v: Verdict): Verdict => ({ ...v, verdict, reason, waiting: ['errors'] });
    expect(judged(rules(), G1, change).message).toContain(text);
  });

  test('no events at all and no slo: it says to set one', () => {
    const bare = rules([ERRORS.replace(', slo: 0.05', '')]);
    const change = (v: Verdict): Verdict => ({ ...v, verdict: 'hold', reason: 'deadline' });
    expect(judged(bare, G2, change).message).toContain('no such events at all: set slo for errors');
  });

  test('an ETA is told in minutes', () => {
    const base = judged(rules(), G2).facts.verdict;
    const told = verdictMessage({ ...base, verdict: 'hold', reason: 'deadline', waiting: ['errors'], etaSeconds: 350 });
    expect(told).toContain('no evidence for errors yet');
    expect(verdictMessage({ ...base, verdict: 'hold', reason: 'deadline', waiting: ['a', 'b'], etaSeconds: 350 })).toBe(
      `${told.split(':')[0]}: no evidence for a, b yet, about 6 min more at this traffic; run again, or raise the weight`,
    );
  });
});

describe('numbers', () => {
  test.each<[number | null, string]>([
    [null, 'unknown'],
    [Number.NaN, 'unknown'],
    [Number.POSITIVE_INFINITY, 'unknown'],
    [0, '0'],
    [-0, '0'],
    [1.23456, '1.23'],
    [0.00123456, '0.00123'],
    [123.456, '123'],
    [98_765.4, '98765'],
    [3e-6, '3.0e-6'],
    [1e21, '1.0e+21'],
  ])('short(%p) = %s', (value, expected) => {
    expect(short(value)).toBe(expected);
  });

  test('percent, span, stopwatch, interval, fixed', () => {
    expect([percent(null), percent(0), percent(0.01234), percent(1)]).toEqual(['unknown', '0 %', '1.2 %', '100 %']);
    expect([span(0), span(45), span(90), span(359), span(7800)]).toEqual([
      '0 s',
      '45 s',
      '2 min',
      '6 min',
      '2 h 10 min',
    ]);
    expect([stopwatch(0), stopwatch(135), stopwatch(6000)]).toEqual(['00:00', '02:15', '100:00']);
    expect([interval(1, 2), interval(0, null)]).toEqual(['1-2', '0-unbounded']);
    expect([fixed(-0.001, 1), fixed(0, 2), fixed(1.25, 1), fixed(-1.26, 1)]).toEqual(['0.0', '0.00', '1.3', '-1.3']);
  });
});
