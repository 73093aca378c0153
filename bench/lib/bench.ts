/** What a bench hands over, and how it is shown. */
import { cpus, totalmem } from 'node:os';

export interface BenchResult {
  /** One sentence: what was measured on what, and against what. */
  about: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** Raw figures for the JSON file: seeds, sizes, versions, every single run. */
  facts: Readonly<Record<string, unknown>>;
  /** Limits that were asked for and whether this run kept them; a broken one makes the command fail. */
  limits: readonly Limit[];
  /** What the reader must know to read the table right. */
  notes: readonly string[];
}

export interface Limit {
  name: string;
  measured: number;
  most: number;
  unit: string;
}

/** A bench module exports this under the name `run`. @param args words after the name on the command line */
export type Bench = (args: readonly string[]) => Promise<BenchResult>;

export function toMarkdown(name: string, result: BenchResult): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const limits = result.limits.map(
    (l) =>
      `- ${l.measured <= l.most ? 'kept' : 'BROKEN'}: ${l.name} ${l.measured} ${l.unit}, at most ${l.most} ${l.unit}`,
  );
  const { node, cores, memory, machine } = environment();
  return [
    `# ${name}`,
    '',
    result.about,
    '',
    row(result.columns),
    row(result.columns.map(() => '---')),
    ...result.rows.map(row),
    ...(limits.length > 0 ? ['', ...limits] : []),
    ...(result.notes.length > 0 ? ['', ...result.notes.map((note) => `- ${note}`)] : []),
    '',
    `Node ${node}, ${machine}, ${cores} cores, ${memory} GiB.`,
    '',
  ].join('\n');
}

export function environment(): { node: string; cores: number; memory: number; machine: string } {
  return {
    node: process.versions.node,
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    machine: `${process.platform} ${process.arch}`,
  };
}
