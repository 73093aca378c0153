/** The traffic share: does the canary get what Git asks for? */
import { describe, expect, test } from '@jest/globals';
import { cpu, errors, plainConfig, Rollout } from './support.ts';

const steps = [5, 10, 20].map((weight) => ({ weight, min: 0, max: 1200 }));
/** Requests of a minute, 2 % of them failing on both sides. */
const split = (total: number, percent: number) => {
  const canary = Math.round((total * percent) / 100);
  return {
    traffic: { stable: total - canary, canary },
    ...errors(total - canary, canary, (total - canary) / 50, canary / 50),
  };
};

describe('T16 a weight that is not real yet', () => {
  test('5 to 10, the first 90 s still at 5: the gate resets inside settle, then the step passes', () => {
    const rollout = new Rollout(plainConfig({ settle: 120, steps }));
    rollout.seconds = 30;
    expect(rollout.lines(10, split(5000, 5)).verdict).toBe('pass');
    rollout.to(10);
    const begin = rollout.at;
    for (let i = 0; i < 3; i += 1) {
      expect(rollout.line(split(5000, 5)).verdict).toBeNull();
      // Forgotten at every line: share, evidence for a pass, coverage.
      const { share, metrics, coverage, elapsed } = rollout.judge.verdict();
      expect({ observed: share.observed, coverage, elapsed }).toEqual({ observed: null, coverage: 0, elapsed: 0 });
      expect(metrics[0]?.pass.logP).toBe(0);
    }
    rollout.gap('query-error');
    expect(rollout.judge.verdict()).toMatchObject({ coverage: 0, elapsed: 30 });
    const status = rollout.lines(20, split(5000, 10));
    expect(status).toMatchObject({ verdict: 'pass', step: '10' });
    const { share, steps: seen } = rollout.judge.verdict();
    expect(share).toMatchObject({ expected: 0.1, observed: 0.1, state: 'ok' });
    expect(seen.map((s) => [s.step, s.verdict, s.start])).toEqual([
      ['5', 'pass', 0],
      ['10', 'pass', begin],
    ]);
  });

  test('still at 5 after settle: routing-not-applied', () => {
    const rollout = new Rollout(plainConfig({ settle: 120, steps }));
    rollout.lines(10, split(5000, 5));
    rollout.to(10);
    expect(rollout.lines(2, split(5000, 5)).verdict).toBeNull();
    expect(rollout.line(split(5000, 5))).toMatchObject({ verdict: 'hold', reason: 'routing-not-applied' });
    expect(rollout.judge.verdict().share.state).toBe('wrong');
  });

  test('a canary without any request: routing-not-applied, also in the first step', () => {
    const rollout = new Rollout(plainConfig({ steps }));
    expect(rollout.line(split(5000, 0))).toMatchObject({ verdict: 'hold', reason: 'routing-not-applied' });
  });

  test('asked 20, gets 40: routing-wrong-share', () => {
    const rollout = new Rollout(plainConfig({ steps }));
    rollout.lines(10, split(5000, 5));
    rollout.to(20);
    expect(rollout.lines(5, split(5000, 40))).toMatchObject({ verdict: 'hold', reason: 'routing-wrong-share' });
  });

  test('mode observe: displayed only', () => {
    const rollout = new Rollout(plainConfig({ steps, share: { mode: 'observe' } }));
    rollout.to(20);
    expect(rollout.lines(5, split(5000, 40))).toMatchObject({ verdict: 'pass' });
    expect(rollout.judge.verdict().share).toMatchObject({ expected: 0.2, observed: 0.4, state: 'wrong' });
  });

  test('no weight: no gate', () => {
    const rollout = new Rollout(plainConfig({ steps }));
    rollout.weight = null;
    expect(rollout.lines(9, split(5000, 40))).toMatchObject({ verdict: 'pass' });
    expect(rollout.judge.verdict().share).toEqual({ expected: null, observed: 0.4, logE: 0, state: 'off' });
  });

  test('a weight that changes within a step counts its share anew', () => {
    const rollout = new Rollout(plainConfig({ steps: [5, 20].map((weight) => ({ weight, min: 1e6, max: 1e6 })) }));
    rollout.lines(3, split(5000, 5));
    rollout.weight = 20;
    expect(rollout.lines(3, split(5000, 20)).verdict).toBeNull();
    expect(rollout.judge.verdict()).toMatchObject({ step: '5', weight: 20, share: { observed: 0.2, state: 'ok' } });
  });

  test('resets forget nothing that speaks against the canary: not the CPU blocks, not the errors', () => {
    const metrics = [
      { name: 'errors', kind: 'ratio' as const, pass: 'none' as const },
      { name: 'cpu', kind: 'cpu' as const, block: 60, mode: 'observe' as const },
    ];
    const run = (mode: 'enforce' | 'observe'): number[] => {
      const rollout = new Rollout(plainConfig({ settle: 1e6, metrics, steps, share: { mode } }));
      for (let i = 0; i < 8; i += 1) {
        rollout.line({ metrics: { ...errors(5000, 5, 0, 0).metrics, cpu: cpu(5000, 500, 50, 30) } });
      }
      return rollout.judge.evidence().fail;
    };
    expect(run('enforce')).toEqual(run('observe'));
    expect(run('enforce')[1]).toBeGreaterThan(2);
  });
});

describe('T18 little traffic', () => {
  test('3 requests an interval: no hold for lack of data, the share is unconfirmed', () => {
    const rollout = new Rollout(plainConfig({ steps: [{ weight: 5, min: 0, max: 1e9 }] }));
    for (let i = 0; i < 50; i += 1) {
      expect(rollout.line(errors(3, 0, 0, 0)).verdict).toBeNull();
      expect(rollout.judge.verdict().share).toMatchObject({ observed: 0, state: 'unconfirmed' });
    }
  });

  test.each([
    [399, 'unconfirmed'],
    [400, 'ok'],
  ])('of %i requests at the right share: %s', (total, state) => {
    const rollout = new Rollout(plainConfig());
    rollout.line({ traffic: { stable: total - 20, canary: 20 } });
    expect(rollout.judge.verdict().share.state).toBe(state);
  });

  test('enough requests outside the tolerance: unconfirmed, until it is wrong', () => {
    const rollout = new Rollout(plainConfig({ steps }));
    rollout.line({ traffic: { stable: 380, canary: 36 } });
    expect(rollout.judge.verdict().share.state).toBe('unconfirmed');
  });
});
