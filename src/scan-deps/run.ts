/** The scan: files, packages, questions, judgement, decision. It decides nothing itself and prints only progress. */
import { ActionError, type Log } from '../runner/index.ts';
import { type Comparison, compareWith } from './base/compare.ts';
import type { Base, BaseWanted } from './base/open.ts';
import { baseSide, readBase } from './base/side.ts';
import { coverageOf, type Packages, packagesOf, unansweredProblems } from './coverage.ts';
import { type Discovered, discover } from './discover/files.ts';
import type { Workspace } from './discover/workspace.ts';
import { DEFAULT_IGNORE_FILE, type ScanInputs } from './inputs.ts';
import { judge, keyOf } from './judge.ts';
import type { AdvisorySource } from './osv/source.ts';
import { decide } from './policy/decide.ts';
import { openIgnores } from './policy/ignores.ts';
import { baseIgnores, ignoreNotices, readIgnores } from './policy/risks.ts';
import { privateMatcher } from './private.ts';
import { byWeight } from './report/order.ts';
import { coverageLine, findingLine } from './report/words.ts';
import type { Dep, Finding, Report } from './types.ts';

export interface ScanPorts {
  workspace: Workspace;
  source: AdvisorySource;
  /** What a change is compared with. */
  base(wanted: BaseWanted): Promise<Base>;
  /** Unix seconds: the day by which ignore entries expire. */
  now: number;
  log: Log;
}

export interface Scanned {
  /** Frozen; `result` says whether the run must be red. */
  report: Readonly<Report>;
  /** Every package that was read. */
  deps: readonly Dep[];
  /** What is checked out, where git knows it. */
  commit?: Base['commit'];
}

/**
 * @returns the report, whatever was found
 * @throws ActionError E_INPUT, E_IGNORE_FILE, E_DIFF_BASE, E_NOTHING_TO_SCAN, E_CANCELLED
 */
export async function run(inputs: ScanInputs, ports: ScanPorts): Promise<Scanned> {
  const { log, workspace, source, now } = ports;
  const ignoreFile = inputs.ignoreFile ?? DEFAULT_IGNORE_FILE;
  const entries = readIgnores(workspace.read(ignoreFile), ignoreFile, inputs.ignoreFile !== undefined, now);
  const base = await log.group('base', () => chosenBase(inputs, ports));
  const found = await log.group('files', () => filesOf(inputs, ports));
  if (found.reports.length === 0 && !inputs.allowEmpty) throw nothingToScan(found.unsupported);
  const isPrivate = privateMatcher(inputs.privatePackages);
  const packages = packagesOf(
    found.reports.flatMap((report) => report.deps),
    isPrivate,
  );
  const { asked } = packages;
  const compared = await log.group('files of the base', () =>
    comparison(inputs, base, found, packages, isPrivate, log),
  );
  const both = await log.group('questions', () => source.lookup([...asked, ...(compared?.deps ?? [])].map(keyOf)));
  const answers = both.slice(0, asked.length);
  const judged = await log.group('judgement', () => judge(asked, answers, source));
  const against = compared?.judge(both.slice(asked.length), source.kind);
  const ignores = openIgnores(entries, now, await ignoresOfBase(base, ignoreFile, now));
  const findings = judged.findings
    .map((f) => (against === undefined ? f : { ...f, baseline: against.baseline(f) }))
    .map((f): Finding => ({ ...f, ...decide(f, inputs.policy, ignores.reasonFor(f)) }))
    .sort(byWeight);
  const problems = [
    ...found.reports.flatMap((report) => report.problems),
    ...unansweredProblems(answers),
    ...judged.problems,
  ];
  const complete = problems.length === 0;
  const blocks = findings.some((f) => f.state === 'block');
  const freshness = source.freshness();
  const report: Report = {
    version: 1,
    result: blocks || (!complete && inputs.onError === 'fail') ? 'failed' : 'passed',
    complete,
    source: { kind: source.kind, url: source.url, ...(freshness === undefined ? {} : { freshness }) },
    mode: base.mode,
    ...(base.mode === 'diff' ? { base: base.sha } : {}),
    coverage: coverageOf(found, packages, answers, judged),
    findings,
    ignores: ignores.states(),
    problems,
    notices: [...base.notices, ...found.notices, ...(against?.notices ?? []), ...ignoreNotices(ignores, ignoreFile)],
  };
  log.info(coverageLine(report));
  for (const finding of findings) log.info(findingLine(finding));
  return { report: Object.freeze(report), deps: packages.all, ...(base.commit ? { commit: base.commit } : {}) };
}

async function chosenBase(inputs: ScanInputs, ports: ScanPorts): Promise<Base> {
  const base = await ports.base(inputs);
  ports.log.info(
    base.mode === 'diff' ? `judges what is new since ${base.sha} (${base.from})` : `judges everything: ${base.why}`,
  );
  return base;
}

async function filesOf(inputs: ScanInputs, { workspace, log }: ScanPorts): Promise<Discovered> {
  const all = await discover(inputs.paths, inputs.exclude, workspace);
  for (const { file, format, status, deps } of all.reports)
    log.info(`${file}: ${format}, ${status}, ${deps.length} packages`);
  return all;
}

async function comparison(
  inputs: ScanInputs,
  base: Base,
  found: Discovered,
  { asked }: Packages,
  isPrivate: (dep: Dep) => boolean,
  log: Log,
): Promise<Comparison | undefined> {
  if (base.mode === 'full') return undefined;
  const side = await baseSide(inputs, base.store, found.reports);
  const compared = compareWith(side, asked, isPrivate);
  log.info(`${side.deps.length} packages, of which ${compared.deps.length} are in the change too`);
  return compared;
}

async function ignoresOfBase(base: Base, file: string, now: number) {
  return base.mode === 'full' ? undefined : baseIgnores(await readBase(base.store, file), file, now);
}

function nothingToScan(unsupported: readonly string[]): ActionError {
  const seen =
    unsupported.length === 0
      ? ''
      : `; what is there cannot be read by this version: ${unsupported.slice(0, 5).join(', ')}`;
  return new ActionError('E_NOTHING_TO_SCAN', {
    what: 'paths',
    why: `no lockfile and no manifest that this version reads is tracked there${seen}`,
    fix: 'Correct paths, or set allow-empty: true when there is nothing to scan by intent',
  });
}
