import { describe, expect, test } from '@jest/globals';
import {
  countPage,
  delta,
  fromZero,
  type PageCounts,
  SampleError,
} from '../../../src/verify-canary/collect/counters.ts';
import { parseExposition } from '../../../src/verify-canary/collect/exposition.ts';
import { type Counts, planWants } from '../../../src/verify-canary/collect/plan.ts';
import { increase, indexAt, type Point } from '../../../src/verify-canary/collect/series.ts';
import { rules } from '../support/world.ts';

const wants = planWants(
  rules(['{name: errors, kind: ratio, events: \'r{code="503"}\', total: \'r{path!~"/health"}\', slo: 0.1}']),
);
const [TOTAL, EVENTS] = ['r{path!~"/health"}', 'r{code="503"}'];
const page = (text: string): PageCounts => countPage(parseExposition(text), wants);

/** [total, events] between two pages, and whether the process started again. */
function between(before: string, after: string): [number | undefined, number | undefined, boolean] {
  const counts: Counts = new Map();
  const restarted = delta('pod', page(before), page(after), counts);
  return [counts.get(TOTAL)?.sum, counts.get(EVENTS)?.sum, restarted];
}

describe('T21 from two pages to what happened between them', () => {
  test.each<[string, string, string, [number | undefined, number | undefined, boolean]]>([
    ['it grew', 'r{code="200"} 5\n', 'r{code="200"} 9\n', [4, undefined, false]],
    ['it fell: a reset, counted from 0', 'r{code="200"} 500\n', 'r{code="200"} 7\n', [7, undefined, true]],
    [
      'a reset hidden by a larger value, told by the start of the process',
      'r{code="200"} 5\nprocess_start_time_seconds 100\n',
      'r{code="200"} 9\nprocess_start_time_seconds 160\n',
      [9, undefined, true],
    ],
    [
      'a start time that wobbles by less than a second is no restart',
      'r{code="200"} 5\nprocess_start_time_seconds 100.1\n',
      'r{code="200"} 9\nprocess_start_time_seconds 100.9\n',
      [4, undefined, false],
    ],
    ['a series born with 3 counts 3', 'r{code="200"} 5\n', 'r{code="200"} 6\nr{code="503"} 3\n', [4, 3, false]],
    [
      'labels in another order are the same series',
      'r{code="503",path="/a"} 5\n',
      'r{path="/a",code="503"} 6\n',
      [1, 1, false],
    ],
    [
      'a series that is gone counts nothing',
      'r{code="200"} 5\nr{code="503"} 3\n',
      'r{code="200"} 6\n',
      [1, undefined, false],
    ],
    [
      'T38 health checks do not count',
      'r{path="/health"} 5\n',
      'r{path="/health"} 50\n',
      [undefined, undefined, false],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(between(before, after)).toEqual(expected);
  });

  test('a target born in the rollout counts from 0', () => {
    const counts: Counts = new Map();
    fromZero('pod', page('r{code="200"} 5\nr{code="503"} 2\n'), counts);
    expect([counts.get(TOTAL)?.sum, counts.get(EVENTS)?.sum]).toEqual([7, 2]);
  });

  test('T38 two pods with other labels are summed', () => {
    const counts: Counts = new Map();
    delta('pod-1', page('r{code="200",route="/a"} 1\n'), page('r{code="200",route="/a"} 4\n'), counts);
    delta('pod-2', page('r{code="200",zone="b"} 10\n'), page('r{code="200",zone="b"} 15\nr{code="503"} 1\n'), counts);
    const total = counts.get(TOTAL);
    expect([total?.sum, [...(total?.pods.keys() ?? [])]]).toEqual([9, ['pod-1', 'pod-2']]);
  });

  test.each(['NaN', '+Inf', '-Inf'])('a sample of %s is a fault', (value) => {
    expect(() => page(`r{code="200"} ${value}\n`)).toThrow(SampleError);
    expect(() => page(`other ${value}\n`)).not.toThrow();
  });
});

describe('T21 from raw samples to their increase', () => {
  const old = { fromZero: false, restarted: () => false };
  const young = { fromZero: true, restarted: () => false };
  const points = (...values: number[]): Point[] => values.map((value, i) => [1000 + i * 15, value]);

  test.each<[string, Point[], typeof old, number | null]>([
    ['it grew', points(5, 6, 9), old, 4],
    ['one reset', points(5, 9, 2), old, 6],
    ['two resets', points(5, 1, 0), old, 1],
    ['nothing new', points(5, 5, 5), old, 0],
    ['born inside, pod known: counts in full', points(5, 6, 9).slice(1), young, 9],
    ['born inside, pod new: the first sample is a baseline', points(5, 6, 9).slice(1), old, 3],
    ['no sample at all', [], old, null],
  ])('%s', (_, samples, born, expected) => {
    expect(increase(samples, 1000, 1030, born)).toBe(expected);
  });

  test('a hidden reset counts the later value in full', () => {
    const restarted = (_before: number, after: number): boolean => after === 1015;
    expect(increase(points(5, 9, 11), 1000, 1030, { fromZero: false, restarted })).toBe(11);
  });

  test('samples outside of the boundaries do not count', () => {
    expect(increase(points(5, 6, 9, 20), 1015, 1030, old)).toBe(3);
    expect(increase(points(5, 6, 9, 20), 1016, 1029, old)).toBe(0);
  });

  test('a sample stands for five minutes and no longer', () => {
    expect(increase([[1000, 5]], 1200, 1299, old)).toBe(0);
    expect(increase([[1000, 5]], 1200, 1300, old)).toBeNull();
    // Then the old one is no baseline either.
    const late: Point[] = [
      [1000, 5],
      [1400, 8],
      [1410, 9],
    ];
    expect(increase(late, 1390, 1420, old)).toBe(1);
    expect(increase(late, 1390, 1420, young)).toBe(9);
  });

  test('the increases of neighbouring intervals add up to the whole', () => {
    const samples = points(5, 6, 9, 2, 2, 7, 30, 1);
    const whole = increase(samples, 1000, 1105, old) ?? 0;
    const parts = [1000, 1020, 1041, 1060, 1105].map((at, i, all) => increase(samples, all[i - 1] ?? at, at, old) ?? 0);
    expect(parts.reduce((a, b) => a + b)).toBe(whole);
  });

  test('indexAt finds the last sample at or before a time', () => {
    expect([999, 1000, 1014, 1015, 2000].map((at) => indexAt(points(1, 2, 3), at))).toEqual([-1, 0, 0, 1, 2]);
  });
});
