/** Rounds added up to rows, and how they are shown. */
import type { Kind, Violation } from './checker.ts';
import type { RoundResult } from './memory-round.ts';

/** A corner of the table: what is run, how often. */
export interface Cell {
  transport: 'memory' | 'github' | 'git';
  layout: string;
  profile: string;
  writers: number;
}

export interface Row extends Cell {
  rounds: number;
  landed: number;
  writes: number;
  conflicts: number;
  red: number;
  seconds: number;
  broken: Record<Kind, number>;
  /** With the seed that repeats it. */
  findings: { seed: number; violation: Violation }[];
}

const KINDS: readonly Kind[] = ['lost', 'doubled', 'disorder', 'bytes', 'untrue'];
const SHOWN = 20;

export function emptyRow(cell: Cell): Row {
  const broken = { lost: 0, doubled: 0, disorder: 0, bytes: 0, untrue: 0 };
  return { ...cell, rounds: 0, landed: 0, writes: 0, conflicts: 0, red: 0, seconds: 0, broken, findings: [] };
}

export function addRound(row: Row, seed: number, seconds: number, result: RoundResult): void {
  row.rounds += 1;
  row.landed += result.landed;
  row.writes += result.writes;
  row.conflicts += result.conflicts;
  row.red += result.ends.filter((end) => end.code !== 0).length;
  row.seconds += seconds;
  for (const violation of result.violations) {
    row.broken[violation.kind] += 1;
    row.findings.push({ seed, violation });
  }
}

/** @returns violations in all */
export function total(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.findings.length, 0);
}

export function showTable(rows: readonly Row[]): string {
  const head = ['transport', 'layout', 'faults', 'writers', 'rounds', 'writes/bump', 'conflicts', 'honest red'];
  const columns = [...head, 'lost', 'doubled', 'out of order', 'other bytes', 'untrue ends', 's'];
  const cells = rows.map((row) => [
    row.transport,
    row.layout,
    row.profile,
    String(row.writers),
    String(row.rounds),
    (row.writes / Math.max(1, row.landed)).toFixed(2),
    String(row.conflicts),
    String(row.red),
    ...KINDS.map((kind) => String(row.broken[kind])),
    row.seconds.toFixed(1),
  ]);
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map((c) => c[i]?.length ?? 0)));
  const line = (values: readonly string[]): string =>
    `| ${values.map((v, i) => (i < 3 ? v.padEnd(widths[i] ?? 0) : v.padStart(widths[i] ?? 0))).join(' | ')} |`;
  return [line(columns), `|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...cells.map(line)].join('\n');
}

/** What was broken, each with the command that shows it again. */
export function showFindings(rows: readonly Row[]): string {
  const all = rows.flatMap((row) => row.findings.map((finding) => ({ row, ...finding })));
  const lines = all
    .slice(0, SHOWN)
    .map(
      ({ row, seed, violation }) =>
        `${violation.kind}: ${violation.text}\n    npm run soak:bump-helm-tag -- ${repeat(row, seed)}`,
    );
  return [...lines, ...(all.length > SHOWN ? [`… and ${all.length - SHOWN} more`] : [])].join('\n');
}

function repeat(cell: Cell, seed: number): string {
  return `--only '${cell.transport}/${cell.layout}/${cell.profile}/${cell.writers}' --seed ${seed} --rounds 1`;
}
