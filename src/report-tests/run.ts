/** Reads what the tools wrote, in the order in which it is shown. */
import type { Annotation, Log, OutputValue } from '../runner/index.ts';
import { formatSeconds, markdown } from '../text/index.ts';
import { type Coverage, checkCoverage, parseCoverage, renderCoverage } from './coverage.ts';
import { parseFlake8 } from './flake8.ts';
import { parseJUnit } from './junit.ts';

export interface Inputs {
  /** Paths of the reports; '' when there is none. */
  flake8: string;
  junit: string;
  coverage: string;
  coverageMin: number;
  /** Folder that the tools ran in, relative to the repository. */
  base: string;
}

export interface Ports {
  /** The text of a report. @throws ActionError E_REPORT_FILE */
  read(path: string, what: string): Promise<string>;
  log: Log;
  summary(markdown: string): void;
  outputs(values: Record<string, OutputValue>): void;
}

const SHOWN = 10;

/**
 * Shows failed tests, findings and coverage. Whether tests or lint are red is for their own tools to say; this one is red for
 * a coverage below the minimum, and for a report that is not there.
 * @throws ActionError E_REPORT_FILE, E_COVERAGE
 */
export async function run(inputs: Inputs, ports: Ports): Promise<void> {
  const annotations: Annotation[] = [];
  const said: string[] = [];
  const outputs: Record<string, OutputValue> = {};
  let coverage: Coverage | undefined;
  try {
    if (inputs.junit !== '') {
      const junit = parseJUnit(await ports.read(inputs.junit, 'JUnit report'), inputs.base);
      annotations.push(...junit.findings);
      outputs.tests = junit.tests;
      outputs.failures = junit.failures;
      said.push(`${count(junit.tests, 'test')}, ${junit.failures} failed, ${junit.skipped} skipped`);
      ports.summary(renderTests(junit));
    }
    if (inputs.flake8 !== '') {
      const flake8 = parseFlake8(await ports.read(inputs.flake8, 'report of flake8'), inputs.base);
      annotations.push(...flake8.findings);
      said.push(`${count(flake8.findings.length, 'finding')} of flake8`);
      ports.summary(renderFlake8(flake8));
    }
    if (inputs.coverage !== '') {
      coverage = parseCoverage(await ports.read(inputs.coverage, 'coverage report'));
      outputs.coverage = coverage.percent;
      said.push(`line coverage ${coverage.percent} %`);
      ports.summary(renderCoverage(coverage, inputs.coverageMin));
    }
  } finally {
    ports.log.annotate(annotations);
    ports.outputs(outputs);
  }
  if (coverage !== undefined) checkCoverage(coverage, inputs.coverageMin);
  if (said.length > 0) ports.log.notice(said.join(', '));
}

function renderTests(junit: ReturnType<typeof parseJUnit>): string {
  const head = `### ${count(junit.tests, 'test')}, ${junit.failures} failed, ${junit.skipped} skipped, ${formatSeconds(junit.seconds)}\n\n`;
  if (junit.failed.length === 0) return head;
  const rows = junit.failed.slice(0, SHOWN).map(({ name, why }) => [markdown.code(name), markdown.text(why)]);
  const rest = junit.failed.length > SHOWN ? `\n${junit.failed.length - SHOWN} more failed.\n` : '';
  return head + markdown.table(['failed', 'why'], rows) + rest;
}

function renderFlake8(flake8: ReturnType<typeof parseFlake8>): string {
  const others = flake8.others === 0 ? '' : `\nNo findings, see the log: ${count(flake8.others, 'more line')}.\n`;
  if (flake8.findings.length === 0) return `### flake8: no findings\n${others}`;
  const rows = flake8.codes.slice(0, SHOWN).map(({ code, count }) => [markdown.code(code), String(count)]);
  return `### flake8: ${count(flake8.findings.length, 'finding')}\n\n${markdown.table(['code', 'findings'], rows)}${others}`;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
