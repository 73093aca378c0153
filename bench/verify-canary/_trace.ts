/** A recorded trace of a healthy service, as text. */
import { canonicalLine } from '../../src/verify-canary/core/index.ts';
import { generate } from './scenario/generate.ts';
import { seeded } from './scenario/random.ts';
import { PLAIN } from './scenario/scenario.ts';

/** One step of so many intervals of a second, at 5 %. */
export function healthyTrace(intervals: number): string {
  const scenario = { ...PLAIN, interval: 1, steps: [{ weight: 5, seconds: intervals }] };
  const lines = generate(scenario, seeded(1));
  return lines.map((line) => `${canonicalLine(line, ['errors', 'latency', 'cpu'])}\n`).join('');
}

/** A step that ends with its last second, never sooner. */
export const ENDLESS = '{weight: 5, min: 20h, max: 24h}';
