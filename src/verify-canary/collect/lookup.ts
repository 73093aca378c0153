/** What Prometheus knows about its series: their labels and their types. Bounded in time, in number and in size. */
import { oneLine } from '../../text/index.ts';
import { GapError, type PromClient } from './promql.ts';
import type { Labels } from './selector.ts';

export interface Lookup {
  /** Labels of the series that had a sample in the last minutes. @throws GapError, ActionError */
  series(match: readonly string[], signal: AbortSignal): Promise<Labels[]>;
  /** Names of the labels of such series; empty when the server does not tell. */
  labels(match: string, signal: AbortSignal): Promise<string[]>;
  /** `counter`, `histogram`, `gauge` ...; null when the server does not tell. */
  type(name: string, signal: AbortSignal): Promise<string | null>;
}

const MINUTES = 10;
/** Of one application; a server that does not know `limit` answers more, and is cut here. */
const MOST = 20_000;

/** @param now server time */
export function openLookup(client: PromClient, now: number): Lookup {
  const span = [
    ['start', String(Math.floor(now - MINUTES * 60))],
    ['end', String(Math.ceil(now))],
    ['limit', String(MOST)],
  ] as const;
  return {
    async series(match, signal) {
      const asked = match.map((selector) => ['match[]', selector] as const);
      const data = await client.lookup('/api/v1/series', [...asked, ...span], signal);
      if (!Array.isArray(data)) throw new GapError('query-error', 'the series of Prometheus are not a list');
      return data.slice(0, MOST).map((one) => {
        if (typeof one !== 'object' || one === null) throw new GapError('query-error', 'a series without labels');
        return Object.fromEntries(Object.entries(one).map(([label, value]) => [label, String(value)]));
      });
    },
    async labels(match, signal) {
      const data = await client.lookup('/api/v1/labels', [['match[]', match], ...span], signal).catch(() => []);
      return Array.isArray(data)
        ? data.filter((name) => typeof name === 'string').map((name) => oneLine(name, 100))
        : [];
    },
    async type(name, signal) {
      const asked = [
        ['metric', name],
        ['limit', '1'],
      ] as const;
      // Thanos and others have no metadata: then the name must do.
      const data = await client.lookup('/api/v1/metadata', asked, signal).catch(() => ({}));
      const entries: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, name) : undefined;
      const [first] = Array.isArray(entries) ? entries : [];
      const type: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'type') : undefined;
      return typeof type === 'string' && type !== 'unknown' ? type : null;
    },
  };
}
