/** One stream of events per exposure: a ratio metric, or one bound of a latency metric. */
import { type Counts, ratioInterval } from './confidence.ts';
import { logAddExp } from './log.ts';
import { createTerms, failProcess, type Process, passProcess } from './ratio.ts';
import { logCertificate, logViolation } from './slo.ts';
import type { StreamReport } from './types.ts';

export interface StreamRules {
  le: number | null;
  ratio: number;
  floor: number;
  phi: number;
  /** Objective for the certificate, in (0, 1). */
  slo: number | null;
  /** Whether a violated objective withholds a pass: of a latency metric only the objective's own bound does. */
  guards: boolean;
}

/** Only what is this recent can withhold a pass: an incident that is over does not block. */
const VIOLATION_SECONDS = 120;

interface Sums {
  /** Σ(e1 - n1 e0/n0) and Σ n1, for the absolute floor. */
  excess: number;
  exposure: number;
}

export interface Stream {
  readonly rules: StreamRules;
  add(counts: Partial<Counts>, slot: number, start: number, inStep: boolean): void;
  /** @param margin rate ratio that a pass must exclude; null when no pass is asked of this metric */
  startStep(margin: number | null): void;
  /** ln evidence as it counts: at most 0 while the absolute difference is below the floor. */
  logFail(): number;
  logPass(): number | null;
  violated(now: number, beta: number): boolean;
  /** Sums for {@link eta}. */
  pending(): { sums: Float64Array; certificate: { e: number; n: number; s: number; phi: number } | null } | null;
  report(): StreamReport;
}

export type Terms = (rho: number) => Float64Array;

/** @param failTerms, passTerms shared by the bounds of one metric, which have rho in common */
export function createStream(rules: StreamRules, failTerms: Terms): Stream & { usePassTerms(terms: Terms): void } {
  const fail = failProcess(Math.log(rules.ratio), rules.phi, failTerms);
  const history: Counts[] = [];
  const rollout: Sums = { excess: 0, exposure: 0 };
  const totals = { n0: 0, n1: 0, e0: 0, e1: 0 };
  let step: Sums = { excess: 0, exposure: 0 };
  let pass: Process | null = null;
  let passTerms: Terms | undefined;
  let certificate = { e: 0, n: 0 };
  let recent: { start: number; e: number; n: number }[] = [];
  let lastSlot: number | null = null;
  // Asked several times a line; worked out once.
  let known: { fail?: number; pass?: number } = {};

  const excess = (): number | null => {
    if (rollout.exposure === 0) return null;
    const whole = rollout.excess / rollout.exposure;
    return step.exposure === 0 ? whole : Math.max(whole, step.excess / step.exposure);
  };
  const logFail = (): number => {
    if (known.fail !== undefined) return known.fail;
    const log = fail.logE();
    const e = excess();
    known.fail = e === null || e < rules.floor ? Math.min(log, 0) : log;
    return known.fail;
  };
  const logCert = (): number =>
    rules.slo === null ? Number.NEGATIVE_INFINITY : logCertificate(certificate.e, certificate.n, rules.slo, rules.phi);
  const logPass = (): number | null => {
    if (pass === null) return null;
    // The mean of both, not either one: "either" has up to twice the error.
    known.pass ??= rules.slo === null ? pass.logE() : logAddExp(pass.logE(), logCert()) - Math.LN2;
    return known.pass;
  };

  return {
    rules,
    usePassTerms(terms) {
      passTerms = terms;
    },
    startStep(margin) {
      known = {};
      pass =
        margin === null
          ? null
          : passProcess(Math.log(margin), rules.phi, passTerms ?? createTerms(Math.log(margin), -1));
      step = { excess: 0, exposure: 0 };
      certificate = { e: 0, n: 0 };
      recent = [];
    },
    add(counts, slot, start, inStep) {
      known = {};
      const { n0, e0, n1, e1 } = counts;
      if (inStep && n1 !== undefined && e1 !== undefined && n1 > 0) {
        certificate.n += Math.max(n1, e1);
        certificate.e += e1;
      }
      if (n0 === undefined || e0 === undefined || n1 === undefined || e1 === undefined || n0 <= 0 || n1 <= 0) return;
      // A torn reading can show more events than requests.
      const whole = { n0: Math.max(n0, e0), n1: Math.max(n1, e1), e0, e1 };
      if (lastSlot !== null && slot > lastSlot) fail.inject();
      lastSlot = Math.max(slot, lastSlot ?? slot);
      fail.add(whole.n0, whole.n1, e0, e1);
      const over = e1 - (whole.n1 * e0) / whole.n0;
      rollout.excess += over;
      rollout.exposure += whole.n1;
      totals.n0 += whole.n0;
      totals.n1 += whole.n1;
      totals.e0 += e0;
      totals.e1 += e1;
      if (e0 + e1 > 0) history.push(whole);
      if (!inStep) return;
      pass?.add(whole.n0, whole.n1, e0, e1);
      step.excess += over;
      step.exposure += whole.n1;
      if (rules.guards) recent.push({ start, e: e1, n: whole.n1 });
    },
    logFail,
    logPass,
    violated(now, beta) {
      if (rules.slo === null || !rules.guards) return false;
      recent = recent.filter((r) => r.start >= now - VIOLATION_SECONDS);
      const e = recent.reduce((sum, r) => sum + r.e, 0);
      const n = recent.reduce((sum, r) => sum + r.n, 0);
      return logViolation(e, n, rules.slo, rules.phi) >= Math.log(1 / beta);
    },
    pending: () =>
      pass === null
        ? null
        : {
            sums: pass.sums(),
            certificate: rules.slo === null ? null : { ...certificate, s: rules.slo, phi: rules.phi },
          },
    report() {
      const { ratio, low, high } = ratioInterval(history, 0.05, rules.phi);
      return {
        le: rules.le,
        stable: { n: totals.n0, e: totals.e0, rate: totals.n0 > 0 ? totals.e0 / totals.n0 : null },
        canary: { n: totals.n1, e: totals.e1, rate: totals.n1 > 0 ? totals.e1 / totals.n1 : null },
        ratio,
        ci: [low, high],
        excess: excess(),
        logE: logFail(),
        logP: logPass(),
      };
    },
  };
}
