/** The judge: lines of a trace in, a verdict out. No clock, no I/O, no chance: the same lines give the same verdict. */
import { type Decision, decide, type Evidence } from './decide.ts';
import { withDefaults } from './defaults.ts';
import { logSumExp } from './log.ts';
import { createMetric } from './metric.ts';
import { buildVerdict, type Ended, requiredMetrics } from './report.ts';
import { armsIn, armsOf, beginStep, coverageOf, restartStep, type StepState, shareOf, trafficOf } from './step.ts';
import { spanOf, TraceError } from './trace.ts';
import type { Gap, Interval, Judge, JudgeConfigInput, Status, StepReport, TraceEvent, TraceLine } from './types.ts';

export function createJudge(input: JudgeConfigInput): Judge {
  const config = withDefaults(input);
  const metrics = config.metrics.map((m) => createMetric(config, m));
  const enforced = metrics.filter((m) => m.config.mode === 'enforce');
  const weights = enforced.reduce((sum, m) => sum + m.config.weight, 0);
  const header = { app: '', revision: '', image: '' };
  const steps: StepReport[] = [];
  const rowOfGaps: { start: number | null; kinds: Set<Gap> } = { start: null, kinds: new Set() };
  let canaryAbsentFrom: number | null = null;
  let canarySeen = false;
  let step: StepState | null = null;
  let first: number | null = null;
  let last = 0;
  let intervals = 0;
  let before: Interval | null = null;
  let lastRun = 0;
  let worst = 0;
  let ended: Ended | null = null;

  const terms = (): { name: string; log: number }[] =>
    enforced.map((m) => ({ name: m.config.name, log: Math.log(m.config.weight / weights) + m.logFail() }));
  const logE = (): number => (enforced.length === 0 ? 0 : logSumExp(terms().map((t) => t.log)));
  const status = (): Status => ({
    done: ended !== null,
    verdict: ended?.verdict ?? null,
    reason: ended?.reason ?? null,
    step: step?.report.step ?? null,
    at: last,
    logE: logE(),
  });

  function observe(line: TraceLine): Status {
    const span = spanOf(line);
    if (span === null) {
      if ('type' in line && line.type === 'header') {
        header.app ||= line.app;
        header.revision ||= line.revision;
        header.image ||= line.image;
      }
      return status();
    }
    if (span.start < last) throw new TraceError('it begins before the line above it ends');
    const isRun = 'type' in line && line.type === 'event' && line.event === 'run';
    if (ended?.verdict === 'fail' || ended?.verdict === 'superseded') return status();
    // A hold ends the run: only a new run goes on, with all evidence kept. A pass goes on with the next step.
    if (ended !== null && ended.verdict !== 'pass' && !isRun) return status();
    if ('type' in line) observeEvent(line as TraceEvent);
    else observeInterval(line);
    last = span.end;
    return status();
  }

  function observeEvent(line: TraceEvent): void {
    if (line.event !== 'run') {
      settle(decide({ ...evidence(null, line.at), event: line.event }), line.at);
      return;
    }
    lastRun = line.at;
    clearGaps();
    if (ended?.verdict !== 'pass') ended = null;
  }

  function clearGaps(): void {
    rowOfGaps.start = null;
    rowOfGaps.kinds.clear();
    canaryAbsentFrom = null;
  }

  function observeInterval(line: Interval): void {
    // Beside the interval before: an event inside a hole does not close it.
    const apart = before !== null && (line.start > before.end || line.step !== before.step);
    before = line;
    first ??= line.start;
    intervals += 1;
    if (line.step !== null && line.step !== step?.report.step) {
      step = beginStep(config, { ...line, step: line.step }, step?.weight ?? null);
      steps.push(step.report);
      ended = null;
      for (const metric of metrics) metric.startStep(line.weight);
    }
    const current = line.step === null ? null : step;
    const warm = line.start < first + config.warmup;
    const arms = armsOf(line);
    noteGap(line, arms.canary && line.gap === undefined);
    if (current !== null) noteStep(current, line, warm, arms);
    if (apart || line.gap !== undefined || warm) for (const metric of metrics) metric.cut();
    if (line.gap === undefined && !warm) {
      const slot = Math.floor((line.start - first) / 60);
      const context = { start: line.start, end: line.end, slot, inStep: current !== null };
      for (const metric of metrics) metric.add(armsIn(line, metric.config.name) ?? NOTHING, context);
    }
    worst = Math.max(worst, logE());
    settle(decide(evidence(line, line.end)), line.end);
  }

  function noteGap(line: Interval, canaryHere: boolean): void {
    if (canaryHere) canarySeen = true;
    if (line.gap === undefined) {
      clearGaps();
      return;
    }
    rowOfGaps.start ??= line.start;
    rowOfGaps.kinds.add(line.gap);
    canaryAbsentFrom = line.gap === 'canary-absent' ? (canaryAbsentFrom ?? line.start) : null;
  }

  function noteStep(s: StepState, line: Interval, warm: boolean, arms: { stable: boolean; canary: boolean }): void {
    s.report.end = line.end;
    if (line.weight !== s.weight) {
      s.weight = line.weight;
      s.n0 = 0;
      s.n1 = 0;
    }
    if (!warm) s.leftWarmup = true;
    if (!s.leftWarmup) s.clock = line.end;
    s.stableSeen ||= arms.stable;
    s.canarySeen ||= arms.canary;
    s.unread ||= line.gap !== undefined && !line.gap.endsWith('-absent');
    if (line.gap !== undefined) return;
    const traffic = trafficOf(line, config);
    s.n0 += traffic?.stable ?? 0;
    s.n1 += traffic?.canary ?? 0;
    s.requests += (traffic?.stable ?? 0) + (traffic?.canary ?? 0);
    if (warm || !arms.stable || !arms.canary) return;
    s.usableSeconds += line.end - line.start;
    s.usableLines += 1;
  }

  function evidence(line: Interval | null, now: number): Evidence {
    const share = shareOf(step, config);
    const elapsed = step === null ? 0 : now - step.clock;
    const kinds = [...rowOfGaps.kinds];
    const kind = kinds.length === 1 ? kinds[0] : 'mixed';
    const required = requiredMetrics(enforced, step?.weight ?? null);
    return {
      event: null,
      inStep: line !== null && line.step !== null,
      passed: ended?.verdict === 'pass',
      logE: logE(),
      logLimit: Math.log(1 / config.alpha),
      worst: largest(terms()),
      gap: line?.gap ?? null,
      gaps: {
        seconds: rowOfGaps.start === null ? 0 : now - rowOfGaps.start,
        kind: kind === 'both-absent' || kind === 'canary-absent' ? kind : 'mixed',
      },
      canaryAbsentSeconds: canaryAbsentFrom === null ? 0 : now - canaryAbsentFrom,
      canarySeen,
      silent: config.silent,
      blind: config.blind,
      share: {
        rejects: share.rejects,
        settling: step !== null && now - step.start <= config.settle,
        cause: share.cause,
      },
      warm: line === null || first === null || line.start < first + config.warmup,
      elapsed,
      min: step?.rules.min ?? 0,
      sinceRun: step === null ? 0 : now - Math.max(step.clock, lastRun),
      max: step?.rules.max ?? Number.POSITIVE_INFINITY,
      usableLines: step?.usableLines ?? 0,
      absent: step === null || step.canarySeen || step.unread ? 'mixed' : step.stableSeen ? 'canary' : 'both',
      requests: step?.requests ?? 0,
      coverage: coverageOf(step, now),
      coverages: enforced
        .filter((m) => m.config.kind !== 'cpu' || required.includes(m))
        .map((m) => ({ name: m.config.name, coverage: elapsed > 0 ? m.covered() / elapsed : 0 })),
      required: required.map((m) => m.passes(config.beta)),
      violated: enforced.find((m) => m.violated(now, config.beta))?.config.name ?? null,
      onInconclusive: config.onInconclusive,
    };
  }

  function settle(decision: Decision, at: number): void {
    if (decision.kind === 'reset' && step !== null) restartStep(step, metrics, at);
    if (decision.kind !== 'verdict') return;
    const { verdict, reason } = decision;
    ended = { verdict, reason };
    // A pass holds for its step, whatever comes later.
    if (step === null || step.report.verdict === 'pass') return;
    step.report.verdict = verdict;
    step.report.reason = reason;
    if (reason === 'routing-not-applied' || reason === 'routing-wrong-share') step.shareRejected = true;
  }

  return {
    observe,
    evidence: () => ({ fail: metrics.map((m) => m.logFail()), pass: metrics.map((m) => m.logPass()) }),
    verdict: () =>
      buildVerdict({
        config,
        header,
        metrics,
        steps,
        step,
        ended,
        first,
        last: intervals === 0 ? null : last,
        intervals,
        logE: logE(),
        worst,
        terms: terms(),
      }),
  };
}

const NOTHING = { stable: null, canary: null };

function largest(all: readonly { name: string; log: number }[]): string {
  return all.reduce((best, t) => (t.log > best.log ? t : best), { name: '', log: Number.NEGATIVE_INFINITY }).name;
}
