/** What was asked and answered, for the report. Pure. */
import type { Discovered } from './discover/files.ts';
import { keyOf } from './judge.ts';
import type { Answer, Dep, Problem, Report } from './types.ts';

export interface Packages {
  all: readonly Dep[];
  /** Without what is private. */
  open: readonly Dep[];
  /** Of these, what comes from a registry. */
  asked: readonly Dep[];
}

export function packagesOf(all: readonly Dep[], isPrivate: (dep: Dep) => boolean): Packages {
  const open = all.filter((dep) => !isPrivate(dep));
  return { all, open, asked: open.filter((dep) => dep.source === 'registry') };
}

/** @param answers one a package that was asked about, in order */
export function coverageOf(
  { reports, unsupported }: Discovered,
  { all, open, asked }: Packages,
  answers: readonly Answer[],
  judged: { unjudged: number; disagreements: number },
): Report['coverage'] {
  return {
    files: reports.map(({ file, format, status, deps }) => ({ file, format, status, packages: deps.length })),
    packages: all.length,
    unpinned: asked.filter((dep) => dep.version === undefined).length,
    unjudged: judged.unjudged,
    private: all.length - open.length,
    notRegistry: open.length - asked.length,
    unsupported,
    asked: distinct(asked),
    answered: distinct(asked.filter((_, i) => isAnswered(answers[i]))),
    unanswered: [...new Set(asked.filter((_, i) => !isAnswered(answers[i])).map(nameOf))],
    disagreements: judged.disagreements,
  };
}

/** One problem a cause, with the number of packages it left unanswered. */
export function unansweredProblems(answers: readonly Answer[]): Problem[] {
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

const isAnswered = (answer: Answer | undefined): boolean => answer !== undefined && 'records' in answer;
const nameOf = (dep: Dep): string => `${dep.eco} ${dep.name} ${dep.version ?? dep.range ?? ''}`.trim();
const distinct = (deps: readonly Dep[]): number =>
  new Set(deps.map((dep) => JSON.stringify([dep.eco, dep.key, keyOf(dep).version]))).size;
