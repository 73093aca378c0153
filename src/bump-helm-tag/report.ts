/** Outputs, summary and annotations of a bump. Pure. */
import type { Annotation, OutputValue } from '../runner/index.ts';
import { manyLines, markdown, oneLine } from '../text/index.ts';
import type { ApplicationResult } from './argo.ts';
import { cutDiff, diffOf } from './diff.ts';
import type { BumpInputs } from './inputs.ts';
import type { Outcome } from './progress.ts';

const MAX_DIFF = 60_000;

export function outputsOf(outcome: Outcome, bumpId: string): Record<string, OutputValue> {
  const previous = Object.fromEntries(outcome.states.map((s) => [s.target.id, s.from]));
  const values = {
    result: outcome.result,
    changed: outcome.result === 'committed' || outcome.result === 'dry-run',
    'commit-sha': outcome.commitSha,
    'commit-url': outcome.commitUrl,
    'base-sha': outcome.baseSha,
    verified: outcome.verified,
    'bump-id': bumpId,
    attempts: outcome.attempts,
    conflicts: outcome.conflicts,
    'superseded-by': outcome.supersededBy,
    'pull-request-number': outcome.pull === undefined ? '' : outcome.pull.number,
    'pull-request-url': outcome.pull?.url ?? '',
  };
  const targets = outcome.states.map((s) => ({
    id: s.target.id,
    file: s.target.file,
    document: s.target.document ?? 0,
    path: s.target.id.split('#').slice(2).join('#'),
    from: s.from,
    to: s.to,
    order: outcome.notes.get(s.target.id) ?? '',
  }));
  const diff = cutDiff(diffOf(outcome.edits), MAX_DIFF);
  return {
    ...values,
    previous: JSON.stringify(previous),
    diff,
    json: JSON.stringify({ ...values, previous, targets }),
  };
}

export function noticeOf(outcome: Outcome, inputs: BumpInputs): string {
  const where = `${inputs.config.repository}@${inputs.branch}`;
  const first = outcome.states.find((s) => !s.equal) ?? outcome.states[0];
  const what =
    first === undefined
      ? ''
      : `: ${first.target.id} ${oneLine(first.from ?? 'nothing', 100)} -> ${oneLine(first.to, 100)}`;
  if (outcome.result === 'committed')
    return `committed ${outcome.commitSha.slice(0, 12)} to ${where}${what} (${outcome.attempts} write${outcome.attempts === 1 ? '' : 's'}, ${outcome.conflicts} conflicts)`;
  if (outcome.result === 'unchanged') return `unchanged: ${where} has these values already`;
  if (outcome.result === 'dry-run')
    return `dry run: ${outcome.edits.length} file${outcome.edits.length === 1 ? '' : 's'} of ${where} would change`;
  if (outcome.result === 'proposed')
    return `proposed ${outcome.pull?.url ?? ''} to ${where}${what}${outcome.pull?.changed === false ? ' (as before)' : ''}`;
  return outcome.result === 'pinned' ? pinnedText(outcome) : supersededText(outcome);
}

export function warningsOf(outcome: Outcome): Annotation[] {
  const warnings: Annotation[] = [];
  if (outcome.result === 'superseded')
    warnings.push({ level: 'warning', code: 'W_SUPERSEDED', message: supersededText(outcome) });
  if (outcome.result === 'pinned') warnings.push({ level: 'warning', code: 'W_PINNED', message: pinnedText(outcome) });
  if (outcome.pull !== undefined && outcome.pull.note !== '')
    warnings.push({ level: 'warning', code: 'W_NOT_MERGED', message: outcome.pull.note });
  for (const [id, note] of outcome.notes) {
    if (note === 'hand-edited')
      warnings.push({
        level: 'warning',
        code: 'W_HAND_EDITED',
        message: `${id} was edited by hand since the last handoff; its order is unknown`,
      });
    if (note === 'downgrade')
      warnings.push({
        level: 'warning',
        code: 'W_DOWNGRADE',
        message: `${id} was written although a newer build stood there`,
      });
  }
  return warnings;
}

/** @param applications what Argo CD said, when it was asked */
export function summaryOf(outcome: Outcome, inputs: BumpInputs, applications: readonly ApplicationResult[]): string {
  const { code, fence, link, table, text } = markdown;
  const rows = outcome.states.map((s) => [
    code(s.target.id),
    code(s.from ?? ''),
    code(s.to),
    text(s.equal ? 'equal' : (outcome.notes.get(s.target.id) ?? '')),
  ]);
  const commit =
    outcome.commitSha === ''
      ? ''
      : `Commit ${link(outcome.commitSha.slice(0, 12), outcome.commitUrl)}, made on ${code(outcome.baseSha.slice(0, 12))}.\n`;
  const rounds =
    outcome.rounds.length < 2
      ? ''
      : `\n${table(
          ['round', 'head', 'result', 'waited'],
          outcome.rounds.map((r, i) => [
            String(i + 1),
            code(r.head.slice(0, 12)),
            text(r.result),
            `${r.waited.toFixed(1)} s`,
          ]),
        )}`;
  const diff = cutDiff(diffOf(outcome.edits), MAX_DIFF);
  return [
    `### ${text(outcome.result)}: ${text(inputs.config.repository)}@${text(inputs.branch)}\n`,
    outcome.result === 'superseded' ? `${text(supersededText(outcome))}\n` : '',
    outcome.result === 'pinned' ? `${text(pinnedText(outcome))}\n` : '',
    outcome.pull === undefined
      ? ''
      : `Pull request ${link(`#${outcome.pull.number}`, outcome.pull.url)}. ${text(outcome.pull.note)}\n`,
    table(['target', 'from', 'to', 'order'], rows),
    commit,
    applications.length === 0
      ? ''
      : table(
          ['Application', 'state', 'seen'],
          applications.map((a) => [
            code(a.application),
            text(a.state),
            text([a.seen, a.note].filter(Boolean).join(': ')),
          ]),
        ),
    rounds,
    diff === '' ? '' : `\n${fence(manyLines(diff), 'diff')}`,
  ].join('\n');
}

function pinnedText(outcome: Outcome): string {
  const pinned = outcome.states.find((s) => s.pin !== undefined);
  const why = pinned?.pin === '' ? '' : `: ${oneLine(pinned?.pin ?? '', 200)}`;
  return `pinned: ${oneLine(pinned?.target.id ?? '', 300)} is held by a comment${why}; nothing was written`;
}

function supersededText(outcome: Outcome): string {
  if (outcome.supersededBy !== '')
    return `superseded: the newer build ${outcome.supersededBy} stands there; nothing was written`;
  return `superseded: ${outcome.mismatch ?? 'a condition does not hold'}; nothing was written`;
}
