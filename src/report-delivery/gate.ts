/** The gate: one required check for all jobs before it. Pure. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Needs } from './needs.ts';

/**
 * GitHub counts a skipped required check as passed, so a job that did not run must turn the gate red.
 * @param allowSkipped jobs that may be skipped, because the caller has said so
 * @throws ActionError E_GATE naming every job that is not a success
 */
export function checkGate(needs: Needs, allowSkipped: readonly string[]): void {
  const bad = Object.entries(needs).filter(
    ([job, { result }]) => result !== 'success' && !(result === 'skipped' && allowSkipped.includes(job)),
  );
  if (Object.keys(needs).length === 0) {
    throw new ActionError('E_GATE', {
      what: 'gate',
      why: 'it waits for no job',
      fix: 'List the jobs it guards under needs',
    });
  }
  if (bad.length === 0) return;
  throw new ActionError('E_GATE', {
    what: 'gate',
    why: bad.map(([job, { result }]) => `${oneLine(job, 100)} is ${result}`).join(', '),
    fix: 'Nothing merges and nothing ships until these jobs succeed: see their logs',
  });
}
