/** From the wanted image and the values as they are to the commits of a delivery, in order. Pure. */
import { clearCanary, targetSlot } from './revert.ts';
import type { CurrentValues, ImageUpdate, OnlyIf, Slot, SlotValues, Stage, StagePlanInput, Verify } from './types.ts';

/** A stage that waits for evidence: a job must outlive the judge's own deadline, so that it is the judge who decides. */
const VERIFIED_MINUTES = 45;
const HANDOFF_MINUTES = 10;

/** A stage before it knows its place. */
type Step = Pick<Stage, 'name' | 'weight' | 'updates'> & { verify?: Verify | undefined };

/**
 * The stages of a delivery.
 *
 * canary: one stage a weight; the first also names the image, the last weight is 100; then `finish` makes the canary the
 * stable version. A service without a stable version has nothing to compare with and gets one stage, `install`.
 * blueGreen: `preview` puts the image into the slot without requests, `switch` sends them there.
 * rolling, recreate: one stage, `roll`.
 * Each stage after the first holds only while our own values stand there (`only-if`), so that stages started out of order,
 * or after a revert, write nothing.
 * @returns no stage at all when the image is the stable one and no canary is in flight
 */
export function planStages(input: StagePlanInput, now: CurrentValues): readonly Stage[] {
  return number(steps(input, now));
}

function steps(input: StagePlanInput, now: CurrentValues): Step[] {
  if (now.stable.digest === input.digest) return isCanaryEmpty(now) ? [] : [clearStep(input, now)];
  if (now.slots !== undefined) return blueGreenSteps(input, now, now.slots);
  if (input.strategy !== 'canary') return [rollStep(input, now)];
  return hasStable(now) ? canarySteps(input, now) : [installStep(input, now)];
}

/** A canary that somebody else left in flight (a lost run), or undefined. */
export function leftover(input: StagePlanInput, now: CurrentValues): { digest: string; weight: string } | undefined {
  const digest = now.canary?.image.digest;
  return digest && digest !== input.digest ? { digest, weight: now.canary?.weight ?? '' } : undefined;
}

// One false-alarm budget covers the whole delivery: each verified stage goes on from the trace of the one before.
function number(list: readonly Step[]): readonly Stage[] {
  let history = '';
  return list.map(({ name, weight, updates, verify }, index) => {
    const stage: Stage = {
      index,
      name,
      weight,
      final: index === list.length - 1,
      'timeout-minutes': verify === undefined ? HANDOFF_MINUTES : VERIFIED_MINUTES,
      updates,
      ...(verify === undefined ? {} : { verify }),
      history: verify === undefined ? '' : history,
    };
    if (verify !== undefined) history = `canary-${index}`;
    return stage;
  });
}

const TRACKS = { stable: 'track="stable"', canary: 'track="canary"' };

function canarySteps(input: StagePlanInput, now: CurrentValues): Step[] {
  const { file, layout } = input;
  const weightPath = layout['canary.weight'];
  const ours = (weight: number): OnlyIf => ({ [weightPath]: String(weight), ...onlyOurCanary(input) });
  const weights = input.weights.map((weight, index): Step => {
    const before = input.weights[index - 1];
    const guard =
      before === undefined ? { [weightPath]: now.canary?.weight ?? '', ...asRead(input, now) } : ours(before);
    return {
      name: `${weight}%`,
      weight,
      updates: [
        ...(before === undefined ? [image(input, layout['canary.image'], guard)] : []),
        { file, path: weightPath, value: weight, type: 'number', 'only-if': guard },
      ],
      verify: weight < 100 ? { mode: 'concurrent', weight, ...TRACKS } : undefined,
    };
  });
  const guard = ours(100);
  const updates = [image(input, layout.image, guard), ...clearCanary(input, now, guard)];
  return [...weights, { name: 'finish', weight: 100, updates }];
}

function blueGreenSteps(input: StagePlanInput, now: CurrentValues, slots: SlotValues): Step[] {
  const target = targetSlot(slots);
  const path = input.layout[`blueGreen.${target}.image`];
  const active = input.layout['blueGreen.active'];
  const asRead = { [active]: slots.active, [`${path}.digest`]: slots[target].digest ?? '' };
  const ours = { [active]: slots.active, [`${path}.digest`]: input.digest };
  // The first version of all has nothing to be compared with.
  const judged = (mode: Verify['mode'], weight: number): Verify | undefined =>
    input.evidence && hasStable(now)
      ? { mode, weight, stable: slotMatcher(slots.active), canary: slotMatcher(target) }
      : undefined;
  return [
    { name: 'preview', weight: 0, updates: [image(input, path, asRead)], verify: judged('pre-promotion', 0) },
    {
      name: 'switch',
      weight: 100,
      updates: [{ file: input.file, path: active, value: target, type: 'string', 'only-if': ours }],
      verify: judged('post-promotion', 100),
    },
  ];
}

function slotMatcher(slot: Slot): string {
  return `slot="${slot}"`;
}

function rollStep(input: StagePlanInput, now: CurrentValues): Step {
  const guard = { [`${input.layout.image}.digest`]: now.stable.digest ?? '' };
  return { name: 'roll', weight: 100, updates: [image(input, input.layout.image, guard)] };
}

function installStep(input: StagePlanInput, now: CurrentValues): Step {
  const guard = { [`${input.layout.image}.digest`]: '', ...asRead(input, now) };
  const clear = isCanaryEmpty(now) ? [] : clearCanary(input, now, guard);
  return { name: 'install', weight: 100, updates: [image(input, input.layout.image, guard), ...clear] };
}

// The wanted image is stable already, yet a canary is in flight that nobody drives any more.
function clearStep(input: StagePlanInput, now: CurrentValues): Step {
  return { name: 'clear', weight: 100, updates: clearCanary(input, now, asRead(input, now)) };
}

function image(input: StagePlanInput, path: string, guard: OnlyIf): ImageUpdate {
  return { file: input.file, image: path, ref: `${input.image}:${input.tag}@${input.digest}`, 'only-if': guard };
}

function asRead(input: StagePlanInput, now: CurrentValues): OnlyIf {
  return now.canary === undefined ? {} : { [`${input.layout['canary.image']}.digest`]: now.canary.image.digest ?? '' };
}

/** Holds only while the canary in the file is ours. */
function onlyOurCanary(input: StagePlanInput): OnlyIf {
  return { [`${input.layout['canary.image']}.digest`]: input.digest };
}

function hasStable(now: CurrentValues): boolean {
  return Boolean(now.stable.digest || now.stable.tag);
}

function isCanaryEmpty(now: CurrentValues): boolean {
  return now.canary === undefined || (!now.canary.image.digest && !now.canary.image.tag && !Number(now.canary.weight));
}
