/**
 * Limits that an advisory keeps outside its ranges. The Go vulnerability database says "all versions" in `ranges` when the
 * real limits are no versions of the module system, and writes those into `ecosystem_specific.custom_ranges`.
 * https://go.dev/doc/security/vuln/database
 */
import type { OsvAffected, OsvEvent, OsvRange } from '../types.ts';

/** @returns the record's own limits when its ranges say nothing but "all versions" */
export function ownLimits(ranges: readonly OsvRange[], entry: OsvAffected): readonly OsvRange[] | undefined {
  const own = entry.ecosystem_specific?.custom_ranges ?? [];
  const all = ranges.every(({ events }) => events.length === 1 && events[0]?.introduced === '0');
  return own.length > 0 && ranges.length > 0 && all ? own : undefined;
}

/** Why a version outside these limits is only possibly affected. Names the limits as the advisory wrote them. */
export function doubtOf(limits: readonly OsvRange[], version: string): string {
  const text = limits.map(({ events }) => events.map(words).join(', ')).join('; ');
  return `the advisory names all versions, but limits itself to: ${text}; ${version} is outside of that`;
}

function words(event: OsvEvent): string {
  if (event.introduced !== undefined)
    return event.introduced === '0' ? 'from the first version' : `from ${event.introduced}`;
  if (event.fixed !== undefined) return `fixed in ${event.fixed}`;
  return event.last_affected === undefined ? `below ${event.limit ?? '*'}` : `up to ${event.last_affected}`;
}
