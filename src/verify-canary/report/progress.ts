/** Lines of the log while a canary is watched. */
import { type CanaryConfig, selectorText } from '../config.ts';
import { failRatio, passMargin, stepFor } from '../core/defaults.ts';
import type { Interval, Status, Verdict } from '../core/index.ts';
import type { Inputs } from '../inputs.ts';
import { COMPARED } from './message.ts';
import { fixed, percent, short, span, stopwatch } from './numbers.ts';

/** What will be done: source, metrics, margins, events needed. */
export function planLines(config: CanaryConfig, inputs: Inputs, history: number): string[] {
  const { judge } = config;
  const rules = stepFor(judge, inputs.weight);
  const lines = [
    `source ${inputs.source.kind}, an interval of ${short(config.interval)} s, ${whatOf(inputs)}`,
    ...(judge.mode === 'concurrent' ? [] : [`weaker: ${COMPARED[judge.mode]}`]),
    `whole rollout: a canary no worse than stable fails in at most ${percent(judge.alpha)}; this step: a worse one passes in at most ${percent(judge.beta)}`,
    `a pass after ${span(rules.min)} at the earliest, the deadline after ${span(rules.max)}`,
    `traffic ${selectorText(config.traffic)}`,
  ];
  if (history > 0) lines.push(`history: ${history} lines`);
  for (const m of judge.metrics) {
    const margin = passMargin(judge, m, inputs.weight);
    const floor = m.kind === 'cpu' ? '' : ` and ${percent(m.fail.floor)} more`;
    const wanted =
      margin === 'none' || m.mode === 'observe' ? 'not asked for a pass' : `a pass excludes ${short(margin)} x`;
    const slo = objective(m.slo, judge.beta);
    lines.push(
      `metric ${m.name} (${m.kind}, ${m.mode}): fails above ${short(failRatio(judge, m))} x stable${floor}; ${wanted}${slo}`,
    );
  }
  return lines;
}

function whatOf({ argocd, step, weight }: Inputs): string {
  if (argocd !== null && argocd.rollout !== '') return `a step for each weight of the Rollout ${argocd.rollout}`;
  return weight === null ? `step ${step}, no share of the traffic` : `step ${step} at ${short(weight)} %`;
}

function objective(slo: number | { le: number; max: number } | null, beta: number): string {
  if (slo === null) return '';
  const max = typeof slo === 'number' ? slo : slo.max;
  // With no event at all, (1-s)^-n reaches 1/beta (doubled by the mean with the ratio) after ln(2/beta)/s requests.
  return `; objective ${percent(max)}, shown by ${Math.ceil(Math.log(2 / beta) / -Math.log1p(-max))} canary requests without an event`;
}

/** `02:15  5 %  412/21 req  errors 0.2|0.0 %  evidence 0.3 of 4.6  pass 2.1 of 3.0  ETA 1m40s` */
export function progressLine(line: Interval, v: Verdict, status: Status): string {
  const begun = v.steps.at(-1)?.start ?? line.start;
  const parts = [stopwatch(line.end - begun), line.weight === null ? 'no weight' : `${short(line.weight)} %`];
  if (line.gap !== undefined) parts.push(`no data (${line.gap})`);
  else if (line.traffic !== undefined) parts.push(`${line.traffic.stable}/${line.traffic.canary} req`);
  const [first] = v.metrics;
  if (first !== undefined && line.gap === undefined && first.kind !== 'cpu') {
    const digits = (rate: number | null): string => (rate === null ? '-' : String(Number((rate * 100).toPrecision(2))));
    parts.push(`${first.name} ${digits(first.stable.rate)}|${digits(first.canary.rate)} %`);
  }
  parts.push(`evidence ${fixed(status.logE, 1)} of ${Math.log(1 / v.alpha).toFixed(1)}`);
  const logs = v.metrics.filter((m) => m.mode === 'enforce' && m.pass.state !== 'none').map((m) => m.pass.logP ?? 0);
  if (logs.length > 0) parts.push(`pass ${fixed(Math.min(...logs), 1)} of ${Math.log(1 / v.beta).toFixed(1)}`);
  if (v.etaSeconds !== null) parts.push(`ETA ${span(v.etaSeconds)}`);
  return parts.join('  ');
}
