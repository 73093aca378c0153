/** The verdict in one sentence with its numbers. */
import type { MetricReport, Verdict } from '../core/index.ts';
import { interval, percent, short, span } from './numbers.ts';

/** @param detail what Argo CD said, where that is what ended it */
export function verdictMessage(v: Verdict, detail = ''): string {
  const at = v.weight === null ? '' : ` at ${short(v.weight)} %`;
  // What ends before there was a line has no time and no weight of its own.
  const after = v.step === null || v.elapsed === 0 ? '' : ` after ${span(v.elapsed)}${at}`;
  const weaker = v.weaker && v.intervals > 0 ? `. Weaker: ${COMPARED[v.mode]}` : '';
  switch (v.verdict) {
    case 'pass':
      return `PASS${after}: ${passed(v)}${weaker}`;
    case 'superseded':
      return `SUPERSEDED${after}: a newer version took over${detail === '' ? '' : ` (${detail})`}`;
    case 'no-data':
      return `NO DATA${after}: ${noData(v)}`;
    case 'fail':
      return `FAIL${after}: ${failed(v, detail)}${weaker}`;
    case 'hold':
      return `HOLD${after}: ${held(v, detail)}`;
  }
}

const MAX_NAMES = 4;

/** What a canary is compared with, for people. */
export const COMPARED: Readonly<Record<Verdict['mode'], string>> = {
  concurrent: 'compared with the stable version at the same time',
  'pre-promotion':
    'compared, before the switch, with the stable version of earlier: test traffic is not that of production',
  'post-promotion': 'compared, after the switch, with the stable version of before it',
  'before-after': 'compared with the stable version of before',
};

function passed(v: Verdict): string {
  const shown = v.metrics
    .filter((m) => m.pass.state === 'yes')
    .map((m) => (m.kind === 'cpu' ? `${m.name} below ${short(m.pass.margin)} x stable` : rates(m)));
  return `no worse than stable (${shown.join('; ')})`;
}

function rates(m: MetricReport): string {
  return `${m.name} ${percent(m.canary.rate)} against ${percent(m.stable.rate)}`;
}

function failed(v: Verdict, detail: string): string {
  if (v.reason === 'canary-silent') return 'the canary was there and is gone: no metrics of it any more';
  if (v.reason === 'crashloop')
    return `the pods of the canary crash again and again${detail === '' ? '' : `: ${detail}`}`;
  const m = v.metrics.find((one) => one.name === v.culprits[0]);
  if (!v.reason.startsWith('worse:') || m === undefined) return inconclusive(v);
  const odds = `p = ${short(v.p)}`;
  if (m.kind === 'cpu') {
    return `${m.name} ${short(m.ratio)} x stable, ${short(m.canary.rate)} against ${short(m.stable.rate)} CPU seconds a request, ${odds}`;
  }
  const ratio = m.ratio === null ? 'worse than' : `${short(m.ratio)} x`;
  const word = m.kind === 'ratio' ? 'failed' : 'slow';
  return `${m.name} ${ratio} stable (95 % interval ${interval(m.ci[0], m.ci[1])}), ${percent(m.canary.rate)} against ${percent(m.stable.rate)}, ${m.canary.e} ${word} requests served, ${odds}`;
}

function noData(v: Verdict): string {
  return v.reason === 'no-traffic'
    ? 'no request reached either version. Send traffic, or check the selectors'
    : 'neither version has any of the metrics. Check the selectors and that the pods are scraped';
}

function held(v: Verdict, detail: string): string {
  const share = `the canary got ${percent(v.share.observed)} of the traffic instead of ${percent(v.share.expected)}`;
  switch (v.reason) {
    case 'cancelled':
      return 'the run was cancelled before there was a verdict. Run it again with this trace as history';
    case 'blind':
      return 'no metrics for too long. Check the metrics server and the pods, then run again';
    case 'canary-silent':
      return 'the canary has no metrics. Check that its pods run and are scraped, then run again';
    case 'routing-not-applied':
      return `${share}: the new weight is not real yet. Check the route and the sync, then run again`;
    case 'routing-wrong-share':
      return `${share}. Check the route; if requests stick to connections, set share.phi`;
    case 'trace-ended':
      return 'the trace ends before there was a verdict';
    case 'degraded':
      return `the application is degraded${detail === '' ? '' : `: ${detail}`}. Look at it in Argo CD, then run again`;
    case 'sync-timeout':
      return `Argo CD did not get there${detail === '' ? '' : `: ${detail}`}. Without automated sync somebody must sync it; else raise sync-timeout and run again`;
    case 'noisy-baseline':
      return 'the stable version differs from itself, so a difference of the canary says nothing. Set phi: auto or a larger phi, or look for the pod that is unlike the others';
    case 'single-pod':
      return `one pod alone makes the canary worse${podOf(v)}. Look at that pod and its node; when it is gone, run again`;
    default:
      return inconclusive(v);
  }
}

function podOf({ pod }: Verdict): string {
  if (pod === null) return '';
  return `: ${pod.pod}${pod.node === null ? '' : ` on node ${pod.node}`}`;
}

function inconclusive(v: Verdict): string {
  if (v.reason === 'coverage-low') return `only ${percent(v.coverage)} of the time has usable data`;
  if (v.reason.startsWith('absent:')) return `${v.reason.slice(7)} has values for too little of the time`;
  if (v.reason.startsWith('slo:')) return `the canary is outside the objective of ${v.reason.slice(4)} right now`;
  const more = v.waiting.length - MAX_NAMES;
  const names = v.waiting.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '') || 'a pass';
  const silent = v.metrics.filter((m) => v.waiting.includes(m.name) && m.slo === null && m.stable.e + m.canary.e === 0);
  const advice =
    silent.length > 0
      ? `; there were no such events at all: set slo for ${silent
          .slice(0, MAX_NAMES)
          .map((m) => m.name)
          .join(', ')}, then none is good enough`
      : v.etaSeconds === null
        ? '; run again with this trace as history, or raise the weight'
        : `, about ${span(v.etaSeconds)} more at this traffic; run again, or raise the weight`;
  return `no evidence for ${names} yet${advice}`;
}
