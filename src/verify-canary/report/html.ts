/** The report as one file: no script, nothing from outside, light and dark. */
import { html } from '../../text/index.ts';
import type { MetricReport } from '../core/index.ts';
import { comparison, happenings, measuredPhi, minuteOf, type ReportFacts, rateText, shades, thin } from './facts.ts';
import { interval, percent, short, span } from './numbers.ts';
import { STYLE } from './style.ts';
import { type Band, forestChart, type LineSeries, lineChart } from './svg.ts';

const { text } = html;
const CHART_POINTS = 240;
const TABLE_ROWS = 30;
/** Lines of one chart; more cannot be told apart. */
const MAX_LINES = 8;

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

function charts(facts: ReportFacts): string[] {
  const { moments, verdict: v } = facts;
  const points = thin(moments, CHART_POINTS);
  const shaded = shades(facts);
  const minute = (i: number): number => {
    const m = points[i];
    return m === undefined ? 0 : minuteOf(m, moments);
  };
  const series = (name: string, value: (i: number) => number | null): LineSeries => ({
    name,
    points: points.map((_, i): [number, number | null] => [minute(i), value(i)]),
  });
  const log10 = (log: number | null | undefined): number | null =>
    log === null || log === undefined ? null : log / Math.LN10;
  const shown = v.metrics.slice(0, MAX_LINES);
  const fails = [
    series('all', (i) => log10(points[i]?.logE)),
    ...shown.map((m, k) => series(m.name, (i) => log10(points[i]?.metrics[k]))),
  ];
  const passes = shown
    .map((m, k) => ({ m, line: series(m.name, (i) => log10(points[i]?.passes[k])) }))
    .filter(({ m }) => m.pass.margin !== null)
    .map(({ line }) => line);
  const result = [
    section(
      'Evidence that the canary is worse',
      lineChart({
        title: 'Evidence that the canary is worse',
        description: `log10 of the evidence over time, all metrics together and each alone. At ${short(Math.log10(1 / v.alpha))} the canary fails; it is ${short(log10(v.logE))} at the end.`,
        unit: 'log10 E',
        series: fails,
        limits: [{ value: Math.log10(1 / v.alpha), label: 'fail' }],
        clip: [-3, Math.log10(1 / v.alpha) + 2],
        shades: shaded,
      }) + seriesTable(fails),
    ),
    section(
      'Evidence for a pass',
      lineChart({
        title: 'Evidence for a pass',
        description: `log10 of the evidence of each metric that the canary is not worse than the margin. All must be above ${short(Math.log10(1 / v.beta))}.`,
        unit: 'log10 E',
        series: passes,
        limits: [{ value: Math.log10(1 / v.beta), label: 'enough' }],
        clip: [-3, Math.log10(1 / v.beta) + 2],
        shades: shaded,
      }) + seriesTable(passes),
    ),
  ];
  const share = [
    series('canary share', (i) => {
      const t = points[i]?.line.traffic;
      return t === undefined || t.stable + t.canary === 0 ? null : (100 * t.canary) / (t.stable + t.canary);
    }),
  ];
  const { expected } = v.share;
  // Before a switch, and after it, nothing is shared.
  const shared = share.some((s) => s.points.some(([, value]) => value !== null));
  if (shared || !v.weaker)
    result.push(
      section(
        'Traffic share of the canary',
        lineChart({
          title: 'Traffic share of the canary',
          description: `Percent of the requests of each interval that the canary got: ${percent(v.share.observed)} over the step, ${percent(expected)} asked.`,
          unit: '%',
          series: share,
          bands: askedShares(facts),
          shades: shaded,
        }) + seriesTable(share),
      ),
    );
  const rated =
    v.metrics.find((m) => m.name === v.culprits[0] && m.kind !== 'cpu') ?? v.metrics.find((m) => m.kind !== 'cpu');
  if (rated !== undefined) {
    const rates = (['stable', 'canary'] as const).map((arm) =>
      series(`${rated.name}, ${arm}`, (i) => rateOf(facts, rated, i, arm, points)),
    );
    result.push(
      section(
        `Event rate: ${rated.name}`,
        lineChart({
          title: `Event rate of ${rated.name}`,
          description: `Percent of the requests of each interval that were events: ${percent(rated.stable.rate)} on stable and ${percent(rated.canary.rate)} on the canary over the rollout.`,
          unit: '%',
          series: rates,
          shades: shaded,
        }) + seriesTable(rates),
      ),
    );
  }
  const forest = v.metrics.flatMap((m) =>
    m.streams.map((s) => ({
      name: s.le === null ? m.name : `${m.name} > ${s.le}`,
      ratio: s.ratio,
      low: s.ci[0],
      high: s.ci[1],
    })),
  );
  const rows = forest
    .slice(0, 40)
    .map((r) => [r.name, short(r.ratio), r.low === null ? 'no interval' : interval(r.low, r.high)]);
  result.push(
    section(
      'Rate ratios',
      forestChart(
        'Rate ratios',
        'Canary rate over stable rate, with the 95 % interval that is valid at any look; 1 is equal.',
        forest.slice(0, 40),
      ) + details('Values', table(['stream', 'ratio', '95 % interval'], rows)),
    ),
  );
  return result;
}

function rateOf(
  facts: ReportFacts,
  m: MetricReport,
  i: number,
  arm: 'stable' | 'canary',
  points: ReportFacts['moments'],
): number | null {
  const counts = points[i]?.line.metrics?.[m.name]?.[arm];
  if (counts === undefined || counts === null || counts.n === 0 || 'x' in counts) return null;
  if ('e' in counts) return (100 * Math.min(counts.e, counts.n)) / counts.n;
  const rules = facts.config.judge.metrics.find((one) => one.name === m.name);
  const le = typeof rules?.slo === 'object' && rules.slo !== null ? rules.slo.le : rules?.le[0];
  return (100 * (counts.n - (counts.le[String(le)] ?? counts.n))) / counts.n;
}

/** The share that each stretch of the rollout asked for. */
function askedShares({ moments, config }: ReportFacts): Band[] {
  const t0 = moments[0]?.line.start ?? 0;
  const back = (odds: number): number => (100 * odds) / (1 + odds);
  const { tolerance } = config.judge.share;
  const result: (Band & { weight: number })[] = [];
  for (const { line } of moments) {
    if (line.step === null || line.weight === null || !(line.weight > 0 && line.weight < 100)) continue;
    const [from, to] = [(line.start - t0) / 60, (line.end - t0) / 60];
    const before = result.at(-1);
    if (before?.weight === line.weight) before.to = to;
    else {
      const odds = line.weight / (100 - line.weight);
      const [low, high] = [back(odds / tolerance), back(odds * tolerance)];
      result.push({ weight: line.weight, from, to, low, value: line.weight, high });
    }
  }
  return result.slice(-64);
}

function seriesTable(series: readonly LineSeries[]): string {
  const rows = thin(series[0]?.points ?? [], TABLE_ROWS).map(([minute]) => [
    short(minute),
    ...series.map((s) => {
      const value = s.points.find((p) => p[0] === minute)?.[1] ?? null;
      return value === null ? 'no data' : short(value);
    }),
  ]);
  return details('Values', table(['minute', ...series.map((s) => s.name)], rows));
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

function section(title: string, body: string): string {
  return `<section><h2>${text(title)}</h2>${body}</section>`;
}

function details(title: string, body: string): string {
  return `<details><summary>${text(title)}</summary>${body}</details>`;
}

function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    `<tr>${row.map((c) => `<${tag}>${text(c, 300)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll" tabindex="0" role="group" aria-label="${text(names.join(', '), 200)}"><table><thead>${cells('th', names)}</thead><tbody>${rows.map((r) => cells('td', r)).join('')}</tbody></table></div>`;
}
