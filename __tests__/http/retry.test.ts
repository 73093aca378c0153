import { describe, expect, test } from '@jest/globals';
import { type Advice, retryAfter, withRetry } from '../../src/http/index.ts';
import { Deadline, fakeClock } from '../../src/runner/index.ts';

function setUp(seconds = 1000) {
  const clock = fakeClock();
  const deadline = new Deadline(seconds, clock);
  const options = (advice: (n: number) => Advice) => {
    let n = 0;
    return {
      retries: 3,
      baseMs: 1000,
      capMs: 3000,
      retryAfterCapMs: 30_000,
      clock,
      random: () => 1,
      deadline,
      classify: () => advice(n++),
    };
  };
  return { clock, deadline, options };
}

describe('withRetry', () => {
  test('waits base * 2^n up to the cap, then hands the last outcome on', async () => {
    const { clock, deadline, options } = setUp();
    let tries = 0;
    expect(
      await withRetry(
        async () => ++tries,
        options(() => 'retry'),
      ),
    ).toBe(4);
    expect(clock.slept).toEqual([1, 2, 3]);
    deadline[Symbol.dispose]();
  });
  test('obeys the server, but not beyond the cap', async () => {
    const { clock, deadline, options } = setUp();
    await withRetry(
      async () => 1,
      options((n) => (n === 0 ? { retryAfterMs: 5000 } : { retryAfterMs: 31_000 })),
    );
    expect(clock.slept).toEqual([5]);
    deadline[Symbol.dispose]();
  });
  test('never waits past the deadline, and throws the last error', async () => {
    const { clock, deadline, options } = setUp(2.5);
    await expect(
      withRetry(
        async () => Promise.reject(new Error('down')),
        options(() => 'retry'),
      ),
    ).rejects.toThrow('down');
    expect(clock.slept).toEqual([1]);
    deadline[Symbol.dispose]();
  });
});

test.each([
  ['120', 120],
  ['Wed, 15 Nov 2023 00:00:10 GMT', 10],
  ['Wed, 15 Nov 2000 00:00:10 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
])('retryAfter(%s) = %s', (value, seconds) => {
  expect(retryAfter(new Headers({ 'retry-after': value }), Date.UTC(2023, 10, 15) / 1000)).toBe(seconds);
});
