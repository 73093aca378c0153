/** The charts of the report, each with its values in a table below. */
import type { MetricReport } from '../core/index.ts';
import { minuteOf, type ReportFacts, shades, thin } from './facts.ts';
import { interval, percent, short } from './numbers.ts';
import { details, section, table } from './parts.ts';
import { type Band, forestChart, type LineChart, type LineSeries, lineChart } from './svg.ts';

const CHART_POINTS = 240;
const TABLE_ROWS = 30;
const FOREST_ROWS = 40;
/** Lines of one chart; more cannot be told apart. */
const MAX_LINES = 8;

type Series = (name: string, value: (i: number) => number | null) => LineSeries;

/** What the charts over time have in common: the moments that are drawn, and how a line is made of them. */
interface Axis {
  points: ReportFacts['moments'];
  series: Series;
  shades: ReturnType<typeof shades>;
}

/** @returns sections of HTML; those without anything to show are left out */
export function charts(facts: ReportFacts): string[] {
  const { moments } = facts;
  const points = thin(moments, CHART_POINTS);
  const minutes = points.map((moment) => minuteOf(moment, moments));
  const series: Series = (name, value) => ({
    name,
    points: minutes.map((minute, i): [number, number | null] => [minute, value(i)]),
  });
  const axis = { points, series, shades: shades(facts) };
  return [...evidence(facts, axis), ...share(facts, axis), ...rates(facts, axis), ratios(facts)];
}

function overTime(
  { shades }: Axis,
  heading: string,
  chart: Omit<LineChart, 'title' | 'shades'> & { title?: string },
): string {
  return section(heading, lineChart({ title: heading, ...chart, shades }) + seriesTable(chart.series));
}

const log10 = (log: number | null | undefined): number | null =>
  log === null || log === undefined ? null : log / Math.LN10;

function evidence({ verdict: v }: ReportFacts, axis: Axis): string[] {
  const { points, series } = axis;
  const [fail, pass] = [Math.log10(1 / v.alpha), Math.log10(1 / v.beta)];
  const shown = v.metrics.slice(0, MAX_LINES);
  const fails = [
    series('all', (i) => log10(points[i]?.logE)),
    ...shown.map((m, k) => series(m.name, (i) => log10(points[i]?.metrics[k]))),
  ];
  const passes = shown
    .map((m, k) => ({ m, line: series(m.name, (i) => log10(points[i]?.passes[k])) }))
    .filter(({ m }) => m.pass.margin !== null)
    .map(({ line }) => line);
  return [
    overTime(axis, 'Evidence that the canary is worse', {
      description: `log10 of the evidence over time, all metrics together and each alone. At ${short(fail)} the canary fails; it is ${short(log10(v.logE))} at the end.`,
      unit: 'log10 E',
      series: fails,
      limits: [{ value: fail, label: 'fail' }],
      clip: [-3, fail + 2],
    }),
    overTime(axis, 'Evidence for a pass', {
      description: `log10 of the evidence of each metric that the canary is not worse than the margin. All must be above ${short(pass)}.`,
      unit: 'log10 E',
      series: passes,
      limits: [{ value: pass, label: 'enough' }],
      clip: [-3, pass + 2],
    }),
  ];
}

function share(facts: ReportFacts, axis: Axis): string[] {
  const { share, weaker } = facts.verdict;
  const line = axis.series('canary share', (i) => {
    const t = axis.points[i]?.line.traffic;
    return t === undefined || t.stable + t.canary === 0 ? null : (100 * t.canary) / (t.stable + t.canary);
  });
  // Before a switch, and after it, nothing is shared.
  if (weaker && line.points.every(([, value]) => value === null)) return [];
  return [
    overTime(axis, 'Traffic share of the canary', {
      description: `Percent of the requests of each interval that the canary got: ${percent(share.observed)} over the step, ${percent(share.expected)} asked.`,
      unit: '%',
      series: [line],
      bands: askedShares(facts),
    }),
  ];
}

/** Of the metric that decided, or of the first one that counts requests. */
function rates(facts: ReportFacts, axis: Axis): string[] {
  const { metrics, culprits } = facts.verdict;
  const counted = metrics.filter((m) => m.kind !== 'cpu');
  const rated = counted.find((m) => m.name === culprits[0]) ?? counted[0];
  if (rated === undefined) return [];
  const series = (['stable', 'canary'] as const).map((arm) =>
    axis.series(`${rated.name}, ${arm}`, (i) => rateOf(facts, rated, axis.points[i], arm)),
  );
  return [
    overTime(axis, `Event rate: ${rated.name}`, {
      title: `Event rate of ${rated.name}`,
      description: `Percent of the requests of each interval that were events: ${percent(rated.stable.rate)} on stable and ${percent(rated.canary.rate)} on the canary over the rollout.`,
      unit: '%',
      series,
    }),
  ];
}

function ratios({ verdict }: ReportFacts): string {
  const forest = verdict.metrics
    .flatMap((m) =>
      m.streams.map((s) => ({
        name: s.le === null ? m.name : `${m.name} > ${s.le}`,
        ratio: s.ratio,
        low: s.ci[0],
        high: s.ci[1],
      })),
    )
    .slice(0, FOREST_ROWS);
  const rows = forest.map((r) => [r.name, short(r.ratio), r.low === null ? 'no interval' : interval(r.low, r.high)]);
  return section(
    'Rate ratios',
    forestChart(
      'Rate ratios',
      'Canary rate over stable rate, with the 95 % interval that is valid at any look; 1 is equal.',
      forest,
    ) + details('Values', table(['stream', 'ratio', '95 % interval'], rows)),
  );
}

function rateOf(
  facts: ReportFacts,
  m: MetricReport,
  moment: ReportFacts['moments'][number] | undefined,
  arm: 'stable' | 'canary',
): number | null {
  const counts = moment?.line.metrics?.[m.name]?.[arm];
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
