import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mergeLogs } from '../../src/bump-helm-tag/github-log.ts';

const commit = (oid: string, time: string) => ({ oid, message: '', time });

test('commits of one second keep the order of every file', () => {
  const time = '2026-01-01T00:00:00Z';
  const [x, y, z] = [commit('x', time), commit('y', time), commit('z', time)];
  expect(mergeLogs([[x], [y, x, z]]).map((c) => c.oid)).toEqual(['y', 'x', 'z']);
});

test('any logs of one history: each commit once, in its order', () => {
  const history = fc.array(
    fc.record({ second: fc.integer({ min: 0, max: 1 }), files: fc.subarray([0, 1, 2], { minLength: 1 }) }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(history, (steps) => {
      let clock = 100;
      // Oldest first; a clock that hardly moves.
      const all = steps.map(({ second, files }, i) => {
        clock += second;
        return { commit: commit(String(i), `t${clock}`), files };
      });
      const newestFirst = [...all].reverse();
      const logs = [0, 1, 2].map((f) => newestFirst.filter((s) => s.files.includes(f)).map((s) => s.commit));
      const merged = mergeLogs(logs);
      expect(merged).toHaveLength(all.length);
      for (const log of logs) expect(merged.filter((c) => log.includes(c))).toEqual(log);
    }),
    { numRuns: 500 },
  );
});
