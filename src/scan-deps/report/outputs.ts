import type { OutputValue } from '../../runner/index.ts';
import { rankOf } from '../policy/severity.ts';
import type { Level, Report } from '../types.ts';
import { safeJson } from './json.ts';
import { countOf, newOf } from './words.ts';

const MAX_JSON = 256 * 1024;
const MAX_FINDINGS = 100;

export interface ReportPaths {
  report: string;
  sarif: string;
  cyclonedx: string;
}

/** Outputs of a scan that came to a report. */
export function outputsOf(report: Report, paths: ReportPaths): Record<string, OutputValue> {
  return {
    passed: report.result === 'passed',
    complete: report.complete,
    findings: report.findings.length,
    blocking: countOf(report, 'block'),
    new: newOf(report),
    'highest-severity': highest(report),
    packages: report.coverage.packages,
    'report-path': paths.report,
    'sarif-path': paths.sarif,
    'cyclonedx-path': paths.cyclonedx,
    json: jsonOf(report),
  };
}

/** Outputs of a run that failed before there was a report: written first, overwritten by the real ones. */
export function outputsOfFault(): Record<string, OutputValue> {
  return {
    passed: false,
    complete: false,
    findings: 0,
    blocking: 0,
    new: 0,
    'highest-severity': 'unknown',
    packages: 0,
    'report-path': '',
    'sarif-path': '',
    'cyclonedx-path': '',
    json: JSON.stringify({ result: 'failed', complete: false, findings: [] }),
  };
}

function highest(report: Report): Level {
  const levels = report.findings.filter((f) => f.state !== 'ignored').map((f) => f.level);
  const known = levels.filter((level) => level !== 'unknown').sort((a, b) => rankOf(b) - rankOf(a))[0];
  return known ?? (levels.length > 0 ? 'unknown' : 'none');
}

/** One line: counts, coverage and the first findings, halved until it fits. */
function jsonOf(report: Report): string {
  for (let count = Math.min(MAX_FINDINGS, report.findings.length); ; count = Math.floor(count / 2)) {
    const { files, unanswered, unsupported, ...coverage } = report.coverage;
    const lists = { files: files.length, unanswered: unanswered.length, unsupported: unsupported.length };
    const text = safeJson({
      result: report.result,
      complete: report.complete,
      source: report.source,
      mode: report.mode,
      ...(report.base === undefined ? {} : { base: report.base }),
      coverage: { ...coverage, ...lists },
      blocking: countOf(report, 'block'),
      new: newOf(report),
      total: report.findings.length,
      cut: count < report.findings.length,
      findings: report.findings.slice(0, count),
    });
    if (Buffer.byteLength(text) <= MAX_JSON || count === 0) return text;
  }
}
