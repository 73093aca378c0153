/** From the wanted image and the values as they are to the commits of a delivery, in order. Pure. */
import { clearCanary, targetSlot } from './revert.ts';
import type { CurrentValues, ImageUpdate, OnlyIf, SlotValues, Stage, StagePlanInput } from './types.ts';
import { type Judging, judgeFinish, judgeFull, judgeRoll, judgeRollout, judgeSlots, judgeWeight } from './verify.ts';

const HANDOFF_MINUTES = 10;
/** A Rollout goes through all of its weights in one stage. */
const WATCHED_MINUTES = 180;

/** A stage before it knows its place. */
type Step = Pick<Stage, 'name' | 'weight' | 'updates'> & { judging: Judging };

/**
 * The stages of a delivery.
 *
 * canary: one stage a weight; the first also names the image, the last weight is 100; then `finish` makes the canary the
 * stable version. A service without a stable version has nothing to compare with and gets one stage, `install`.
 * canary with router rollouts: one stage, `roll`; a controller moves the weights and is watched.
 * blueGreen: `preview` puts the image into the slot without requests, `switch` sends them there.
 * rolling, recreate: one stage, `roll`.
 * Each stage after the first holds only while our own values stand there (`only-if`), so that stages started out of order,
 * or after a revert, write nothing.
 * @returns no stage at all when the image is the stable one and no canary is in flight
 */
export function planStages(input: StagePlanInput, now: CurrentValues): readonly Stage[] {
  return number(steps(input, now), input);
}

function steps(input: StagePlanInput, now: CurrentValues): Step[] {
  if (now.stable.digest === input.digest) return isCanaryEmpty(now) ? [] : [clearStep(input, now)];
  if (now.slots !== undefined) return blueGreenSteps(input, now, now.slots);
  if (input.strategy !== 'canary') return [rollStep(input, now, judgeRoll(input, now))];
  if (!hasStable(now)) return [installStep(input, now)];
  return input.router === 'rollouts' ? [rollStep(input, now, judgeRollout(input, now))] : canarySteps(input, now);
}

/** A canary that somebody else left in flight (a lost run), or undefined. */
export function leftover(input: StagePlanInput, now: CurrentValues): { digest: string; weight: string } | undefined {
  const digest = now.canary?.image.digest;
  return digest && digest !== input.digest ? { digest, weight: now.canary?.weight ?? '' } : undefined;
}

function number(list: readonly Step[], { records, stageMinutes }: StagePlanInput): readonly Stage[] {
  const stages: Stage[] = [];
  for (const { name, weight, updates, judging } of list) {
    const index = stages.length;
    stages.push({
      index,
      name,
      weight,
      final: index === list.length - 1,
      'timeout-minutes': minutesFor(judging, stageMinutes),
      updates,
      ...judging,
      artifact: `${records}-${index}`,
      history: historyOf(stages.at(-1), judging),
    });
  }
  return stages;
}

// A job must outlive the judge's own deadline, so that it is the judge who decides.
function minutesFor(judging: Judging, verified: number): number {
  if (!('verify' in judging)) return HANDOFF_MINUTES;
  return judging.verify.rollout === '' ? verified : Math.max(verified, WATCHED_MINUTES);
}

// One false-alarm budget covers all weights, and preview with switch: the judge goes on from the trace of the stage before. A trace
// has one kind of comparison: at 100 % another one begins, and after it one with another version of before.
function historyOf(before: Stage | undefined, judging: Judging): string {
  if (before?.verify === undefined || !('verify' in judging)) return '';
  const isOn = before.verify.mode === 'pre-promotion' || judging.verify.mode === 'concurrent';
  return isOn ? before.artifact : '';
}

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
      judging: weight < 100 ? judgeWeight(input, now, weight) : judgeFull(input, now),
    };
  });
  const guard = ours(100);
  const updates = [image(input, layout.image, guard), ...clearCanary(input, now, guard)];
  return [...weights, { name: 'finish', weight: 100, updates, judging: judgeFinish(input) }];
}

function blueGreenSteps(input: StagePlanInput, now: CurrentValues, slots: SlotValues): Step[] {
  const target = targetSlot(slots);
  const path = input.layout[`blueGreen.${target}.image`];
  const active = input.layout['blueGreen.active'];
  const asRead = { [active]: slots.active, [`${path}.digest`]: slots[target].digest ?? '' };
  const ours = { [active]: slots.active, [`${path}.digest`]: input.digest };
  const judged = (mode: 'pre-promotion' | 'post-promotion'): Judging =>
    judgeSlots(input, now.stable, slots.active, target, mode);
  return [
    { name: 'preview', weight: 0, updates: [image(input, path, asRead)], judging: judged('pre-promotion') },
    {
      name: 'switch',
      weight: 100,
      updates: [{ file: input.file, path: active, value: target, type: 'string', 'only-if': ours }],
      judging: judged('post-promotion'),
    },
  ];
}

function rollStep(input: StagePlanInput, now: CurrentValues, judging: Judging): Step {
  const guard = { [`${input.layout.image}.digest`]: now.stable.digest ?? '' };
  return { name: 'roll', weight: 100, updates: [image(input, input.layout.image, guard)], judging };
}

function installStep(input: StagePlanInput, now: CurrentValues): Step {
  const guard = { [`${input.layout.image}.digest`]: '', ...asRead(input, now) };
  const clear = isCanaryEmpty(now) ? [] : clearCanary(input, now, guard);
  const judging = { unjudged: 'there is no stable version to compare with' };
  return { name: 'install', weight: 100, updates: [image(input, input.layout.image, guard), ...clear], judging };
}

// The wanted image is stable already, yet a canary is in flight that nobody drives any more.
function clearStep(input: StagePlanInput, now: CurrentValues): Step {
  const judging = { unjudged: 'the stable version stays as it is' };
  return { name: 'clear', weight: 100, updates: clearCanary(input, now, asRead(input, now)), judging };
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
