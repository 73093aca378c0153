/** SARIF 2.1.0, as GitHub code scanning takes it: one rule an id, one result a finding, the region is the annotation's line. */
import { createHash } from 'node:crypto';
import { oneLine } from '../../text/index.ts';
import type { Finding, Level, Report } from '../types.ts';
import { adviceOf, titleOf, wayText } from './words.ts';

const MAX_RESULTS = 5000;
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
  for (const f of findings) if (!rules.has(f.id)) rules.set(f.id, f);
  const index = new Map([...rules.keys()].map((id, i) => [id, i]));
  return JSON.stringify({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'scan-deps', rules: [...rules.values()].map(ruleOf) } },
        invocations: [
          {
            executionSuccessful: report.complete,
            toolExecutionNotifications: report.problems.map((p) => ({
              level: 'error',
              message: { text: oneLine(p.message, 1000) },
              descriptor: { id: p.code },
              ...(p.file === undefined ? {} : { locations: [place(p.file, p.line ?? 1, p.line ?? 1)] }),
            })),
          },
        ],
        columnKind: 'utf16CodeUnits',
        results: findings.map((f) => resultOf(f, index.get(f.id) ?? 0)),
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
  ];
  const word = BY_LEVEL[f.level];
  const score = f.score === undefined || f.score < Number(word) ? word : f.score.toFixed(1);
  const linkable = /^[A-Z]+-[A-Za-z0-9:-]{1,60}$/.test(f.id);
  return {
    id: oneLine(f.id, 200),
    shortDescription: { text: oneLine(f.summary || f.id, 300) },
    ...(linkable ? { helpUri: `https://osv.dev/vulnerability/${f.id}` } : {}),
    properties: { tags, 'security-severity': score, precision: 'high' },
  };
}

function resultOf(f: Finding, ruleIndex: number): object {
  const way = f.way.length > 1 ? ` Way in: ${wayText(f)}.` : '';
  const levels = { block: 'error', warn: 'warning', info: 'note', existing: 'note', ignored: 'note' } as const;
  return {
    ruleId: oneLine(f.id, 200),
    ruleIndex,
    level: levels[f.state],
    message: { text: oneLine(`${titleOf(f)}.${way} ${adviceOf(f)}`, 1000) },
    locations: [place(f.file, f.line, f.endLine)],
    partialFingerprints: { 'scanDeps/v1': fingerprint(f) },
    ...(f.state === 'ignored'
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: oneLine(f.reason, 1000) }] }
      : {}),
  };
}

function place(file: string, startLine: number, endLine: number): object {
  const uri = file.split('/').map(encodePath).join('/');
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region: { startLine, endLine } } };
}

// A file name may hold a lone surrogate, which encodeURIComponent throws on.
const encodePath = (part: string): string => encodeURIComponent(part.toWellFormed());

function fingerprint(f: Finding): string {
  return createHash('sha256')
    .update(JSON.stringify([f.file, f.eco, f.key, f.ids]))
    .digest('hex');
}
