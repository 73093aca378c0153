/** The scan: files, packages, questions, judgement, decision. It decides nothing itself and prints only progress. */
import { ActionError, type Log } from '../runner/index.ts';
import { discover } from './discover/files.ts';
import type { Workspace } from './discover/workspace.ts';
import type { ScanInputs } from './inputs.ts';
import { DEFAULT_IGNORE_FILE } from './inputs.ts';
import { judge, keyOf } from './judge.ts';
import type { AdvisorySource } from './osv/source.ts';
import { decide } from './policy/decide.ts';
import { type IgnoreEntry, parseIgnoreFile } from './policy/ignore-file.ts';
import { type Ignores, openIgnores } from './policy/ignores.ts';
import { privateMatcher } from './private.ts';
import { byWeight } from './report/order.ts';
import { coverageLine, findingLine } from './report/words.ts';
import type { Answer, Dep, Finding, Notice, Problem, Report } from './types.ts';

export interface ScanPorts {
  workspace: Workspace;
  source: AdvisorySource;
  /** Unix seconds: the day by which ignore entries expire. */
  now: number;
  log: Log;
}

/**
 * @returns the frozen report, whatever was found; `result` says whether it must be red
 * @throws ActionError E_INPUT, E_IGNORE_FILE, E_NOTHING_TO_SCAN, E_CANCELLED
 */
export async function run(inputs: ScanInputs, ports: ScanPorts): Promise<Readonly<Report>> {
  const { log, workspace, source } = ports;
  const ignoreFile = inputs.ignoreFile ?? DEFAULT_IGNORE_FILE;
  const entries = readIgnores(inputs, ignoreFile, ports);
  const found = await log.group('files', async () => {
    const all = await discover(inputs.paths, inputs.exclude, workspace);
    for (const { file, format, status, deps } of all.reports)
      log.info(`${file}: ${format}, ${status}, ${deps.length} packages`);
    return all;
  });
  if (found.reports.length === 0 && !inputs.allowEmpty) throw nothingToScan(found.unsupported);
  const isPrivate = privateMatcher(inputs.privatePackages);
  const all = found.reports.flatMap((report) => report.deps);
  const open = all.filter((dep) => !isPrivate(dep));
  const asked = open.filter((dep) => dep.source === 'registry');
  const answers = await log.group('questions', () => source.lookup(asked.map(keyOf)));
  const judged = await log.group('judgement', () => judge(asked, answers, source));
  const ignores = openIgnores(entries, ports.now);
  const findings = judged.findings
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
    mode: inputs.mode,
    coverage: {
      files: found.reports.map((r) => ({ file: r.file, format: r.format, status: r.status, packages: r.deps.length })),
      packages: all.length,
      unpinned: asked.filter((dep) => dep.version === undefined).length,
      unjudged: judged.unjudged,
      private: all.length - open.length,
      notRegistry: open.length - asked.length,
      unsupported: found.unsupported,
      asked: distinct(asked),
      answered: distinct(asked.filter((_, i) => 'records' in (answers[i] ?? {}))),
      unanswered: unansweredNames(asked, answers),
      disagreements: judged.disagreements,
    },
    findings,
    ignores: ignores.states(),
    problems,
    notices: [...found.notices, ...ignoreNotices(ignores, ignoreFile)],
  };
  log.info(coverageLine(report));
  for (const finding of findings) log.info(findingLine(finding));
  return Object.freeze(report);
}

function readIgnores(inputs: ScanInputs, file: string, { workspace, now }: ScanPorts): IgnoreEntry[] {
  const bytes = workspace.read(file);
  if (bytes === 'missing' && inputs.ignoreFile === undefined) return [];
  if (typeof bytes === 'string') {
    const why = bytes === 'missing' ? 'it is not there' : 'it is no file of the workspace';
    const fix = 'Correct the input ignore-file, or leave it empty';
    throw new ActionError('E_IGNORE_FILE', { what: `ignore file ${file}`, why, fix });
  }
  return parseIgnoreFile(Buffer.from(bytes).toString('utf8'), file, now);
}

function nothingToScan(unsupported: readonly string[]): ActionError {
  const seen =
    unsupported.length === 0
      ? ''
      : `; what is there cannot be read by this version: ${unsupported.slice(0, 5).join(', ')}`;
  return new ActionError('E_NOTHING_TO_SCAN', {
    what: 'paths',
    why: `no requirements file and no package-lock.json is tracked there${seen}`,
    fix: 'Correct paths, or set allow-empty: true when there is nothing to scan by intent',
  });
}

const nameOf = (dep: Dep): string => `${dep.eco} ${dep.name} ${dep.version ?? dep.range ?? ''}`.trim();
const distinct = (deps: readonly Dep[]): number => new Set(deps.map((dep) => JSON.stringify(keyOf(dep)))).size;

function unansweredNames(asked: readonly Dep[], answers: readonly Answer[]): string[] {
  return [...new Set(asked.filter((_, i) => !('records' in (answers[i] ?? {}))).map(nameOf))];
}

/** One problem a cause, with the number of packages it left unanswered. */
function unansweredProblems(answers: readonly Answer[]): Problem[] {
  const causes = new Map<string, { problem: Problem; count: number }>();
  for (const answer of answers) {
    if (!('unanswered' in answer)) continue;
    const key = `${answer.unanswered.code} ${answer.unanswered.message}`;
    const cause = causes.get(key) ?? { problem: answer.unanswered, count: 0 };
    causes.set(key, { ...cause, count: cause.count + 1 });
  }
  return [...causes.values()].map(({ problem, count }) => ({
    ...problem,
    message: `${problem.message} (${count} package${count === 1 ? '' : 's'} unanswered)`,
  }));
}

function ignoreNotices(ignores: Ignores, file: string): Notice[] {
  return [
    ...ignores.refused().map((entry): Notice => {
      const message = `${entry.id} is malware: an entry applies only when it names package and exact version`;
      return { code: 'W_IGNORE_REFUSED', message, file, line: entry.line };
    }),
    ...ignores.states().flatMap(({ id, state, line, expires }): Notice[] => {
      if (state === 'used') return [];
      const expired = state === 'expired';
      const message = expired ? `the entry for ${id} expired on ${expires}` : `the entry for ${id} matches nothing`;
      return [{ code: expired ? 'W_IGNORE_EXPIRED' : 'W_IGNORE_UNUSED', message, file, line }];
    }),
  ];
}
