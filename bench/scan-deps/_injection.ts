/** Hostile names through every writer of scan-deps, in reports of 500 findings, and what got through. */
import { cyclonedxCheck, hostileNames, hostileReport, RAW, sarifCheck } from '../../__tests__/scan-deps/report-kit.ts';
import { actionsLog } from '../../src/runner/index.ts';
import { annotations } from '../../src/scan-deps/report/annotate.ts';
import { cyclonedxOf } from '../../src/scan-deps/report/cyclonedx.ts';
import { safeJson } from '../../src/scan-deps/report/json.ts';
import { outputsOf } from '../../src/scan-deps/report/outputs.ts';
import { sarifOf } from '../../src/scan-deps/report/sarif.ts';
import { summaryOf } from '../../src/scan-deps/report/summary.ts';
import { coverageLine, findingLine, resultLine } from '../../src/scan-deps/report/words.ts';

export interface Injections {
  names: number;
  /** Texts with a raw control, bidirectional or zero-width character, or an ANSI escape. */
  raw: number;
  /** Log lines that a runner would take for a command that we did not write. */
  commands: number;
  /** Links or HTML in the summary that we did not write. */
  links: number;
  /** Documents that the official schema refuses. */
  invalid: number;
  /** False where the packages with the schemas are not installed: then `invalid` says nothing. */
  checked: boolean;
}

const CHUNK = 500;
const OWN_COMMAND = /^::(?:error|warning|notice)(?: [a-zA-Z]+=[^\r\n]*)?::/;

export function injections(count: number): Injections {
  const checks = { sarif: sarifCheck(), cyclonedx: cyclonedxCheck() };
  const result: Injections = {
    names: count,
    raw: 0,
    commands: 0,
    links: 0,
    invalid: 0,
    checked: checks.sarif !== undefined && checks.cyclonedx !== undefined,
  };
  const names = hostileNames(count);
  for (let at = 0; at < count; at += CHUNK) {
    const { report, deps } = hostileReport(names.slice(at, at + CHUNK));
    const sarif = sarifOf(report);
    const bom = cyclonedxOf(report, deps, { name: names[at] ?? '', revision: names[at] ?? '' });
    const summary = summaryOf(report, 16 * 1024 * 1024);
    const lines: string[] = [];
    const log = actionsLog('scan-deps', (line) => lines.push(line));
    for (const finding of report.findings) log.info(findingLine(finding));
    for (const annotation of annotations(report, 'fail')) log.annotate([annotation]);
    log.info(coverageLine(report));
    log.notice(resultLine(report));
    const outputs = outputsOf(report, { report: '', sarif: '', cyclonedx: '' });
    for (const text of [sarif, bom, summary, safeJson(report, 1), String(outputs.json), ...lines])
      if (RAW.test(text)) result.raw += 1;
    result.commands += lines.filter(
      (line) => line.includes('\n') || (/^\s*::|##\[/.test(line) && !OWN_COMMAND.test(line)),
    ).length;
    result.links += strangers(summary);
    for (const [check, text] of [
      [checks.sarif, sarif],
      [checks.cyclonedx, bom],
    ] as const)
      if (check !== undefined && check(JSON.parse(text)).length > 0) result.invalid += 1;
  }
  return result;
}

/** Outside of code spans: tags that are not ours, and links to other than the three sites. */
function strangers(summary: string): number {
  const text = summary.replace(/(?<![`\\])(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, '');
  const tags = [
    ...text.matchAll(/<(?!\/?(?:details|summary)>)(?!https:\/\/(?:osv\.dev|github\.com|nvd\.nist\.gov)\/)/g),
  ].length;
  const links = [...text.matchAll(/(?<!\\)\]\((?!<https:\/\/(?:osv\.dev|github\.com\/advisories|nvd\.nist\.gov)\/)/g)]
    .length;
  return tags + links;
}
