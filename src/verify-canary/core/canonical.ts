/** How a line is written: the one spelling, of which digests are taken. */
import { MAX_LINE } from './trace.ts';
import type { Arm, Interval, Pair, PodCounts, TraceLine } from './types.ts';

/**
 * The one spelling of a line: key order as documented, metrics in the given order and then by name, bounds ascending,
 * shortest numbers.
 */
export function canonicalLine(line: TraceLine, order: readonly string[] = []): string {
  if ('type' in line) {
    const { v, type } = line;
    if (type === 'event') return JSON.stringify({ v, type, at: line.at, event: line.event, detail: line.detail });
    return JSON.stringify({ v, type, app: line.app, revision: line.revision, image: line.image, note: line.note });
  }
  const { step, weight, start, end, traffic, gap, flags: marks } = line;
  const parts = [JSON.stringify({ v: 1, step, weight, start, end }).slice(1, -1)];
  if (traffic !== undefined) parts.push(`"traffic":${pairText(traffic, String)}`);
  const ranks = new Map(order.map((name, i) => [name, i]));
  const rank = (name: string): number => ranks.get(name) ?? order.length;
  const byMetric = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : 1);
  if (line.metrics !== undefined) {
    parts.push(`"metrics":${objectText(line.metrics, byMetric, (arms) => pairText(arms, armText))}`);
  }
  if (line.pods !== undefined) {
    const counts = (of: PodCounts): string => objectText(of, byMetric, armText);
    parts.push(`"pods":${pairText(line.pods, (arm) => objectText(arm, byName, counts))}`);
  }
  if (line.nodes !== undefined) parts.push(`"nodes":${objectText(line.nodes, byName, JSON.stringify)}`);
  if (gap !== undefined) parts.push(`"gap":"${gap}"`);
  if (marks !== undefined) parts.push(`"flags":${JSON.stringify(marks)}`);
  return `{${parts.join(',')}}`;
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

/** By hand: an object would put the key "1" before "0a". */
function objectText<T>(
  object: Readonly<Record<string, T>>,
  order: (a: string, b: string) => number,
  write: (value: T) => string,
): string {
  const texts = Object.entries(object).sort(([a], [b]) => order(a, b));
  return `{${texts.map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`).join(',')}}`;
}

function pairText<T>(p: Pair<T>, write: (value: T) => string): string {
  return `{"stable":${write(p.stable)},"canary":${write(p.canary)}}`;
}

function armText(a: Arm | null): string {
  if (a === null) return 'null';
  if (!('le' in a)) return JSON.stringify('e' in a ? { n: a.n, e: a.e } : { n: a.n, x: a.x, pods: a.pods });
  // By hand: an object would put the key "1" before "0.25".
  const bounds = Object.entries(a.le)
    .sort(([p], [q]) => Number(p) - Number(q))
    .map(([bound, c]) => `"${String(Number(bound))}":${c}`);
  return `{"n":${a.n},"le":{${bounds.join(',')}}}`;
}

/** The line as it can be written: without its pods when it would be longer than a line may be. */
export function fitLine(line: Interval, order: readonly string[] = []): Interval {
  if (line.pods === undefined || canonicalLine(line, order).length <= MAX_LINE) return line;
  const { pods: _pods, nodes: _nodes, ...rest } = line;
  return rest;
}
