import type { Annotation } from '../../runner/index.ts';
import type { Finding, Report } from '../types.ts';
import { adviceOf } from './advice.ts';
import { titleOf, wayText } from './words.ts';

/** Findings that block or warn, problems, and notices, each on its line. Informational and ignored findings get none. */
export function annotations(report: Report, onError: 'fail' | 'warn'): Annotation[] {
  const problems = report.problems.map((p): Annotation => {
    return {
      level: onError === 'fail' ? 'error' : 'warning',
      code: p.code,
      message: `scan-deps: incomplete: ${p.file === undefined ? '' : `${p.file}: `}${p.message} [${p.code}]`,
      ...(p.file === undefined ? {} : { at: { file: p.file, line: p.line ?? 1 } }),
      rank: -1,
    };
  });
  // The findings are ordered worst first: their place is their rank.
  const findings = report.findings
    .filter((f) => f.state === 'block' || f.state === 'warn')
    .map((f, rank): Annotation => annotationOf(f, rank));
  const notices = report.notices.map((n): Annotation => {
    return {
      level: n.code === 'W_IGNORE_UNUSED' ? 'notice' : 'warning',
      code: n.code,
      message: `scan-deps: ${n.file === undefined ? '' : `${n.file}: `}${n.message} [${n.code}]`,
      ...(n.file === undefined ? {} : { at: { file: n.file, line: n.line ?? 1 } }),
      rank: 1_000_000,
    };
  });
  return [...problems, ...findings, ...notices];
}

function annotationOf(f: Finding, rank: number): Annotation {
  const parts = [
    f.summary === '' ? '' : `${f.summary.replace(/\.?\s*$/, '')}.`,
    f.way.length > 1 ? `Way in: ${wayText(f)}.` : '',
    adviceOf(f),
    `${f.ids.slice(0, 10).join(', ')}${f.ids.length > 10 ? ` and ${f.ids.length - 10} more` : ''}; ${f.reason}.`,
  ];
  return {
    level: f.state === 'block' ? 'error' : 'warning',
    title: titleOf(f),
    message: parts.filter((part) => part !== '').join(' '),
    at: { file: f.file, line: f.line, endLine: f.endLine },
    rank,
  };
}
