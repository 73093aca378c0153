/** The way back, planned before the first commit: with it a lost runner or a cancelled run can be undone by another job. */
import type {
  CurrentValues,
  ImageValues,
  OnlyIf,
  ScalarUpdate,
  Slot,
  SlotValues,
  StagePlanInput,
  Updates,
} from './types.ts';

/**
 * `revert` clears our canary, or gives the slot and the requests back as they were; `revertFinished` brings the old stable
 * image back. Both are guarded by our digest, so that at most one of them writes, and never over a newer build. A list is
 * empty when that way back does not exist.
 */
export function planRevert(input: StagePlanInput, now: CurrentValues): { revert: Updates; revertFinished: Updates } {
  if (now.slots !== undefined) return { revert: restoreSlots(input, now), revertFinished: [] };
  const canaryGuard = { [`${input.layout['canary.image']}.digest`]: input.digest };
  const stableGuard = { [`${input.layout.image}.digest`]: input.digest };
  const hadStable = Boolean(now.stable.digest || now.stable.tag) && now.stable.digest !== input.digest;
  return {
    revert: input.strategy === 'canary' && input.router === 'gateway' ? clearCanary(input, now, canaryGuard) : [],
    revertFinished: hadStable ? setImage(input.file, input.layout.image, now.stable, stableGuard) : [],
  };
}

/** Empties the canary's image and sets its weight to 0. Keys that the file does not have are left out. */
export function clearCanary(
  input: Pick<StagePlanInput, 'file' | 'layout'>,
  now: CurrentValues,
  guard: OnlyIf | undefined,
): ScalarUpdate[] {
  if (now.canary === undefined) return [];
  const has = now.canary.image;
  const empty: ImageValues = {
    repository: has.repository === undefined ? undefined : '',
    tag: has.tag === undefined ? undefined : '',
    digest: has.digest === undefined ? undefined : '',
    revision: has.revision === undefined ? undefined : '',
  };
  return [
    ...setImage(input.file, input.layout['canary.image'], empty, guard),
    { file: input.file, path: input.layout['canary.weight'], value: 0, type: 'number', ...onlyIf(guard) },
  ];
}

/** The slot that a delivery goes into: the one that gets no requests. */
export function targetSlot(slots: SlotValues): Slot {
  return slots.active === 'blue' ? 'green' : 'blue';
}

// Before the switch this empties the preview, after it the requests go back too; without an old version there is no back.
function restoreSlots({ file, layout, digest }: StagePlanInput, now: CurrentValues): Updates {
  if (now.slots === undefined || !now.stable.digest) return [];
  const target = targetSlot(now.slots);
  const path = layout[`blueGreen.${target}.image`];
  const guard = { [`${path}.digest`]: digest };
  return [
    ...setImage(file, path, now.slots[target], guard),
    { file, path: layout['blueGreen.active'], value: now.slots.active, type: 'string', 'only-if': guard },
  ];
}

function setImage(file: string, path: string, values: ImageValues, guard: OnlyIf | undefined): ScalarUpdate[] {
  return (['repository', 'tag', 'digest', 'revision'] as const).flatMap((key) => {
    const value = values[key];
    return value === undefined
      ? []
      : [{ file, path: `${path}.${key}`, value, type: 'string' as const, ...onlyIf(guard) }];
  });
}

function onlyIf(guard: OnlyIf | undefined): { 'only-if'?: OnlyIf } {
  return guard === undefined ? {} : { 'only-if': guard };
}
