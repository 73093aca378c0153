/** The outcome of a delivery: one sentence, from the job results and the records of its stages. Pure. */
import { z } from 'zod';
import type { Needs } from './needs.ts';
import type { StageRecord } from './stage.ts';

/** What we read of verify-canary's verdict.json. */
export const verdictFile = z.looseObject({
  verdict: z.enum(['pass', 'fail', 'hold', 'no-data', 'superseded']),
  reason: z.string(),
  message: z.string(),
  from: z.number().nullable().optional(),
  to: z.number().nullable().optional(),
  'canary-events': z.number().nullable().optional(),
});
export type VerdictFile = z.output<typeof verdictFile>;

export interface StageResult {
  record: StageRecord;
  /** Undefined when the stage has nothing to verify, or was ended before there was a verdict. */
  verdict: VerdictFile | undefined;
}

export type Verdict = VerdictFile['verdict'];

export interface DeliveryResult {
  verdict: Verdict;
  /** One word; verify-canary's own where it decided. */
  reason: string;
  message: string;
  /** Last commit that asked for the new version, or took it back. */
  commitSha: string;
  reverted: 'no' | 'yes' | 'not-needed' | 'failed';
  green: boolean;
}

/**
 * @param needs results of plan, approve, stage and revert
 * @param stages records in order of their index; stages that never started are absent
 */
export function judgeDelivery(needs: Needs, stages: readonly StageResult[]): DeliveryResult {
  const outcome = (job: string): string => needs[job]?.result ?? 'skipped';
  const revert = revertOf(needs);
  const last = stages.at(-1);
  const commitSha =
    revert.commit || (stages.findLast((s) => s.record['commit-sha'] !== '')?.record['commit-sha'] ?? '');
  const end = (verdict: Verdict, reason: string, message: string): DeliveryResult => ({
    verdict,
    reason,
    message: revert.sentence === '' ? message : `${message} ${revert.sentence}`,
    commitSha,
    reverted: revert.state,
    green: (verdict === 'pass' || verdict === 'superseded') && revert.state !== 'failed',
  });
  if (outcome('plan') !== 'success')
    return end('hold', 'plan', 'HOLD: the delivery could not be planned; nothing was written.');
  if (needs.plan?.outputs.count === '0')
    return end('pass', 'already-delivered', 'PASS: this version is the stable one already.');
  if (outcome('approve') === 'failure' || outcome('approve') === 'cancelled') {
    return end('hold', 'not-approved', 'HOLD: the delivery was not approved; nothing was written.');
  }
  const superseded = stages.find((s) => s.record.result === 'superseded');
  if (outcome('stage') === 'success' && stages.length === 0) {
    const why = 'the stages ended green, but their records could not be read. Run this job again';
    return end('hold', 'stage-lost', `HOLD: ${why}.`);
  }
  if (outcome('stage') === 'success') {
    const all = stages.length === 1 ? 'the one stage is' : `all ${stages.length} stages are`;
    if (superseded === undefined) return end('pass', 'healthy', `PASS: ${all} done.`);
    return end(
      'superseded',
      'superseded',
      `SUPERSEDED by ${superseded.record['superseded-by']}: a newer build took over.`,
    );
  }
  if (last?.verdict !== undefined && last.verdict.verdict !== 'pass') {
    return end(last.verdict.verdict, last.verdict.reason, `${last.verdict.message}.`.replace(/\.\.$/, '.'));
  }
  if (superseded !== undefined) {
    return end(
      'hold',
      'stale',
      `HOLD at ${superseded.record.name}: the values were reverted or changed by somebody else.`,
    );
  }
  if (outcome('stage') === 'cancelled') return end('hold', 'cancelled', 'HOLD: the delivery was cancelled.');
  return end('hold', 'stage-lost', `HOLD: the stage after ${last?.record.name ?? 'the plan'} ended without a verdict.`);
}

function revertOf(needs: Needs): { state: DeliveryResult['reverted']; commit: string; sentence: string } {
  const job = needs.revert;
  if (job === undefined || job.result === 'skipped') return { state: 'no', commit: '', sentence: '' };
  const commit =
    (job.outputs['canary-result'] === 'committed' && job.outputs['canary-commit']) ||
    (job.outputs['finished-result'] === 'committed' && job.outputs['finished-commit']) ||
    '';
  if (job.result !== 'success')
    return { state: 'failed', commit, sentence: 'The revert FAILED: the canary may still be live.' };
  if (commit === '') return { state: 'not-needed', commit, sentence: 'Nothing of it was in the values file any more.' };
  return { state: 'yes', commit, sentence: `Reverted by ${commit.slice(0, 12)}.` };
}
