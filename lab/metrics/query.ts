/**
 * The part of PromQL that the stand-in speaks: a selector, a selector with a range, `time()`, `vector(number)`.
 * Whatever else is refused by the name of the construct, so that nobody takes a guess for an answer.
 */
import { readSelector, type Selector, SelectorError } from '../../src/verify-canary/collect/selector.ts';
import type { Store } from './store.ts';

export class QueryError extends Error {
  override readonly name = 'QueryError';
}

type Expression =
  | { kind: 'instant'; selector: Selector }
  | { kind: 'range'; selector: Selector; seconds: number }
  | { kind: 'time' }
  | { kind: 'vector'; value: number };

export type Result =
  | { resultType: 'scalar'; result: [number, string] }
  | { resultType: 'vector'; result: { metric: Record<string, string>; value: [number, string] }[] }
  | { resultType: 'matrix'; result: { metric: Record<string, string>; values: [number, string][] }[] };

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** @throws QueryError */
function parseQuery(text: string): Expression {
  const query = text.trim();
  if (/^time\s*\(\s*\)$/.test(query)) return { kind: 'time' };
  const vector = /^vector\s*\(\s*([+-]?[\d.]+(?:e[+-]?\d+)?)\s*\)$/i.exec(query)?.[1];
  if (vector !== undefined) return { kind: 'vector', value: Number(vector) };
  const called = /^([a-z_][a-z0-9_]*)\s*(?:(?:by|without)\s*\([^)]*\)\s*)?\(/i.exec(query)?.[1];
  if (called !== undefined) throw new QueryError(`function or aggregation ${called}() is not supported here`);
  const { selector, end } = read(query);
  const rest = query.slice(end).trim();
  if (rest === '') return { kind: 'instant', selector };
  const range = /^\[([^\]]*)\](.*)$/s.exec(rest);
  if (range === null) throw new QueryError(`the construct ${JSON.stringify(rest.slice(0, 40))} is not supported here`);
  if ((range[2] ?? '').trim() !== '')
    throw new QueryError(`${range[2]?.trim().slice(0, 40)} after a range is not supported here`);
  if (range[1]?.includes(':')) throw new QueryError('a subquery is not supported here');
  return { kind: 'range', selector, seconds: duration(range[1] ?? '') };
}

function read(query: string): { selector: Selector; end: number } {
  try {
    const found = readSelector(query, 0);
    if (found.selector.name === '' && found.selector.matchers.every((m) => m.test(''))) {
      throw new QueryError('a selector must name a metric or a label that is not empty');
    }
    return found;
  } catch (error) {
    if (error instanceof SelectorError) throw new QueryError(`parse error: ${error.message}`);
    throw error;
  }
}

function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|[smhdw])/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text.trim()) {
    throw new QueryError(`parse error: ${JSON.stringify(text)} is not a duration`);
  }
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * (UNITS[unit ?? ''] ?? 0), 0);
}

/** /api/v1/query: the value at one time. */
export function evaluate(store: Store, query: string, at: number): Result {
  const expression = parseQuery(query);
  switch (expression.kind) {
    case 'time':
      return { resultType: 'scalar', result: [at, String(at)] };
    case 'vector':
      return { resultType: 'vector', result: [{ metric: {}, value: [at, String(expression.value)] }] };
    case 'instant':
      return {
        resultType: 'vector',
        result: store
          .instant(expression.selector, at)
          .map((s) => ({ metric: metric(s), value: [at, formatValue(s.value)] })),
      };
    case 'range':
      return {
        resultType: 'matrix',
        result: store.range(expression.selector, at, expression.seconds).map((s) => ({
          metric: metric(s),
          values: s.points.map((p): [number, string] => [p.at, formatValue(p.value ?? 0)]),
        })),
      };
  }
}

/** /api/v1/query_range: the values at start, start + step, ... up to end. */
export function evaluateRange(store: Store, query: string, start: number, end: number, step: number): Result {
  const expression = parseQuery(query);
  if (expression.kind === 'range')
    throw new QueryError('a range selector has no value at one moment: use /api/v1/query');
  if (!(step > 0) || end < start) throw new QueryError('start must not be after end, and step must be positive');
  if ((end - start) / step > 11_000) throw new QueryError('more than 11000 points a series');
  const series = new Map<string, { metric: Record<string, string>; values: [number, string][] }>();
  for (let i = 0; start + i * step <= end + 1e-9; i += 1) {
    const at = start + i * step;
    const answer = evaluate(store, query, at);
    const points =
      answer.resultType === 'vector' ? answer.result : [{ metric: {}, value: [at, String(at)] as [number, string] }];
    for (const point of points) {
      const key = JSON.stringify(point.metric);
      const found = series.get(key) ?? { metric: point.metric, values: [] };
      found.values.push(point.value);
      series.set(key, found);
    }
  }
  return { resultType: 'matrix', result: [...series.values()] };
}

function metric(series: { name: string; labels: Readonly<Record<string, string>> }): Record<string, string> {
  return { __name__: series.name, ...series.labels };
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
