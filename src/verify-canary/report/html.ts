/** The report as one file: no script, nothing from outside, light and dark. */
import { html } from '../../text/index.ts';
import type { MetricReport } from '../core/index.ts';
import { charts } from './charts.ts';
import { comparison, happenings, measuredPhi, type ReportFacts, rateText } from './facts.ts';
import { interval, percent, short, span } from './numbers.ts';
import { section, table } from './parts.ts';
import { STYLE } from './style.ts';

const { text } = html;

export function htmlReport(facts: ReportFacts): string {
  const { verdict: v } = facts;
  const title = `${v.app || 'canary'}: ${v.verdict}`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
    `<title>${text(title, 200)}</title><style>${STYLE}</style></head><body><main>`,
    head(facts),
    metricsTable(v.metrics),
    ...(facts.moments.length === 0 ? [] : charts(facts)),
    steps(facts),
    happened(facts),
    foot(facts),
    '</main></body></html>',
    '',
  ].join('\n');
}

function head({ verdict: v, message }: ReportFacts): string {
  const facts: [string, string][] = [
    ['application', v.app],
    ['revision', v.revision],
    ['image', v.image],
    ['step', v.step ?? ''],
    ['weight', v.weight === null ? '' : `${short(v.weight)} %`],
    ['traffic share', v.share.state],
    ['coverage', percent(v.coverage)],
    ['compared', comparison(v)],
    ['bursts, phi', measuredPhi(v)],
    ['chance of a false alarm', `p = ${short(v.p)}`],
  ];
  const list = facts
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value, 400)}</dd>`);
  const weak = v.weaker ? ' <span>weaker</span>' : '';
  return `<header class="${v.verdict}"><p class="badge">${text(v.verdict)}${weak}</p><h1>${text(message)}</h1></header><dl>${list.join('')}</dl>`;
}

function metricsTable(metrics: readonly MetricReport[]): string {
  const words = { yes: 'yes', no: 'not yet', none: 'not asked', slo: 'outside the objective' };
  const rows = metrics.map((m) => {
    return [
      m.mode === 'observe' ? `${m.name} (observed)` : m.name,
      rateText(m, 'stable'),
      rateText(m, 'canary'),
      m.ci[0] === null && m.ratio === null
        ? 'no events'
        : m.kind === 'cpu'
          ? short(m.ratio)
          : `${short(m.ratio)} (${interval(m.ci[0], m.ci[1])})`,
      short(Math.exp(Math.min(700, m.logE))),
      words[m.pass.state],
      percent(m.coverage),
    ];
  });
  return section(
    'Metrics',
    table(['metric', 'stable', 'canary', 'ratio, 95 % interval', 'evidence E', 'pass', 'coverage'], rows),
  );
}

function steps({ verdict: v }: ReportFacts): string {
  if (v.steps.length === 0) return '';
  const rows = v.steps.map((s) => [
    s.step,
    s.weight === null ? 'unknown' : `${short(s.weight)} %`,
    s.verdict === null ? 'open' : `${s.verdict} (${s.reason ?? ''})`,
    span(Math.max(0, s.end - s.start)),
  ]);
  return section('Steps', table(['step', 'weight', 'verdict', 'time'], rows));
}

function happened(facts: ReportFacts): string {
  const rows = happenings(facts).map(({ minute, text: said }) => [minute === null ? 'before' : short(minute), said]);
  return rows.length === 0 ? '' : section('What happened', table(['minute', 'what'], rows));
}

function foot({ digests, verdict: v }: ReportFacts): string {
  return `<footer><p>Config ${text(digests.config)}<br>Trace ${text(digests.trace)}</p><p>Limits: fail at E = ${short(1 / v.alpha)}, pass at E = ${short(1 / v.beta)}. Shaded: no data, or warm-up. Replaying the trace with the same rules writes the same verdict.json.</p></footer>`;
}
