import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

/**
 * Parses the traffic weights of a canary: a JSON array of strictly rising whole numbers from 1 to 100 that ends in 100.
 * @throws ActionError E_PLAN_WEIGHTS naming the first bad entry
 */
export function parseWeights(text: string): readonly number[] {
  const bad = (why: string): ActionError =>
    new ActionError('E_PLAN_WEIGHTS', {
      what: 'input weights',
      why,
      fix: 'Write a JSON list such as [5,10,25,50,100]',
    });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw bad(`"${oneLine(text, 80)}" is not JSON`);
  }
  if (!Array.isArray(list) || list.length === 0)
    throw bad(`"${oneLine(text, 80)}" is not a list with at least one weight`);
  if (list.length > 50) throw bad(`${list.length} weights are more than the 50 that fit one delivery`);
  const weights: number[] = [];
  for (const [index, entry] of list.entries()) {
    const shown = `entry ${index + 1} (${oneLine(JSON.stringify(entry), 40)})`;
    if (typeof entry !== 'number' || !Number.isInteger(entry) || entry < 1 || entry > 100) {
      throw bad(`${shown} is not a whole number from 1 to 100`);
    }
    const before = weights.at(-1);
    if (before !== undefined && entry <= before) throw bad(`${shown} is not above the one before it (${before})`);
    weights.push(entry);
  }
  if (weights.at(-1) !== 100) throw bad(`the last entry (${weights.at(-1)}) is not 100: the delivery would never end`);
  return weights;
}
