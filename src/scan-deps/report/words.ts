/** Sentences about findings and coverage, plain text. The writers of log, annotation and Markdown escape them. */
import type { Finding, Report } from '../types.ts';

export const versionOf = (f: Finding): string => f.version ?? f.range ?? '(any version)';

export const wayText = (f: Finding): string => f.way.join(' > ');

/** `requests 2.30.0: CVE-2023-32681 (medium)` */
export function titleOf(f: Finding): string {
  return `${f.package} ${versionOf(f)}: ${f.id} (${f.malicious ? 'malicious' : f.level})`;
}

/** One log line. */
export function findingLine(f: Finding): string {
  const way = f.way.length > 1 ? `, by ${wayText(f)}` : '';
  const fixed = f.fixed === undefined ? '' : `, fixed in ${f.fixed}`;
  return `${f.state}: ${f.file}:${f.line}: ${titleOf(f)}${fixed}${way}; ${f.reason}`;
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

/** `12 files, 840 packages: 838 asked, 838 answered, 2 private, 5 unpinned` */
export function coverageLine({ coverage: c }: Report): string {
  const extras = [
    [c.private, 'private'],
    [c.notRegistry, 'not from a registry'],
    [c.unpinned, 'unpinned'],
    [c.unjudged, 'unjudged'],
    [c.unsupported.length, 'unsupported files'],
    [c.disagreements, 'by the server alone'],
  ] as const;
  const more = extras.filter(([n]) => n > 0).map(([n, word]) => `, ${n} ${word}`);
  return `${plural(c.files.length, 'file')}, ${plural(c.packages, 'package')}: ${c.asked} asked, ${c.answered} answered${more.join('')}`;
}

export const countOf = (report: Report, state: Finding['state']): number =>
  report.findings.filter((f) => f.state === state).length;

/** Neither ignored nor in the base; without a base, all that are not ignored. */
export const newOf = (report: Report): number =>
  report.findings.filter((f) => f.state !== 'ignored' && f.baseline !== 'existing').length;

/** What the counts are about: `1 new since 0123456789ab (mode diff)` */
function modeText(report: Report): string {
  const { base } = report;
  return base === undefined ? 'mode full' : `${newOf(report)} new since ${base.slice(0, 12)} (mode diff)`;
}

/** The final line. */
export function resultLine(report: Report): string {
  const { source } = report;
  const fresh = source.freshness === undefined ? '' : `, newest advisory ${source.freshness.slice(0, 10)}`;
  const counts = `${plural(report.findings.length, 'finding')}, ${countOf(report, 'block')} blocking, ${modeText(report)}`;
  return `${report.result}${report.complete ? '' : ', incomplete'}: ${counts}; ${coverageLine(report)}; ${source.kind} ${source.url}${fresh}`;
}
