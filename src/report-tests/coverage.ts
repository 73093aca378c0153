import { z } from 'zod';
import { ActionError } from '../runner/index.ts';
import { markdown, oneLine, parseJson } from '../text/index.ts';

const schema = z.looseObject({
  totals: z.looseObject({ percent_covered: z.number().min(0).max(100) }),
  files: z.record(z.string(), z.looseObject({ summary: z.looseObject({ percent_covered: z.number() }) })).default({}),
});

export interface Coverage {
  /** Per cent of lines, one decimal, rounded down: 84.96 is not 85. */
  percent: number;
  /** Least covered first. */
  files: readonly { path: string; percent: number }[];
}

/** @param text the JSON report of coverage.py @throws ActionError E_REPORT_FILE when it is anything else */
export function parseCoverage(text: string): Coverage {
  const result = schema.safeParse(parseJson(text));
  if (!result.success) {
    throw new ActionError('E_REPORT_FILE', {
      what: 'coverage report',
      why: 'it is not the JSON that "coverage json" writes',
      fix: 'Run "python -m coverage json" after the tests',
    });
  }
  const files = Object.entries(result.data.files)
    .map(([path, file]) => ({ path, percent: file.summary.percent_covered }))
    .sort((a, b) => a.percent - b.percent || (a.path < b.path ? -1 : 1));
  return { percent: Math.floor(result.data.totals.percent_covered * 10) / 10, files };
}

/** @throws ActionError E_COVERAGE when less than the minimum (per cent) is covered */
export function checkCoverage(coverage: Coverage, minimum: number): void {
  if (coverage.percent >= minimum) return;
  const worst = coverage.files[0];
  throw new ActionError('E_COVERAGE', {
    what: 'line coverage',
    why: `${coverage.percent} % is below the required ${minimum} %`,
    fix:
      worst === undefined
        ? 'Add tests'
        : `Add tests, ${oneLine(worst.path, 200)} (${Math.floor(worst.percent)} %) needs them most`,
  });
}

/** The ten least covered files as a table. */
export function renderCoverage(coverage: Coverage, minimum: number): string {
  const rows = coverage.files.slice(0, 10).map((f) => [markdown.code(f.path), `${f.percent.toFixed(1)} %`]);
  const head = `### Line coverage ${coverage.percent} % (required ${minimum} %)\n\n`;
  return rows.length === 0 ? head : head + markdown.table(['least covered', 'lines'], rows);
}
