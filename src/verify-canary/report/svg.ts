/** Two kinds of chart as inline SVG: lines over time, and intervals (a forest plot). Colours come from the page's CSS. */
import { html } from '../../text/index.ts';
import type { Shade } from './facts.ts';
import { short } from './numbers.ts';

const [WIDTH, HEIGHT] = [720, 240];
const PAD = { left: 56, right: 16, top: 24, bottom: 34 };
const INNER = { width: WIDTH - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
const { text } = html;

export interface LineSeries {
  name: string;
  /** (minutes, value); null: a hole in the line. */
  points: readonly (readonly [number, number | null])[];
}

export interface LineChart {
  title: string;
  description: string;
  unit: string;
  series: readonly LineSeries[];
  limits?: readonly { value: number; label: string }[];
  /** What is asked for a stretch of time, and how far from it is good enough. */
  bands?: readonly Band[];
  /** Values beyond are drawn at the edge: one that grows without end would flatten all the others. */
  clip?: readonly [number, number];
  shades: readonly Shade[];
}

export interface Band {
  /** Minutes. */
  from: number;
  to: number;
  low: number;
  value: number;
  high: number;
}

export function lineChart(chart: LineChart): string {
  const [floor, ceiling] = chart.clip ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const bands = chart.bands ?? [];
  const values = [
    ...chart.series
      .flatMap((s) => s.points.map((p) => p[1]))
      .filter((v) => v !== null)
      .map((v) => Math.min(ceiling, Math.max(floor, v))),
    ...(chart.limits ?? []).map((l) => l.value),
    ...bands.flatMap((b) => [b.low, b.high]),
  ];
  const minutes = chart.series.flatMap((s) => s.points.map((p) => p[0]));
  const [low, high] = around(Math.min(0, ...values), Math.max(...values, 0));
  const last = Math.max(...minutes, 1 / 60);
  const x = (m: number): number => PAD.left + (Math.min(last, Math.max(0, m)) / last) * INNER.width;
  const y = (v: number): number =>
    PAD.top + (1 - (Math.min(high, Math.max(low, v)) - low) / (high - low)) * INNER.height;
  const body = [
    ...chart.shades.map((s) => rect(`shade ${s.kind}`, x(s.from), PAD.top, x(s.to) - x(s.from), INNER.height)),
    ...bands.map((b) => rect('band', x(b.from), y(b.high), x(b.to) - x(b.from), y(b.low) - y(b.high))),
    ...ticks(low, high).map((v) => yTick(v, y(v))),
    ...ticks(0, last).map((m) => xTick(m, x(m))),
    ...(chart.limits ?? []).map((l) => `<path class="limit" d="M${PAD.left} ${px(y(l.value))}H${WIDTH - PAD.right}"/>`),
    ...bands.map((b) => `<path class="limit" d="M${px(x(b.from))} ${px(y(b.value))}H${px(x(b.to))}"/>`),
    ...chart.series.map((s, i) => `<path class="line ${colour(i)}" d="${path(s.points, x, y)}"/>`),
    // Words last: a line must not run through them.
    ...(chart.limits ?? []).map((l) => note(l.label, y(l.value))),
    ...bands.slice(-1).map((b) => note('asked', y(b.value))),
    `<text class="axis" x="${WIDTH - PAD.right}" y="${HEIGHT - 4}" text-anchor="end">minutes</text>`,
    `<text class="axis" x="4" y="12">${text(chart.unit)}</text>`,
  ];
  const shaded = new Set(chart.shades.map((s) => s.kind));
  return (
    frame(chart.title, chart.description, HEIGHT, body) +
    legend(
      chart.series.map((s) => s.name),
      (['warm', 'gap'] as const).filter((kind) => shaded.has(kind)),
    )
  );
}

function note(label: string, y: number): string {
  return `<text class="note" x="${WIDTH - PAD.right}" y="${px(y - 5)}" text-anchor="end">${text(label)}</text>`;
}

export interface ForestRow {
  name: string;
  ratio: number | null;
  low: number | null;
  high: number | null;
}

/** Ratios on a log axis from 1/32 to 32; an interval that goes on outside ends in an arrow. */
export function forestChart(title: string, description: string, rows: readonly ForestRow[]): string {
  const edge = 5;
  const height = PAD.top + PAD.bottom + rows.length * 24;
  // Room for the longest name of a metric and a bound.
  const left = 250;
  const width = WIDTH - left - PAD.right;
  const log = (v: number): number => Math.min(edge, Math.max(-edge, v <= 0 ? -edge : Math.log2(v)));
  const x = (v: number): number => left + ((log(v) + edge) / (2 * edge)) * width;
  const bottom = height - PAD.bottom;
  const body = [
    ...[1 / 16, 1 / 4, 1, 4, 16].map(
      (v) =>
        `<path class="${v === 1 ? 'limit' : 'grid'}" d="M${px(x(v))} ${PAD.top}V${bottom}"/><text class="axis" x="${px(x(v))}" y="${bottom + 14}" text-anchor="middle">${short(v)}</text>`,
    ),
    ...rows.map((row, i) => {
      const y = PAD.top + i * 24 + 12;
      const name = `<text class="name" x="4" y="${y + 4}">${text(row.name, 40)}</text>`;
      if (row.low === null && row.ratio === null)
        return `${name}<text class="axis" x="${left + 8}" y="${y + 4}">no events</text>`;
      const dot = row.ratio === null ? '' : `<circle class="dot" cx="${px(x(row.ratio))}" cy="${y}" r="4"/>`;
      // CPU has a ratio and no interval.
      if (row.low === null && row.high === null) return name + dot;
      const [from, to] = [x(row.low ?? 0), x(row.high ?? Number.POSITIVE_INFINITY)];
      const open =
        row.high === null
          ? `<path class="line c0" d="M${px(to - 6)} ${y - 4}L${px(to)} ${y}L${px(to - 6)} ${y + 4}"/>`
          : '';
      return `${name}<path class="line c0" d="M${px(from)} ${y}H${px(to)}"/>${open}${dot}`;
    }),
    `<text class="axis" x="${WIDTH - PAD.right}" y="${height - 4}" text-anchor="end">canary / stable</text>`,
  ];
  return frame(title, description, height, body);
}

function frame(title: string, description: string, height: number, body: readonly string[]): string {
  const svg = `<svg viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${text(title)}</title><desc>${text(description)}</desc>${body.join('')}</svg>`;
  // On a narrow screen a chart keeps its size and scrolls, which needs the keyboard too.
  return `<div class="scroll chart" tabindex="0" role="group" aria-label="${text(title)}">${svg}</div>`;
}

/** Six colours, then the same ones dashed. */
function colour(i: number): string {
  return `c${i % 6}${i < 6 ? '' : ' dash'}`;
}

const SHADED = { warm: 'warm-up, not judged', gap: 'no data' };

function legend(names: readonly string[], shaded: readonly (keyof typeof SHADED)[]): string {
  const lines =
    names.length < 2 ? [] : names.map((name, i) => `<li><i class="${colour(i)}"></i>${text(name, 60)}</li>`);
  const areas = shaded.map((kind) => `<li><i class="area ${kind}"></i>${SHADED[kind]}</li>`);
  const items = [...lines, ...areas];
  return items.length === 0 ? '' : `<ul class="legend">${items.join('')}</ul>`;
}

function path(points: LineSeries['points'], x: (m: number) => number, y: (v: number) => number): string {
  let pen = 'M';
  const parts: string[] = [];
  for (const [minute, value] of points) {
    if (value === null) {
      pen = 'M';
      continue;
    }
    parts.push(`${pen}${px(x(minute))} ${px(y(value))}`);
    pen = 'L';
  }
  return parts.join('');
}

function rect(kind: string, x: number, y: number, width: number, height: number): string {
  return `<rect class="${kind}" x="${px(x)}" y="${px(y)}" width="${px(Math.max(0, width))}" height="${px(Math.max(0, height))}"/>`;
}

function yTick(value: number, y: number): string {
  return `<path class="grid" d="M${PAD.left} ${px(y)}H${WIDTH - PAD.right}"/><text class="axis" x="${PAD.left - 6}" y="${px(y + 4)}" text-anchor="end">${short(value)}</text>`;
}

function xTick(value: number, x: number): string {
  return `<text class="axis" x="${px(x)}" y="${HEIGHT - PAD.bottom + 16}" text-anchor="middle">${short(value)}</text>`;
}

/** Round steps of 1, 2 or 5 times a power of ten, about five of them. */
function ticks(low: number, high: number): number[] {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw) ?? raw;
  const result: number[] = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step) {
    result.push(Number(v.toPrecision(12)));
  }
  return result;
}

function around(low: number, high: number): [number, number] {
  const room = (high - low) * 0.08 || 1;
  return [low === 0 ? 0 : low - room, high + room];
}

function px(value: number): string {
  return String(Number(value.toFixed(1)));
}
