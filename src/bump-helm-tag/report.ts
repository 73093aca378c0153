/** Outputs, summary and annotations of a bump. Pure. */
import { createTwoFilesPatch } from 'diff';
import type { Annotation, OutputValue } from '../runner/index.ts';
import { markdown, oneLine } from '../text/index.ts';
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
  };
  const targets = outcome.states.map((s) => ({
    id: s.target.id,
    file: s.target.file,
    document: s.target.document ?? 0,
    path: s.target.id.split('#').slice(2).join('#'),
    from: s.from,
    to: wantedText(s),
    order: outcome.notes.get(s.target.id) ?? '',
  }));
  const diff = diffOf(outcome);
  return {
    ...values,
    previous: JSON.stringify(previous),
    diff,
    json: JSON.stringify({ ...values, previous, targets }),
  };
}

/** Unified diff of all files, cut on a line boundary with a note. It applies with `git apply`. */
function diffOf(outcome: Outcome): string {
  const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const text = outcome.edits
    .map((e) =>
      createTwoFilesPatch(`a/${e.path}`, `b/${e.path}`, decode(e.before), decode(e.bytes), undefined, undefined, {
        context: 3,
      }).replace(/^=+\n/, ''),
    )
    .join('');
  if (text.length <= MAX_DIFF) return text;
  const cut = text.slice(0, text.lastIndexOf('\n', MAX_DIFF) + 1);
  return `${cut}# cut here: the commit holds the whole diff\n`;
}

export function noticeOf(outcome: Outcome, inputs: BumpInputs): string {
  const where = `${inputs.repository}@${inputs.branch}`;
  const first = outcome.states.find((s) => !s.equal) ?? outcome.states[0];
  const what =
    first === undefined
      ? ''
      : `: ${first.target.id} ${oneLine(first.from ?? 'nothing', 100)} -> ${oneLine(wantedText(first), 100)}`;
  if (outcome.result === 'committed')
    return `committed ${outcome.commitSha.slice(0, 12)} to ${where}${what} (${outcome.attempts} write${outcome.attempts === 1 ? '' : 's'}, ${outcome.conflicts} conflicts)`;
  if (outcome.result === 'unchanged') return `unchanged: ${where} has these values already`;
  if (outcome.result === 'dry-run')
    return `dry run: ${outcome.edits.length} file${outcome.edits.length === 1 ? '' : 's'} of ${where} would change`;
  return supersededText(outcome);
}

export function warningsOf(outcome: Outcome): Annotation[] {
  const warnings: Annotation[] = [];
  if (outcome.result === 'superseded')
    warnings.push({ level: 'warning', code: 'W_SUPERSEDED', message: supersededText(outcome) });
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

export function summaryOf(outcome: Outcome, inputs: BumpInputs): string {
  const { code, fence, link, table, text } = markdown;
  const rows = outcome.states.map((s) => [
    code(s.target.id),
    code(s.from ?? ''),
    code(wantedText(s)),
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
  const diff = diffOf(outcome);
  return [
    `### ${text(outcome.result)}: ${text(inputs.repository)}@${text(inputs.branch)}\n`,
    outcome.result === 'superseded' ? `${text(supersededText(outcome))}\n` : '',
    table(['target', 'from', 'to', 'order'], rows),
    commit,
    rounds,
    diff === '' ? '' : `\n${fence(diff, 'diff')}`,
  ].join('\n');
}

function supersededText(outcome: Outcome): string {
  if (outcome.supersededBy !== '')
    return `superseded: the newer build ${outcome.supersededBy} stands there; nothing was written`;
  return `superseded: ${outcome.mismatch ?? 'a condition does not hold'}; nothing was written`;
}

function wantedText(state: Outcome['states'][number]): string {
  const { target } = state;
  if (target.kind === 'scalar') return target.value;
  return `${target.want.tag ?? ''}${target.want.digest === undefined ? '' : `@${target.want.digest}`}`;
}
