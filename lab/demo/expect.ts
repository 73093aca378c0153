/** What must be true at the end. Pure: facts in, the sentences that do not hold out. */
import type { Handoff } from './collect.ts';
import type { DemoOptions } from './options.ts';

export interface EndFacts {
  conclusion: string;
  verdict: string;
  reason: string;
  handoffs: readonly Handoff[];
  valuesBefore: string;
  valuesAfter: string;
  /** Digest that was delivered, the one in values.yaml, the one the registry serves for the tag, those that run. */
  digest: { delivered: string; values: string; registry: string; running: readonly string[]; before: string };
  failed: number;
  sent: number;
}

/** @returns an empty list when the demo showed what it promises */
export function unmet(options: DemoOptions, end: EndFacts): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  if (options.fault === undefined) {
    const commits = options.strategy === 'canary' ? options.weights.length + 1 : 1;
    must(end.conclusion === 'success', `the run ended ${end.conclusion}`);
    must(end.verdict === 'pass', `the verdict is ${end.verdict} (${end.reason}), not pass`);
    must(end.handoffs.length === commits, `${end.handoffs.length} handoff commits, ${commits} were expected`);
    must(
      end.digest.values === end.digest.delivered,
      `values.yaml names ${end.digest.values}, not ${end.digest.delivered}`,
    );
    must(
      end.digest.registry === end.digest.delivered,
      `the registry serves ${end.digest.registry}, not ${end.digest.delivered}`,
    );
    must(onlyRuns(end, end.digest.delivered), `pods run ${end.digest.running.join(', ')}, not ${end.digest.delivered}`);
    return problems;
  }
  const reverts = end.handoffs.filter((h) => h.subject.startsWith('revert '));
  must(end.conclusion === 'failure', `the run ended ${end.conclusion}, it should be red`);
  must(end.verdict === 'fail', `the verdict is ${end.verdict} (${end.reason}), not fail`);
  must(end.reason.startsWith(`worse:${options.fault}`), `the reason is ${end.reason}, it should name ${options.fault}`);
  must(reverts.length === 1, `${reverts.length} revert commits, one was expected`);
  must(end.valuesAfter === end.valuesBefore, 'the values file is not byte-equal to before');
  must(onlyRuns(end, end.digest.before), `pods run ${end.digest.running.join(', ')}, not the old ${end.digest.before}`);
  return problems;
}

function onlyRuns(end: EndFacts, digest: string): boolean {
  return end.digest.running.length > 0 && end.digest.running.every((running) => running === digest);
}
