/** The Markdown summary: verdict and coverage first, then what blocks, then the rest folded away. */
import { markdown } from '../../text/index.ts';
import { compareText } from '../osv/groups.ts';
import type { Finding, Report } from '../types.ts';
import { countOf, coverageLine, versionOf, wayText } from './words.ts';

const MAX_ROWS = 500;

export function summaryOf(report: Report): string {
  const verdict = report.result === 'passed' ? 'passed' : 'failed';
  const parts = [
    `## scan-deps: ${verdict}${report.complete ? '' : ', **the scan is incomplete**'}\n`,
    `${markdown.text(coverageLine(report))}. ${report.findings.length} findings, ${countOf(report, 'block')} blocking.\n`,
    sourceLine(report),
    problems(report),
    section('Blocking', report, 'block', false),
    smallestChange(report),
    section('Warnings', report, 'warn', true),
    section('Known from the base', report, 'existing', true),
    section('Informational', report, 'info', true),
    ignored(report),
    unread(report),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function sourceLine({ source }: Report): string {
  const fresh =
    source.freshness === undefined ? '' : `, newest advisory ${markdown.text(source.freshness.slice(0, 10))}`;
  return `Judged by ${source.kind === 'api' ? 'the OSV API' : 'the offline database'} ${markdown.code(source.url)}${fresh}.\n`;
}

function problems(report: Report): string {
  if (report.problems.length === 0) return '';
  const rows = report.problems
    .slice(0, MAX_ROWS)
    .map((p) => [
      markdown.code(p.code),
      p.file === undefined ? '' : markdown.code(`${p.file}${p.line === undefined ? '' : `:${p.line}`}`),
      markdown.text(p.message),
    ]);
  const names = report.coverage.unanswered;
  const list =
    names.length === 0
      ? ''
      : markdown.details(`${names.length} unanswered packages`, names.map((n) => `- ${markdown.code(n)}`).join('\n'));
  return `### What keeps it from being complete\n\n${markdown.table(['code', 'where', 'what'], rows)}\n${list}`;
}

function section(title: string, report: Report, state: Finding['state'], folded: boolean): string {
  const findings = report.findings.filter((f) => f.state === state);
  if (findings.length === 0) return '';
  const head = ['package', 'version', 'severity', 'ids', 'fixed in', 'where', 'way in'];
  const table = markdown.table(head, findings.slice(0, MAX_ROWS).map(row));
  const more = findings.length > MAX_ROWS ? `\n${findings.length - MAX_ROWS} more are in scan-deps.json.\n` : '';
  return folded ? markdown.details(`${title} (${findings.length})`, table + more) : `### ${title}\n\n${table}${more}`;
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

/** Links go to three sites only, and only for ids of a plain form. */
function idLink(id: string): string {
  if (!/^[A-Z]+-[A-Za-z0-9:-]{1,60}$/.test(id)) return markdown.code(id);
  if (id.startsWith('CVE-')) return markdown.link(id, `https://nvd.nist.gov/vuln/detail/${id}`);
  if (id.startsWith('GHSA-')) return markdown.link(id, `https://github.com/advisories/${id}`);
  return markdown.link(id, `https://osv.dev/vulnerability/${id}`);
}

/** By the dependency that brings them in: how many blocking findings end when it is raised, and to what. */
function smallestChange(report: Report): string {
  const byRoot = new Map<string, Finding[]>();
  for (const f of report.findings) {
    if (f.state !== 'block' || f.fixed === undefined) continue;
    const root = f.way[0] ?? f.package;
    byRoot.set(root, [...(byRoot.get(root) ?? []), f]);
  }
  if (byRoot.size === 0) return '';
  const lines = [...byRoot]
    .sort(([a, x], [b, y]) => y.length - x.length || compareText(a, b))
    .slice(0, 20)
    .map(([root, all]) => {
      const fixes = [...new Set(all.map((f) => `${f.package} ${f.fixed}`))].map((text) => markdown.code(text));
      return `- ${markdown.code(root)} brings in ${all.length}: fixed by ${fixes.slice(0, 10).join(', ')}`;
    });
  return `### Smallest change\n\n${lines.join('\n')}\n`;
}

function ignored(report: Report): string {
  const findings = report.findings.filter((f) => f.state === 'ignored');
  const rows = findings.slice(0, MAX_ROWS).map((f) => {
    const entry = report.ignores.find(
      (i) => i.state === 'used' && f.ids.some((id) => id.toLowerCase() === i.id.toLowerCase()),
    );
    return [
      markdown.code(`${f.package} ${versionOf(f)}`),
      idLink(f.id),
      markdown.text(f.reason),
      entry === undefined ? '' : `${entry.daysLeft} days left${entry.newInChange ? ', new in this change' : ''}`,
    ];
  });
  if (rows.length === 0) return '';
  return markdown.details(`Ignored (${findings.length})`, markdown.table(['package', 'id', 'reason', 'expires'], rows));
}

function unread({ coverage }: Report): string {
  if (coverage.unsupported.length === 0) return '';
  const list = coverage.unsupported.slice(0, MAX_ROWS).map((file) => `- ${markdown.code(file)}`);
  return `### Not read\n\nThis version cannot read these files, and no lock that was read governs them:\n\n${list.join('\n')}\n`;
}
