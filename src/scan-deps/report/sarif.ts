/** SARIF 2.1.0, as GitHub code scanning takes it: one rule an id, one result a finding, the region is the annotation's line. */
import { createHash } from 'node:crypto';
import { oneLine } from '../../text/index.ts';
import type { Finding, Level, Report } from '../types.ts';
import { adviceOf } from './advice.ts';
import { safeJson } from './json.ts';
import { siteOf } from './links.ts';
import { titleOf, wayText } from './words.ts';

/** GitHub shows the first 5,000 results of a file. */
const MAX_RESULTS = 5000;
/** The same for messages about what keeps the scan from being complete. */
const MAX_NOTES = 1000;
/** A number is required: words get the lowest score of their level, what nobody scored stands with high. */
const BY_LEVEL: Readonly<Record<Level, string>> = {
  none: '0.0',
  low: '0.1',
  medium: '4.0',
  high: '7.0',
  critical: '9.0',
  unknown: '7.0',
};

/** @returns the document, one line; equal reports give equal bytes */
export function sarifOf(report: Report): string {
  // The report is ordered worst first: what is cut is the least.
  const findings = report.findings.slice(0, MAX_RESULTS);
  const rules = new Map<string, Finding>();
  for (const f of findings) if (!rules.has(ruleId(f))) rules.set(ruleId(f), f);
  const index = new Map([...rules.keys()].map((id, i) => [id, i]));
  const diff = report.mode === 'diff';
  return safeJson({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'scan-deps', rules: [...rules.values()].map(ruleOf) } },
        invocations: [
          {
            executionSuccessful: report.complete,
            toolExecutionNotifications: report.problems.slice(0, MAX_NOTES).map((p) => ({
              level: 'error',
              message: { text: messageText(p.message) },
              descriptor: { id: p.code },
              ...(p.file === undefined ? {} : { locations: [place(p.file, p.line ?? 1, p.line ?? 1)] }),
            })),
          },
        ],
        columnKind: 'utf16CodeUnits',
        results: findings.map((f) => resultOf(f, index.get(ruleId(f)) ?? 0, diff)),
      },
    ],
  });
}

function ruleOf(f: Finding): object {
  const tags = [
    'security',
    'dependency',
    ...(f.level === 'unknown' ? ['unscored'] : []),
    ...(f.malicious ? ['malicious'] : []),
    ...(f.informational === undefined ? [] : ['informational']),
  ];
  const word = BY_LEVEL[f.level];
  const score = f.score === undefined || f.score < Number(word) ? word : f.score.toFixed(1);
  return {
    id: ruleId(f),
    shortDescription: { text: oneLine(f.summary || f.id, 300) },
    ...(siteOf(f.id) === undefined ? {} : { helpUri: `https://osv.dev/vulnerability/${f.id}` }),
    properties: { tags, 'security-severity': score, precision: 'high' },
  };
}

function resultOf(f: Finding, ruleIndex: number, diff: boolean): object {
  const way = f.way.length > 1 ? ` Way in: ${wayText(f)}.` : '';
  const levels = { block: 'error', warn: 'warning', info: 'note', existing: 'note', ignored: 'note' } as const;
  return {
    ruleId: ruleId(f),
    ruleIndex,
    level: levels[f.state],
    message: { text: messageText(`${titleOf(f)}.${way} ${adviceOf(f)}`) },
    locations: [place(f.file, f.line, f.endLine)],
    partialFingerprints: { 'scanDeps/v1': fingerprint(f) },
    ...properties(f),
    ...(diff ? { baselineState: f.baseline === 'existing' ? 'unchanged' : 'new' } : {}),
    ...(f.state === 'ignored'
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: oneLine(f.reason, 1000) }] }
      : {}),
  };
}

/** What a result has no field for, where there is something to say. */
function properties({ doubt, freshInstall, safeRange }: Finding): object {
  const said = {
    ...(doubt === undefined ? {} : { doubt: oneLine(doubt, 1000) }),
    ...(freshInstall === undefined ? {} : { freshInstall }),
    ...(safeRange === undefined ? {} : { safeRange: oneLine(safeRange, 1000) }),
  };
  return Object.keys(said).length === 0 ? {} : { properties: said };
}

const ruleId = (f: Finding): string => oneLine(f.id, 200);

/** In a message `[x](y)` is a link and `{0}` a placeholder: neither may come from a name. SARIF 2.1.0, 3.11.5 and 3.11.6 */
function messageText(text: string): string {
  return oneLine(text, 1000).replace(/[[\]]/g, '\\$&').replace(/[{}]/g, '$&$&');
}

function place(file: string, startLine: number, endLine: number): object {
  // Never "//x": that would be the name of a host.
  const parts = file.split('/').filter((part) => part !== '');
  const uri = parts.map(encodePath).join('/');
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region: { startLine, endLine } } };
}

// A file name may hold a lone surrogate, which encodeURIComponent throws on.
const encodePath = (part: string): string => encodeURIComponent(part.toWellFormed());

function fingerprint(f: Finding): string {
  return createHash('sha256')
    .update(JSON.stringify([f.file, f.eco, f.key, f.ids]))
    .digest('hex');
}
