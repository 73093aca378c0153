/** The Markdown summary: verdict and coverage first, then what blocks, then the rest folded away. */
import { cutSummary } from '../../runner/index.ts';
import { markdown } from '../../text/index.ts';
import type { Finding, Report } from '../types.ts';
import { smallestChanges } from './change.ts';
import { siteOf } from './links.ts';
import { countOf, coverageLine, newOf, versionOf, wayText } from './words.ts';

const MAX_CHANGES = 20;
const NAMES_A_ROW = 20;
/** Rows a table: the most first, fewer when the whole does not fit. */
const ROWS = [1000, 300, 100, 30, 10] as const;
/** GitHub drops a summary over 1 MiB whole; the rest is for what other steps write. */
const BUDGET = 900 * 1024;

/** @param budget bytes; a table that must be cut for it says how many rows are only in the report */
export function summaryOf(report: Report, budget = BUDGET): string {
  let text = '';
  for (const max of ROWS) {
    text = rendered(report, max);
    if (Buffer.byteLength(text) <= budget) return text;
  }
  return cutSummary(text, budget);
}

function rendered(report: Report, max: number): string {
  const verdict = report.result === 'passed' ? 'passed' : 'failed';
  const parts = [
    `## scan-deps: ${verdict}${report.complete ? '' : ', **the scan is incomplete**'}\n`,
    `${markdown.text(coverageLine(report))}. ${report.findings.length} findings, ${countOf(report, 'block')} blocking.${modeSentence(report)}\n`,
    sourceLine(report),
    problems(report, max),
    section('Blocking', report, 'block', false, max),
    smallestChange(report),
    section('Warnings', report, 'warn', true, max),
    section('Known from the base', report, 'existing', true, max),
    section('Informational', report, 'info', true, max),
    ignored(report, max),
    unread(report, max),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function modeSentence(report: Report): string {
  const { base } = report;
  if (base === undefined) return ' Everything was judged (mode full).';
  return ` ${newOf(report)} new since ${markdown.code(base)} (mode diff).`;
}

function sourceLine({ source }: Report): string {
  const fresh =
    source.freshness === undefined ? '' : `, newest advisory ${markdown.text(source.freshness.slice(0, 10))}`;
  return `Judged by ${source.kind === 'api' ? 'the OSV API' : 'the offline database'} ${markdown.code(source.url)}${fresh}.\n`;
}

function problems(report: Report, max: number): string {
  if (report.problems.length === 0) return '';
  const rows = report.problems
    .slice(0, max)
    .map((p) => [
      markdown.code(p.code),
      p.file === undefined ? '' : markdown.code(`${p.file}${p.line === undefined ? '' : `:${p.line}`}`),
      markdown.text(p.message),
    ]);
  const names = report.coverage.unanswered;
  const unanswered =
    names.length === 0 ? '' : markdown.details(`${names.length} unanswered packages`, list(names, max * NAMES_A_ROW));
  return `### What keeps it from being complete\n\n${markdown.table(['code', 'where', 'what'], rows)}\n${more(report.problems.length, max)}${unanswered}`;
}

function section(title: string, report: Report, state: Finding['state'], folded: boolean, max: number): string {
  const findings = report.findings.filter((f) => f.state === state);
  if (findings.length === 0) return '';
  const head = ['package', 'version', 'severity', 'ids', 'fixed in', 'where', 'way in'];
  const table = markdown.table(head, findings.slice(0, max).map(row));
  const body = table + more(findings.length, max);
  return folded ? markdown.details(`${title} (${findings.length})`, body) : `### ${title}\n\n${body}`;
}

function row(f: Finding): string[] {
  const severity = f.malicious ? 'malicious' : f.score === undefined ? f.level : `${f.level} ${f.score.toFixed(1)}`;
  return [
    markdown.code(f.package),
    markdown.code(versionOf(f)),
    severity,
    f.ids.slice(0, 6).map(idLink).join(', ') + (f.ids.length > 6 ? ` and ${f.ids.length - 6} more` : ''),
    f.fixed === undefined ? 'none' : markdown.code(f.fixed),
    markdown.code(`${f.file}:${f.line}`),
    markdown.text(wayText(f)),
  ];
}

function idLink(id: string): string {
  const site = siteOf(id);
  return site === undefined ? markdown.code(id) : markdown.link(id, site.url);
}

function smallestChange(report: Report): string {
  const changes = smallestChanges(report.findings);
  if (changes.length === 0) return '';
  const lines = changes.slice(0, MAX_CHANGES).map(({ root, package: name, to, clears, of }) => {
    const what =
      root === name ? markdown.code(name) : `${markdown.code(root)}, so that it brings in ${markdown.code(name)}`;
    return `- ${what} to ${markdown.code(to)}: clears ${clears} of ${of}`;
  });
  const rest = changes.length - lines.length;
  return `### Smallest change\n\nRaise\n\n${lines.join('\n')}\n${rest > 0 ? `- and ${rest} more\n` : ''}`;
}

function ignored(report: Report, max: number): string {
  const findings = report.findings.filter((f) => f.state === 'ignored');
  const rows = findings.slice(0, max).map((f) => {
    // Several entries may name one id, each for a package or a path: the reason is that of the entry that applied.
    const entry = report.ignores.find(
      (i) => i.state === 'used' && i.reason === f.reason && f.ids.some((id) => id.toLowerCase() === i.id.toLowerCase()),
    );
    return [
      markdown.code(`${f.package} ${versionOf(f)}`),
      idLink(f.id),
      markdown.text(f.reason),
      entry === undefined ? '' : `${entry.daysLeft} days left${entry.newInChange ? ', new in this change' : ''}`,
    ];
  });
  if (rows.length === 0) return '';
  const table = markdown.table(['package', 'id', 'reason', 'expires'], rows);
  return markdown.details(`Ignored (${findings.length})`, table + more(findings.length, max));
}

function unread({ coverage }: Report, max: number): string {
  if (coverage.unsupported.length === 0) return '';
  const files = list(coverage.unsupported, max);
  return `### Not read\n\nThis version cannot read these files, and no lock that was read governs them:\n\n${files}\n`;
}

function list(names: readonly string[], max: number): string {
  const lines = names.slice(0, max).map((name) => `- ${markdown.code(name)}`);
  return `${lines.join('\n')}\n${more(names.length, max)}`;
}

const more = (count: number, max: number): string =>
  count > max ? `\n${count - max} more are in scan-deps.json.\n` : '';
