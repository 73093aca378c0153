import { formatSeconds, markdown } from '../text/index.ts';
import type { DeliveryResult, StageResult } from './result.ts';

export interface DeliveryFacts {
  app: string;
  revision: string;
  deliveryId: string;
  configRepository: string;
  configBranch: string;
  valuesFile: string;
}

/** Markdown of a whole delivery: the verdict, its stages, and what to do when the revert failed. */
export function renderSummary(facts: DeliveryFacts, result: DeliveryResult, stages: readonly StageResult[]): string {
  const { code, table, text } = markdown;
  const rows = stages.map(({ record, verdict }) => [
    text(record.name),
    verdict === undefined
      ? record.result === 'superseded'
        ? 'superseded'
        : 'handoff only'
      : text(`${verdict.verdict} (${verdict.reason})`),
    verdict?.from == null || verdict.to == null ? '' : formatSeconds(verdict.to - verdict.from),
    commitCell(record['commit-sha'], record['commit-url']),
  ]);
  return [
    `### ${text(facts.app)} ${code(facts.revision.slice(0, 12))}: ${result.verdict}\n`,
    `${text(result.message)}\n`,
    ...(rows.length === 0 ? [] : [table(['stage', 'verdict', 'judged for', 'commit'], rows)]),
    `Delivery ${code(facts.deliveryId)} to ${code(`${facts.configRepository}@${facts.configBranch}`)}, ${code(facts.valuesFile)}.\n`,
    ...(result.reverted === 'failed' ? [`#### Take it back by hand\n`, markdown.fence(manualRevert(facts), 'sh')] : []),
  ].join('\n');
}

/** The way back for a person, when the job could not do it. Its values come from reviewed workflow inputs; it is only printed. */
export function manualRevert(facts: DeliveryFacts): string {
  return [
    `git clone --branch '${shellSafe(facts.configBranch)}' '${shellSafe(facts.configRepository)}' config && cd config`,
    `git log --grep 'Delivery-Id: ${shellSafe(facts.deliveryId)}' --format=%H -- '${shellSafe(facts.valuesFile)}'`,
    `git revert --no-edit <the commits above, newest first> && git push`,
  ].join('\n');
}

function shellSafe(value: string): string {
  return value.replace(/[^A-Za-z0-9._/@:+-]/g, '?');
}

function commitCell(sha: string, url: string): string {
  if (sha === '') return '';
  return url === '' ? markdown.code(sha.slice(0, 12)) : markdown.link(sha.slice(0, 12), url);
}
