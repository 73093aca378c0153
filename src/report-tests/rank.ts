/** GitHub shows ten annotations a level: what stops the work comes first. */
import type { Level } from '../runner/index.ts';

/** Failed tests, then code that cannot be right (F, E9), then complexity (C9), then style (E, W). */
export const FAILURE_RANK = 0;
const RANKS: readonly { prefix: string; level: Level }[] = [
  { prefix: 'F', level: 'error' },
  { prefix: 'E9', level: 'error' },
  { prefix: 'C9', level: 'warning' },
  { prefix: 'E', level: 'warning' },
  { prefix: 'W', level: 'warning' },
];

/** @param code of flake8, such as E501; plugins bring their own letters, which come last */
export function rankOf(code: string): { level: Level; rank: number } {
  const index = RANKS.findIndex(({ prefix }) => code.startsWith(prefix));
  const found = RANKS[index];
  return found === undefined
    ? { level: 'warning', rank: FAILURE_RANK + RANKS.length + 1 }
    : { level: found.level, rank: FAILURE_RANK + 1 + index };
}
