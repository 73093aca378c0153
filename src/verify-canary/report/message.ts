/** The verdict in one sentence with its numbers. */
import type { MetricReport, Verdict } from '../core/index.ts';
import { interval, percent, short, span } from './numbers.ts';

export function verdictMessage(v: Verdict): string {
  const at = v.weight === null ? '' : ` at ${short(v.weight)} %`;
  const after = `after ${span(v.elapsed)}${at}`;
  switch (v.verdict) {
    case 'pass':
      return `PASS ${after}: ${passed(v)}`;
    case 'superseded':
      return `SUPERSEDED ${after}: a newer version took over`;
    case 'no-data':
      return `NO DATA ${after}: ${noData(v)}`;
    case 'fail':
      return `FAIL ${after}: ${failed(v)}`;
    case 'hold':
      return `HOLD ${after}: ${held(v)}`;
  }
}

function passed(v: Verdict): string {
  const shown = v.metrics
    .filter((m) => m.pass.state === 'yes')
    .map((m) => (m.kind === 'cpu' ? `${m.name} below ${short(m.pass.margin)} x stable` : rates(m)));
  return `no worse than stable (${shown.join('; ')})`;
}

function rates(m: MetricReport): string {
  return `${m.name} ${percent(m.canary.rate)} against ${percent(m.stable.rate)}`;
}

function failed(v: Verdict): string {
  if (v.reason === 'canary-silent') return 'the canary was there and is gone: no metrics of it any more';
  if (v.reason === 'crashloop') return 'the pods of the canary crash again and again';
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

function held(v: Verdict): string {
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
      return 'the application is degraded';
    default:
      return inconclusive(v);
  }
}

function inconclusive(v: Verdict): string {
  if (v.reason === 'coverage-low') return `only ${percent(v.coverage)} of the time has usable data`;
  if (v.reason.startsWith('absent:')) return `${v.reason.slice(7)} has values for too little of the time`;
  if (v.reason.startsWith('slo:')) return `the canary is outside the objective of ${v.reason.slice(4)} right now`;
  const names = v.waiting.join(', ') || 'a pass';
  const silent = v.metrics.filter((m) => v.waiting.includes(m.name) && m.slo === null && m.stable.e + m.canary.e === 0);
  const advice =
    silent.length > 0
      ? `; there were no such events at all: set slo for ${silent.map((m) => m.name).join(', ')}, then none is good enough`
      : v.etaSeconds === null
        ? '; run again with this trace as history, or raise the weight'
        : `, about ${span(v.etaSeconds)} more at this traffic; run again, or raise the weight`;
  return `no evidence for ${names} yet${advice}`;
}
