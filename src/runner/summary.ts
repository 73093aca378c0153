/** The Markdown summary of a step, within GitHub's 1 MiB. */
import { appendFileSync } from 'node:fs';
import { truncateBytes } from '../text/index.ts';
import type { Env } from './inputs.ts';

/** GitHub drops a summary of more than 1 MiB whole; we stay well below. */
const SUMMARY_BUDGET = 900 * 1024;

/** Appends to the step's summary file; without one (a plain shell) nothing is written. */
export function appendSummary(markdown: string, env: Env, budget = SUMMARY_BUDGET): void {
  const file = env.GITHUB_STEP_SUMMARY;
  if (file === undefined || file === '') return;
  appendFileSync(file, `${cutSummary(markdown, budget)}\n`);
}

/** Cuts at a line break, and says so, when the text is over the budget (bytes). */
export function cutSummary(markdown: string, budget = SUMMARY_BUDGET): string {
  if (Buffer.byteLength(markdown) <= budget) return markdown;
  const note = '\n\n_The summary was cut here: the full text is in the log and in the report files._\n';
  const cut = truncateBytes(markdown, budget - Buffer.byteLength(note));
  return cut.slice(0, Math.max(0, cut.lastIndexOf('\n'))) + note;
}
