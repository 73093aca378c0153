/** What must be true at the end. Pure: facts in, the sentences that do not hold out. */
import type { AuditFact, DriftFact } from '../report/facts.ts';
import type { Handoff } from './collect.ts';
import type { DemoOptions, RedGate } from './options.ts';

export interface EndFacts {
  conclusion: string;
  verdict: string;
  reason: string;
  handoffs: readonly Handoff[];
  valuesBefore: string;
  valuesAfter: string;
  /** Digest that was delivered, the one in values.yaml, the one the registry serves for the tag, those that run. */
  digest: {
    delivered: string;
    values: string;
    registry: string;
    /** Of the pods that get requests, and of those that stand by (the other slot of blueGreen). */
    running: readonly string[];
    standby: readonly string[];
    before: string;
  };
  failed: number;
  /** The first failed requests in words. */
  failures: readonly string[];
  sent: number;
  drift: DriftFact | undefined;
  audit: readonly AuditFact[];
}

/** @returns an empty list when the demo showed what it promises */
export function unmet(options: DemoOptions, end: EndFacts): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  if (options.fault === undefined) {
    const commits = { canary: options.weights.length + 1, blueGreen: 2, rolling: 1, recreate: 1 }[options.strategy];
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
    if (options.strategy === 'recreate') must(end.failed > 0, 'no request failed, although all pods were gone at once');
    else
      must(end.failed === 0, `${end.failed} of ${end.sent} requests failed, none should (${end.failures.join('; ')})`);
    if (options.strategy === 'blueGreen')
      must(
        end.digest.standby.join() === end.digest.before,
        `the other slot runs ${end.digest.standby.join(', ') || 'nothing'}, not the old ${end.digest.before}`,
      );
    return [...problems, ...brokenLinks(end.audit), ...(options.drift ? unhealed(end.drift) : [])];
  }
  const reverts = end.handoffs.filter((h) => h.subject.startsWith('revert '));
  must(end.conclusion === 'failure', `the run ended ${end.conclusion}, it should be red`);
  must(end.verdict === 'fail', `the verdict is ${end.verdict} (${end.reason}), not fail`);
  must(end.reason.startsWith(`worse:${options.fault}`), `the reason is ${end.reason}, it should name ${options.fault}`);
  must(reverts.length === 1, `${reverts.length} revert commits, one was expected`);
  must(end.valuesAfter === end.valuesBefore, 'the values file is not byte-equal to before');
  must(onlyRuns(end, end.digest.before), `pods run ${end.digest.running.join(', ')}, not the old ${end.digest.before}`);
  must(
    end.failed <= MAX_FAILED * end.sent,
    `${end.failed} of ${end.sent} requests failed, more than ${100 * MAX_FAILED} %`,
  );
  return problems;
}

/** Share of the requests from the push to the end that a bad version may cost. */
const MAX_FAILED = 0.03;
/** Polls within which a change by hand is taken back. */
const MAX_POLLS = 3;

/** The links of the chain. The attestation of the lab has no signature, so that nobody can vouch for it. */
const CHAIN = ['pod', 'digest', 'image', 'handoff', 'source', 'run', 'attestation', 'values'];

function brokenLinks(links: readonly AuditFact[]): string[] {
  return CHAIN.flatMap((name) => {
    const { status, why } = links.find((link) => link.name === name) ?? { status: 'not told', why: '' };
    const wanted = name === 'attestation' ? 'unverified' : 'ok';
    return status === wanted ? [] : [`the audit says ${status} of ${name}, ${wanted} was expected (${why})`];
  });
}

function unhealed(drift: DriftFact | undefined): string[] {
  if (drift === undefined) return ['nothing was changed by hand'];
  const allowed = drift.writes.filter(([, status]) => status !== 405).map(([method]) => method);
  return [
    ...(drift.outOfSync ? [] : ['the change by hand was not noticed']),
    ...(drift.polls <= MAX_POLLS
      ? []
      : [`it took ${drift.polls} polls to heal the change, ${MAX_POLLS} were promised`]),
    ...(drift.foreign.length === 0 ? [] : [`pods of the change by hand still run: ${drift.foreign.join(', ')}`]),
    ...(drift.failed === 0 ? [] : [`${drift.failed} requests failed while the change was healed`]),
    ...(drift.writes.length > 0 && allowed.length === 0
      ? []
      : [`the API of the cluster did not refuse every write: ${allowed.join(', ') || 'none was tried'}`]),
  ];
}

/** What became of a change that must not ship. */
export interface RefusalFacts {
  conclusion: string;
  /** Conclusion of the job that finds the fault, and of the gate. */
  job: string;
  gate: string;
  /** Status and words of the refused merge; undefined: it was merged. */
  merge: { refused: number; message: string } | undefined;
  /** Writes to the registry and commits of the config repository since the change was pushed. */
  registryWrites: readonly string[];
  configCommits: number;
  /** True when main is where it was. */
  mainUnmoved: boolean;
}

/** @returns an empty list when the change was refused as promised, and nothing was touched */
export function unrefused(fault: RedGate, end: RefusalFacts): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  must(end.conclusion === 'failure', `the run ended ${end.conclusion}, it should be red`);
  must(end.job === 'failure', `the job ${GATE_JOBS[fault]} ended ${end.job}, it should have found the fault`);
  must(end.gate === 'failure', `the gate ended ${end.gate}, it should be red`);
  must(end.merge?.refused === 405, `the merge was answered with ${end.merge?.refused ?? 'success'}, not with 405`);
  must(
    end.merge === undefined || end.merge.message.includes('deliver / gate'),
    `the refusal does not name the check: ${end.merge?.message}`,
  );
  must(end.registryWrites.length === 0, `the registry was written to: ${end.registryWrites.slice(0, 3).join(', ')}`);
  must(end.configCommits === 0, `${end.configCommits} commits in the config repository, none was expected`);
  must(end.mainUnmoved, 'main of the service was moved');
  return problems;
}

/** The job of the gate that finds each fault; the matrix adds its cell to the name. */
export const GATE_JOBS: Readonly<Record<RedGate, string>> = {
  lint: 'deliver / test / lint',
  test: 'deliver / test / test',
  deps: 'deliver / test / scan',
};

function onlyRuns(end: EndFacts, digest: string): boolean {
  return end.digest.running.length > 0 && end.digest.running.every((running) => running === digest);
}
