/** Outputs of a step, in the file form with a random delimiter, so that no value can add a second output. */

import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { Env } from './inputs.ts';

export type OutputValue = string | number | boolean;

/** Appends the values to the step's output file; without one (a plain shell) nothing is written. */
export function writeOutputs(values: Readonly<Record<string, OutputValue>>, env: Env): void {
  const file = env.GITHUB_OUTPUT;
  if (file === undefined || file === '') return;
  const text = Object.entries(values)
    .map(([name, value]) => {
      const delimiter = `ghadelimiter_${randomUUID()}`;
      return `${name}<<${delimiter}\n${String(value)}\n${delimiter}\n`;
    })
    .join('');
  appendFileSync(file, text);
}
