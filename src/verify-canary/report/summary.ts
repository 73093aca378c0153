/** The Markdown summary of the step. */
import { markdown } from '../../text/index.ts';
import type { MetricReport, Verdict } from '../core/index.ts';
import { comparison, happenings, measuredPhi, type ReportFacts, rateText } from './facts.ts';
import { evidenceChart } from './mermaid.ts';
import { fixed, interval, percent, short, span } from './numbers.ts';

const { text, code, table, details, fence } = markdown;

export function summaryMarkdown(facts: ReportFacts): string {
  const { verdict, message } = facts;
  const parts = [`### verify-canary: ${text(verdict.verdict)}\n`, `${text(message)}\n`];
  if (verdict.app !== '' || verdict.image !== '') {
    parts.push(
      `${[verdict.app, verdict.revision, verdict.image]
        .filter((t) => t !== '')
        .map((t) => code(t, 256))
        .join(' · ')}\n`,
    );
  }
  parts.push(
    table(
      ['metric', 'stable', 'canary', 'ratio and 95 % interval', 'evidence', 'pass', 'coverage'],
      verdict.metrics.map(row),
    ),
  );
  const chart = evidenceChart(facts);
  if (chart !== '') parts.push(`_${text(chartSentence(verdict))}_\n`, fence(chart, 'mermaid'));
  if (verdict.steps.length > 0) parts.push(timeline(verdict));
  const happened = happenings(facts);
  if (happened.length > 0) {
    const rows = happened.map((h) => [text(h.minute === null ? 'before' : short(h.minute)), text(h.text, 600)]);
    parts.push(details('What happened', table(['minute', 'what'], rows)));
  }
  parts.push(details('Traffic share, digests, replay', evidence(facts)));
  return parts.join('\n');
}

function row(m: MetricReport): string[] {
  const ratio =
    m.ratio === null && m.ci[0] === null
      ? 'no events'
      : `${short(m.ratio)}${m.kind === 'cpu' ? '' : ` (${interval(m.ci[0], m.ci[1])})`}`;
  const words = { yes: 'yes', no: 'not yet', none: 'not asked', slo: 'outside the objective' };
  return [
    code(m.name) + (m.mode === 'observe' ? ' (observed)' : ''),
    text(rateText(m, 'stable')),
    text(rateText(m, 'canary')),
    text(ratio),
    text(`E = ${short(Math.exp(Math.min(700, m.logE)))}`),
    text(m.pass.margin === null ? words[m.pass.state] : `${words[m.pass.state]} (excludes ${short(m.pass.margin)} x)`),
    text(percent(m.coverage)),
  ];
}

function chartSentence(v: Verdict): string {
  const now = v.logE / Math.LN10;
  const limit = Math.log10(1 / v.alpha);
  return `The first line is the evidence that the canary is worse, now ${fixed(now, 1)}; at the second line, ${limit.toFixed(1)}, it fails.`;
}

function timeline(v: Verdict): string {
  const rows = v.steps.map((s) => [
    code(s.step),
    text(s.weight === null ? 'unknown' : `${short(s.weight)} %`),
    text(s.verdict === null ? 'open' : `${s.verdict} (${s.reason ?? ''})`),
    text(span(Math.max(0, s.end - s.start))),
  ]);
  return table(['step', 'weight', 'verdict', 'time'], rows);
}

function evidence({ verdict: v, digests, config }: ReportFacts): string {
  const { expected, observed, state } = v.share;
  return [
    `- Traffic share: ${text(percent(observed))} observed, ${text(percent(expected))} expected, state ${code(state)}`,
    ...[comparison(v), measuredPhi(v)].map((said, i) =>
      said === '' ? '' : `- ${i === 0 ? 'Compared' : 'Bursts, phi'}: ${text(said)}`,
    ),
    `- Evidence limit: E of ${text(short(1 / v.alpha))} fails; p = ${text(short(v.p))}`,
    `- Interval ${text(short(config.interval))} s, ${v.intervals} intervals`,
    `- Config ${code(digests.config)}`,
    `- Trace ${code(digests.trace)}`,
    `- Replay: run this action with ${code('replay: trace.jsonl')} and the same config file; it writes the same verdict.json`,
    '',
  ]
    .filter((line, i, all) => line !== '' || i === all.length - 1)
    .join('\n');
}
