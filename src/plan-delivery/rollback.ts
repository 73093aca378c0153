/** The way back of an emergency, in the inputs of bump-helm-tag: one commit, whatever is in flight. */
import { z } from 'zod';
import { ActionError, inputError } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';
import { clearCanary, targetSlot } from './revert.ts';
import { hasServed } from './served.ts';
import type { CurrentValues, Layout, ScalarUpdate, SlotValues } from './types.ts';

interface Place {
  file: string;
  layout: Layout;
}

export interface RollbackPlan {
  /** What bump-helm-tag takes back; '' when the updates are the whole way. */
  rollback: string;
  /** Value path of the image that `previous` is looked for; '' with a commit, or without a rollback. */
  imagePath: string;
  /** Ride along: they end the canary, or send the requests to the other slot. */
  updates: readonly ScalarUpdate[];
  /** Full source commit of the slot that gets the requests; '' when none is known, or with a rollback. */
  revision: string;
}

/**
 * @param to `previous`, or the full id of a handoff commit
 * @param messages of the commits that changed the file, newest first; for slots
 * @throws ActionError E_PLAN_ROLLBACK: the other slot is empty, or holds a version that never had the requests (a preview), so
 *   there is none to go back to
 */
export function planRollback(now: CurrentValues, place: Place, to: string, messages: readonly string[]): RollbackPlan {
  const { file, layout } = place;
  if (isFlip(now, to) && now.slots !== undefined)
    return { rollback: '', imagePath: '', updates: flip(now.slots, place, messages), revision: builtFrom(now.slots) };
  return {
    rollback: to,
    imagePath: to === 'previous' ? layout.image : '',
    // Not guarded: whoever's canary it is, it must not stay beside a version that was taken back.
    updates: clearCanary({ file, layout }, now, undefined),
    revision: '',
  };
}

/** The way back is the other slot: then the log is asked whether that is one. */
export function isFlip(now: CurrentValues, to: string): boolean {
  return now.slots !== undefined && to === 'previous';
}

function flip(slots: SlotValues, { file, layout }: Place, messages: readonly string[]): ScalarUpdate[] {
  const target = targetSlot(slots);
  const digest = slots[target].digest ?? '';
  if (digest === '')
    throw new ActionError('E_PLAN_ROLLBACK', {
      what: `rollback in ${oneLine(file, 200)}`,
      why: `the slot ${target} is empty: no version stands there to go back to`,
      fix: 'Name a handoff commit with the input to',
      at: { file },
    });
  const path = layout['blueGreen.active'];
  const image = layout[`blueGreen.${target}.image`];
  const ids = { image: `${file}#0#${image}`, active: `${file}#0#${path}`, slot: target };
  if (hasServed(messages, { ...ids, digest }) === false)
    throw new ActionError('E_PLAN_ROLLBACK', {
      what: `rollback in ${oneLine(file, 200)}`,
      why: `the slot ${target} holds a preview that never had the requests: it is no version to go back to`,
      fix: 'Cancel the delivery that put it there, and name a handoff commit with the input to',
      at: { file },
    });
  const guard = { [path]: slots.active, [`${image}.digest`]: digest };
  return [{ file, path, value: target, type: 'string', 'only-if': guard }];
}

function builtFrom(slots: SlotValues): string {
  const revision = slots[targetSlot(slots)].revision ?? '';
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision) ? revision : '';
}

const image = z.object({
  repository: z.string().optional(),
  tag: z.string().optional(),
  digest: z.string().optional(),
  revision: z.string().optional(),
});
const current = z.object({
  stable: image,
  slots: z.object({ active: z.enum(['blue', 'green']), blue: image, green: image }).optional(),
});

/**
 * The values of before the commit, as the output `current` told them.
 * @throws ActionError E_INPUT
 */
export function readBefore(text: string): CurrentValues {
  const read = current.safeParse(parseJson(text));
  if (!read.success)
    throw inputError([{ input: 'before', problem: 'is not the output current of a plan of the same file' }]);
  const of = ({ repository, tag, digest, revision }: z.output<typeof image>) => ({ repository, tag, digest, revision });
  const { stable, slots } = read.data;
  return {
    stable: of(stable),
    canary: undefined,
    slots: slots && { active: slots.active, blue: of(slots.blue), green: of(slots.green) },
  };
}
