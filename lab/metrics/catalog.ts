/** What the store knows about its series: /api/v1/series, /labels, /label/<name>/values and /metadata. */
import { readSelector, type Selector, SelectorError } from '../../src/verify-canary/collect/selector.ts';
import { QueryError } from './query.ts';
import type { Series, Store } from './store.ts';

export interface Span {
  start: number;
  end: number;
  /** 0: all. */
  limit: number;
}

/** Labels of the series that have a sample within the span. @throws QueryError */
export function seriesOf(store: Store, match: readonly string[], span: Span): Record<string, string>[] {
  if (match.length === 0) throw new QueryError('no match[] parameter provided');
  return cut(select(store, match, span), span).map((series) => ({ __name__: series.name, ...series.labels }));
}

/** Names of labels, sorted. Without `match[]` those of all series. @throws QueryError */
export function labelNames(store: Store, match: readonly string[], span: Span): string[] {
  const names = select(store, match, span).flatMap((series) => ['__name__', ...Object.keys(series.labels)]);
  return cut([...new Set(names)].sort(), span);
}

/** Values of one label, sorted. @throws QueryError */
export function labelValues(store: Store, label: string, match: readonly string[], span: Span): string[] {
  const of = (series: Series): string | undefined => (label === '__name__' ? series.name : series.labels[label]);
  const values = select(store, match, span).map(of);
  return cut([...new Set(values.filter((value) => value !== undefined))].sort(), span);
}

const cut = <T>(list: T[], { limit }: Span): T[] => (limit > 0 ? list.slice(0, limit) : list);

function select(store: Store, match: readonly string[], { start, end }: Span): Series[] {
  const found = match.length === 0 ? store.all() : match.flatMap((text) => store.select(selectorOf(text)));
  const within = (series: Series): boolean =>
    series.points.some((p) => p.value !== undefined && p.at >= start && p.at <= end);
  return [...new Set(found)].filter(within);
}

function selectorOf(text: string): Selector {
  try {
    const { selector, end } = readSelector(text, 0);
    if (text.slice(end).trim() !== '') throw new QueryError(`parse error: ${JSON.stringify(text)} is not a selector`);
    return selector;
  } catch (error) {
    if (error instanceof SelectorError) throw new QueryError(`parse error: ${error.message}`);
    throw error;
  }
}
