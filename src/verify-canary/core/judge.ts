/** The judge: lines of a trace in, a verdict out. No clock, no I/O, no chance: the same lines give the same verdict. */
import { createBaseline, hasStable } from './baseline.ts';
import { type Decision, decide, type Evidence } from './decide.ts';
import { withDefaults } from './defaults.ts';
import { createLedger, type Ledger, type Term } from './ledger.ts';
import { type LonePod, lonePod, type Past, replay, without } from './pods.ts';
import { buildVerdict, type Ended, requiredMetrics } from './report.ts';
import { armsOf, beginStep, coverageOf, restartStep, type StepState, shareOf, trafficOf } from './step.ts';
import { spanOf, TraceError } from './trace.ts';
import type { Gap, Interval, Judge, JudgeConfigInput, Status, StepReport, TraceEvent, TraceLine } from './types.ts';

export function createJudge(input: JudgeConfigInput): Judge {
  let config = withDefaults(input);
  const concurrent = config.mode === 'concurrent';
  const limit = Math.log(1 / config.alpha);
  const baseline = createBaseline(config);
  let noise = baseline.noise(config);
  let noisy = false;
  let ledger = createLedger(config);
  /** Fail evidence: the ledger's, until the pod of a hold no longer counts for it. */
  let harm: Ledger = ledger;
  const past: Past[number][] = [];
  const gone = new Set<string>();
  let pod: LonePod | null = null;
  const header = { app: '', revision: '', image: '' };
  const steps: StepReport[] = [];
  const rowOfGaps: { start: number | null; kinds: Set<Gap> } = { start: null, kinds: new Set() };
  let canaryAbsentFrom: number | null = null;
  let canarySeen = false;
  let step: StepState | null = null;
  let first: number | null = null;
  let last = 0;
  let intervals = 0;
  let lastRun = 0;
  let worst = 0;
  let ended: Ended | null = null;

  const status = (): Status => ({
    done: ended !== null,
    verdict: ended?.verdict ?? null,
    reason: ended?.reason ?? null,
    step: step?.report.step ?? null,
    at: last,
    logE: harm.logE(),
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
    if (!('type' in line)) refuse(line);
    const isRun = 'type' in line && line.type === 'event' && line.event === 'run';
    if (ended?.verdict === 'fail' || ended?.verdict === 'superseded') return status();
    // A hold ends the run: only a new run goes on, with all evidence kept. A pass goes on with the next step.
    if (ended !== null && ended.verdict !== 'pass' && !isRun) return status();
    if ('type' in line) observeEvent(line as TraceEvent);
    else if (line.weight === 0) baseline.add(line);
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
    if (ended?.verdict === 'pass') return;
    // From the end of the run before to this one nobody looked: that is no time without data.
    if (ended !== null && step !== null) step.clock += line.at - last;
    if (ended?.reason === 'single-pod' && pod !== null) {
      gone.add(pod.pod);
      harm = replay(past, config, gone);
    }
    ended = null;
  }

  function refuse(line: Interval): void {
    if (line.weight === 0 && first !== null)
      throw new TraceError('it is of the baseline, and stands after the canary began');
    if (line.weight === 100 && concurrent) {
      throw new TraceError('at weight 100 there is no stable version beside the canary: the rules need another mode');
    }
  }

  /** The canary begins. What the baseline tells of noise is frozen here. */
  function begin(start: number): void {
    first = start;
    config = baseline.close(start);
    noise = baseline.noise(config);
    ledger = createLedger(config);
    harm = ledger;
  }

  function clearGaps(): void {
    rowOfGaps.start = null;
    rowOfGaps.kinds.clear();
    canaryAbsentFrom = null;
  }

  function observeInterval(raw: Interval): void {
    if (first === null) begin(raw.start);
    const line = baseline.pair(raw);
    intervals += 1;
    // A constant id does not make one step of two weights: a pass at 5 % says nothing of 50 %.
    if (line.step !== null && (line.step !== step?.report.step || line.weight !== step.weight)) {
      step = beginStep(config, { ...line, step: line.step }, step?.weight ?? null);
      steps.push(step.report);
      ended = null;
    }
    const warm = isWarm(line);
    const arms = concurrent || line.gap !== undefined ? armsOf(line) : { ...armsOf(line), stable: hasStable(line) };
    noteGap(line, arms.canary && line.gap === undefined);
    if (line.step !== null && step !== null) noteStep(step, line, warm, arms);
    past.push(line);
    ledger.observe(line);
    if (harm !== ledger) harm.observe(without(line, config, gone));
    if (!warm) noise.add(line);
    noisy ||= isNoisy();
    worst = Math.max(worst, harm.logE());
    settle(decide(evidence(line, line.end)), line.end);
  }

  const isWarm = (line: Interval): boolean => first === null || line.start < first + config.warmup;
  const isNoisy = (): boolean => (noise.logE() ?? 0) >= limit;

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
    const { enforced } = ledger;
    const required = requiredMetrics(enforced, step?.weight ?? null);
    const logE = harm.logE();
    pod = logE >= limit ? lonePod(past, config, gone, limit) : null;
    return {
      event: null,
      inStep: line !== null && line.step !== null,
      passed: ended?.verdict === 'pass',
      logE,
      logLimit: limit,
      worst: largest(harm.terms()),
      noisy: { now: isNoisy(), ever: noisy },
      lonePod: pod !== null,
      noBaseline: !concurrent && baseline.lines === 0,
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
      warm: line === null || isWarm(line),
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
    if (decision.kind === 'reset' && step !== null) {
      restartStep(step, at);
      past.push({ restart: step.weight });
      ledger.restart(step.weight);
      if (harm !== ledger) harm.restart(step.weight);
    }
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
    evidence: () => ({ fail: ledger.metrics.map((m) => m.logFail()), pass: ledger.metrics.map((m) => m.logPass()) }),
    verdict: () =>
      buildVerdict({
        config,
        baseline,
        noise: noise.logE(),
        pod,
        header,
        metrics: ledger.metrics,
        steps,
        step,
        ended,
        first,
        last: intervals === 0 ? null : last,
        intervals,
        logE: harm.logE(),
        worst,
        terms: harm.terms(),
      }),
  };
}

function largest(all: readonly Term[]): string {
  return all.reduce((best, t) => (t.log > best.log ? t : best), { name: '', log: Number.NEGATIVE_INFINITY }).name;
}
