/**
 * A series that both selectors match, such as `app="shop"` beside `app="shop",track="canary"`. What the canary does then
 * stands in both versions, which makes a worse one look like the other. A proxy that counts for both has its own series
 * for each of them: that is no overlap.
 */
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import type { Pair } from '../core/index.ts';
import { seriesKey } from './exposition.ts';
import type { RawSeries } from './promql.ts';
import { formatMatcher, type Matcher, type MatchOperator, seriesText } from './selector.ts';

const OPPOSITE: Readonly<Record<MatchOperator, MatchOperator>> = { '=': '!=', '!=': '=', '=~': '!~', '!~': '=~' };

/** @throws ActionError E_SELECTOR_INVALID, naming one series that is in both */
export function refuseOverlap(found: Pair<readonly RawSeries[]>, arms: Pair<readonly Matcher[]>): void {
  const stable = new Set(found.stable.map((series) => seriesKey('', series.labels)));
  const both = found.canary.find((series) => stable.has(seriesKey('', series.labels)));
  if (both === undefined) return;
  throw new ActionError('E_SELECTOR_INVALID', {
    what: 'inputs stable-selector and canary-selector',
    why: `both select ${oneLine(seriesText(both.labels), 600)}, so the requests of one version would count for the other too`,
    fix: fixOf(arms),
  });
}

function fixOf({ stable, canary }: Pair<readonly Matcher[]>): string {
  const only = (own: readonly Matcher[], others: readonly Matcher[]): string | undefined => {
    const known = new Set(others.map(formatMatcher));
    const matcher = own.find((m) => !known.has(formatMatcher(m)));
    if (matcher === undefined) return undefined;
    return oneLine(formatMatcher({ ...matcher, operator: OPPOSITE[matcher.operator] }), 200);
  };
  const apart = only(canary, stable);
  return apart === undefined
    ? `Add ${only(stable, canary) ?? 'what tells the versions apart'} to canary-selector`
    : `Add ${apart} to stable-selector`;
}
