import { createJudge, type JudgeConfigInput, type Status } from '../../../src/verify-canary/core/index.ts';
import type { Model } from './model.ts';

/** The judge of this repository. */
export function ours(config: JudgeConfigInput): Model {
  const judge = createJudge(config);
  let last: Status | null = null;
  return {
    observe(line) {
      last = judge.observe(line);
    },
    verdict() {
      const word = last?.verdict ?? null;
      return word === 'fail' || word === 'pass' ? word : word === null ? 'go-on' : 'hold';
    },
  };
}
