/** The summary: what came out, under which tags, on what bases, how large, how long. Pure; at most 8 KiB. */
import { formatBytes, formatSeconds, markdown, truncateBytes } from '../text/index.ts';
import type { BuildInputs } from './inputs.ts';
import { noticeOf } from './outputs.ts';
import type { TagState } from './publish.ts';
import type { Progress, Result } from './result.ts';

const MAX_BYTES = 8192;
const { code, text, table, fence } = markdown;

export function summaryOf(inputs: BuildInputs, r: Result, progress: Progress): string {
  const { plan, inspected } = r;
  const parts = [`### build-image\n\n${text(noticeOf(inputs, r, progress))} (${text(r.reason)})\n`];
  if (inspected !== undefined) parts.push(fence(inspected.digest));
  parts.push(...tagTable(progress.states, 20));
  if (plan.bases.length > 0) {
    const rows = plan.bases
      .slice(0, 12)
      .map((b) => [
        code(b.name, 200),
        b.pinned ? 'pinned' : b.local === undefined ? 'moving' : 'local',
        code(b.digest ?? b.local ?? '?'),
      ]);
    parts.push(table(['base', '', 'digest'], rows));
  }
  for (const p of (inspected?.platforms ?? []).slice(0, 20)) {
    const largest = [...p.layers].sort((a, b) => b.size - a.size).slice(0, 3);
    const sizes = largest.map((l) => formatBytes(l.size)).join(', ');
    parts.push(`${text(p.platform)}: ${formatBytes(p.size)}${delta(p.size, r)}, largest layers ${sizes}\n`);
  }
  parts.push(...phases(progress.seconds));
  if (plan.key.key !== '') parts.push(`source key ${code(plan.key.key)}\n`);
  return cut(parts);
}

/** @param error of describeError */
export function failureSummary(error: { code: string; message: string }, progress: Progress): string {
  const parts = [`### build-image\n\n${text(error.message, 2000)}\n`];
  return cut([...parts, ...tagTable(progress.states, 30), ...phases(progress.seconds)]);
}

function tagTable(states: readonly TagState[], most: number): string[] {
  if (states.length === 0) return [];
  const rows = states
    .slice(0, most)
    .map((s) => [code(s.image, 200), code(s.tag), code(s.digest.slice(0, 19)), s.state]);
  const more = states.length > most ? [`and ${states.length - most} more\n`] : [];
  return [table(['image', 'tag', 'digest', 'state'], rows), ...more];
}

function delta(size: number, { before, inspected }: Result): string {
  if (before === undefined || inspected?.platforms.length !== 1) return '';
  const change = size - before.bytes;
  const sign = change < 0 ? '-' : '+';
  const share = before.bytes === 0 ? '' : ` (${sign}${Math.round((Math.abs(change) / before.bytes) * 100)} %)`;
  return `, ${sign}${formatBytes(Math.abs(change))}${share} against ${text(before.tag)} before`;
}

function phases(seconds: Readonly<Record<string, number>>): string[] {
  const all = Object.entries(seconds);
  if (all.length === 0) return [];
  return [
    table(
      all.map(([name]) => name),
      [all.map(([, s]) => formatSeconds(s))],
    ),
  ];
}

// Whole parts only: half a table is none.
function cut(parts: readonly string[]): string {
  let size = 0;
  const kept = parts.filter((part) => {
    size += Buffer.byteLength(part) + 1;
    return size <= MAX_BYTES;
  });
  return kept.length > 0 ? kept.join('\n') : truncateBytes(parts[0] ?? '', MAX_BYTES);
}
