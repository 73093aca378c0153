/** What flake8 writes by default: `path:line:column: CODE text`. */
import type { Annotation } from '../runner/index.ts';
import { joinPath } from './paths.ts';
import { rankOf } from './rank.ts';

export interface Flake8 {
  findings: readonly Annotation[];
  /** Findings by code, most frequent first. */
  codes: readonly { code: string; count: number }[];
  /** Lines that are no finding: such as the text of a plugin that crashed. */
  others: number;
}

const FINDING = /^(.+?):(\d{1,9}):(\d{1,9}): ([A-Z]{1,4}\d{1,5}) (.*)$/;

/** @param base folder that flake8 ran in, relative to the repository */
export function parseFlake8(text: string, base: string): Flake8 {
  const findings: Annotation[] = [];
  const counts = new Map<string, number>();
  let others = 0;
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const [, file = '', row, column, code = '', message = ''] = FINDING.exec(line) ?? [];
    if (code === '') {
      others += 1;
      continue;
    }
    counts.set(code, (counts.get(code) ?? 0) + 1);
    const { level, rank } = rankOf(code);
    findings.push({
      level,
      rank,
      title: code,
      message,
      at: { file: joinPath(base, file), line: Number(row), column: Number(column) },
    });
  }
  const codes = [...counts].map(([code, count]) => ({ code, count }));
  return { findings, codes: codes.sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1)), others };
}
