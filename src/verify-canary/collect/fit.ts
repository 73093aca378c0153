/** From the labels of series to what a rules file needs: which label tells the versions apart, bounds, an interval. */
import type { Pair } from '../core/index.ts';
import { formatMatcher, type Labels, type Matcher } from './selector.ts';
import type { Point } from './series.ts';

/** Says of itself that it is the canary: `canary`, `shop-canary`, `ns-shop-canary-80@kubernetes`. */
const CANARY = /(^|[-_./])canary($|[-_./@0-9])/i;
/** Labels that people use for this, before all others. */
const PREFERRED = [
  'track',
  'role',
  'variant',
  'version',
  'app_version',
  'destination_version',
  'deployment',
  'service',
];
/** Labels of one series, not of a version. */
const OF_SERIES = new Set(['__name__', 'le', 'instance', 'pod_ip', 'node', 'path', 'method', 'code', 'status', 'host']);

/** Matchers of both versions, as the inputs take them, and the label that they go by. */
export interface ArmsFound extends Pair<string> {
  label: string;
}

const equals = (label: string, value: string): string => formatMatcher({ label, operator: '=', value });

/** @returns null when no label says which series are the canary's */
export function armsOf(series: readonly Labels[], app: string): ArmsFound | null {
  const values = new Map<string, Set<string>>();
  for (const labels of series) {
    for (const [label, value] of Object.entries(labels)) {
      if (OF_SERIES.has(label) || label === 'pod') continue;
      const known = values.get(label) ?? new Set();
      values.set(label, known.add(value));
    }
  }
  const rank = (label: string): number => (PREFERRED.indexOf(label) + PREFERRED.length + 1) % (PREFERRED.length + 1);
  for (const label of [...values.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))) {
    const own = [...(values.get(label) ?? [])];
    const [canary, stable] = [own.filter((v) => CANARY.test(v)), own.filter((v) => v !== '' && !CANARY.test(v))];
    // Every series must belong to one of both: a label that some do not have says nothing of those.
    if (canary.length !== 1 || stable.length !== 1 || series.some((labels) => !labels[label])) continue;
    return { label, stable: equals(label, stable[0] ?? ''), canary: equals(label, canary[0] ?? '') };
  }
  return podArms(series, app);
}

/** By the names of pods: `shop-canary-…` beside `shop-…`. */
function podArms(series: readonly Labels[], app: string): ArmsFound | null {
  const pods = series.map((labels) => labels.pod ?? '');
  const canary = pods.find((pod) => CANARY.test(pod));
  if (canary === undefined || pods.every((pod) => CANARY.test(pod)) || pods.includes('')) return null;
  const prefix = /^.*?canary/i.exec(canary)?.[0] ?? '';
  if (!pods.every((pod) => pod.startsWith(`${app}-`) && (!CANARY.test(pod) || pod.startsWith(`${prefix}-`))))
    return null;
  const matcher = (operator: Matcher['operator'], value: string): string =>
    formatMatcher({ label: 'pod', operator, value });
  const quoted = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, '\\$&');
  return {
    label: 'pod',
    stable: `${matcher('=~', `${quoted(app)}-.+`)},${matcher('!~', `${quoted(prefix)}-.+`)}`,
    canary: matcher('=~', `${quoted(prefix)}-.+`),
  };
}

export interface Bounds {
  le: number[];
  slo: { le: number; max: number };
}

/** Where something can be seen: about half, a twentieth and a hundredth of the requests are slower. */
const QUANTILES = [0.5, 0.95, 0.99];
const SHARES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/**
 * @param both bounds that both versions have
 * @param counted requests up to each bound, of stable, infinity included
 * @returns null when there is no bound to tell a slow request by
 */
export function chooseBounds(both: readonly number[], counted: ReadonlyMap<number, number>): Bounds | null {
  const finite = [...both].filter(Number.isFinite).sort((a, b) => a - b);
  const all = counted.get(Number.POSITIVE_INFINITY) ?? 0;
  const last = finite.at(-1);
  if (last === undefined) return null;
  const share = (bound: number): number => (all === 0 ? 0 : (counted.get(bound) ?? 0) / all);
  const at = (q: number): number => finite.find((bound) => share(bound) >= q) ?? last;
  // Without any request the middle of what there is.
  const middle = finite[finite.length >> 1] ?? last;
  const le = all === 0 ? [middle] : [...new Set(QUANTILES.map(at))].sort((a, b) => a - b);
  const bound = all === 0 ? middle : at(0.95);
  const slower = all === 0 ? 0 : 1 - share(bound);
  return { le, slo: { le: bound, max: SHARES.find((s) => s >= 2 * slower) ?? 0.5 } };
}

/** Objective for a share of errors: well above what stable shows, and never so low that nothing could show it. */
export function chooseObjective(share: number): number {
  return SHARES.find((s) => s >= 3 * share) ?? 0.5;
}

/** Seconds between two samples, the middle of all; null without two of them. */
export function scrapeInterval(series: readonly (readonly Point[])[]): number | null {
  const steps = series.flatMap((points) => points.slice(1).map(([at], i) => at - (points[i]?.[0] ?? at)));
  const sorted = steps.filter((step) => step > 0).sort((a, b) => a - b);
  const middle = sorted[sorted.length >> 1];
  return middle === undefined ? null : Math.max(1, Math.round(middle));
}
