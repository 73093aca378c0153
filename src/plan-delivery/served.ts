/** Whether a slot has ever had the requests with what stands in it now: what the log of the config repository tells. Pure. */
import { parseBlocks } from '../bump-helm-tag/trailers.ts';

export interface SlotPlace {
  /** Target ids, as the trailers name them. */
  image: string;
  active: string;
  slot: string;
  /** What stands in the slot now. */
  digest: string;
}

/**
 * @param messages of the commits that changed the file, newest first
 * @returns undefined when the log does not tell: the slot was filled by hand, or too long ago
 */
export function hasServed(
  messages: readonly string[],
  { image, active, slot, digest }: SlotPlace,
): boolean | undefined {
  let known = false;
  let inside = false;
  let before = '';
  for (const target of messages.toReversed().flatMap((text) => parseBlocks(text).flatMap((block) => block.targets))) {
    if (target.id === image) {
      inside = target.value.endsWith(`@${digest}`);
      known ||= inside;
      // It may have been filled while it had the requests: nobody has switched since the log begins, or the last switch was to it.
      if (inside && before === slot) return true;
    } else if (target.id === active) {
      if (inside && target.value === slot) return true;
      before = target.value;
    }
  }
  return known ? false : undefined;
}
