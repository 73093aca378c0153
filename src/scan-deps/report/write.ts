import { mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { ActionError } from '../../runner/index.ts';
import type { Dep, Report } from '../types.ts';
import { cyclonedxOf, type Subject } from './cyclonedx.ts';
import { safeJson } from './json.ts';
import type { ReportPaths } from './outputs.ts';
import { sarifOf } from './sarif.ts';

/** What the bill of materials is made of. */
export interface Bill {
  /** Every package that was read, also those that were not asked for. */
  deps: readonly Dep[];
  subject: Subject;
}

/** Makes the folder. @throws ActionError E_INPUT for one inside .git, E_REPORT for one that cannot be written */
export function openReportFolder(folder: string): string {
  const path = resolve(folder);
  const refuse = (): never => {
    const fix = 'Choose a folder outside of .git';
    throw new ActionError('E_INPUT', { what: 'input report-dir', why: 'it lies inside .git', fix });
  };
  if (path.split(sep).includes('.git')) refuse();
  return reportFault(path, () => {
    mkdirSync(path, { recursive: true });
    const real = realpathSync(path);
    if (real.split(sep).includes('.git')) refuse();
    return real;
  });
}

/**
 * Writes scan-deps.json, scan-deps.sarif and, with its facts, scan-deps.cdx.json. A file is there whole or not at all.
 * @throws ActionError E_REPORT
 */
export function writeReports(folder: string, report: Report, bill?: Bill): ReportPaths {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
    return path;
  };
  return reportFault(folder, () => ({
    report: write('scan-deps.json', `${safeJson(report, 1)}\n`),
    sarif: write('scan-deps.sarif', sarifOf(report)),
    cyclonedx: bill === undefined ? '' : write('scan-deps.cdx.json', cyclonedxOf(report, bill.deps, bill.subject)),
  }));
}

function reportFault<T>(folder: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ActionError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const fix = 'Choose a report-dir that can be written';
    throw new ActionError('E_REPORT', { what: `report folder ${folder}`, why, fix, cause: error });
  }
}
