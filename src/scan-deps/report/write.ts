import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { ActionError } from '../../runner/index.ts';
import type { Report } from '../types.ts';
import type { ReportPaths } from './outputs.ts';
import { sarifOf } from './sarif.ts';

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

/** Writes scan-deps.json and scan-deps.sarif. @throws ActionError E_REPORT */
export function writeReports(folder: string, report: Report): ReportPaths {
  const paths = { report: join(folder, 'scan-deps.json'), sarif: join(folder, 'scan-deps.sarif') };
  return reportFault(folder, () => {
    writeFileSync(paths.report, `${JSON.stringify(report, null, 1)}\n`);
    writeFileSync(paths.sarif, sarifOf(report));
    return paths;
  });
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
