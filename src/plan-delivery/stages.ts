/** From the wanted image and the values as they are to the commits of a delivery, in order. Pure. */
import { clearCanary } from './revert.ts';
import type { CurrentValues, ImageUpdate, OnlyIf, Stage, StagePlanInput, Updates } from './types.ts';

/** A stage that waits for evidence: a job must outlive the judge's own deadline, so that it is the judge who decides. */
const VERIFIED_MINUTES = 45;
const HANDOFF_MINUTES = 10;

/**
 * The stages of a delivery.
 *
 * canary: one stage a weight; the first also names the image, the last weight is 100; then `finish` makes the canary the
 * stable version. A service without a stable version has nothing to compare with and gets one stage, `install`.
 * rolling: one stage, `roll`. Each stage after the first holds only while our own values stand there (`only-if`), so that
 * stages started out of order, or after a revert, write nothing.
 * @returns no stage at all when the image is the stable one and no canary is in flight
 */
export function planStages(input: StagePlanInput, now: CurrentValues): readonly Stage[] {
  if (now.stable.digest === input.digest) return isCanaryEmpty(now) ? [] : [clearStage(input, now)];
  if (input.strategy === 'rolling') return [rollStage(input, now)];
  if (!now.stable.digest && !now.stable.tag) return [installStage(input, now)];
  return canaryStages(input, now);
}

/** A canary that somebody else left in flight (a lost run), or undefined. */
export function leftover(input: StagePlanInput, now: CurrentValues): { digest: string; weight: string } | undefined {
  const digest = now.canary?.image.digest;
  return digest && digest !== input.digest ? { digest, weight: now.canary?.weight ?? '' } : undefined;
}

function canaryStages(input: StagePlanInput, now: CurrentValues): readonly Stage[] {
  const { file, layout } = input;
  const weightPath = layout['canary.weight'];
  const ours = (weight: number): OnlyIf => ({ [weightPath]: String(weight), ...onlyOurCanary(input) });
  const stages: Stage[] = input.weights.map((weight, index) => {
    const before = input.weights[index - 1];
    const guard =
      before === undefined ? { [weightPath]: now.canary?.weight ?? '', ...asRead(input, now) } : ours(before);
    const updates: Updates = [
      ...(before === undefined ? [image(input, layout['canary.image'], guard)] : []),
      { file, path: weightPath, value: weight, type: 'number', 'only-if': guard },
    ];
    const verified = weight < 100;
    return {
      index,
      name: `${weight}%`,
      weight,
      final: false,
      'timeout-minutes': verified ? VERIFIED_MINUTES : HANDOFF_MINUTES,
      updates,
      ...(verified ? { verify: { mode: 'canary' as const, weight } } : {}),
      history: verified && index > 0 ? `canary-${index - 1}` : '',
    };
  });
  const guard = ours(100);
  stages.push(
    handoffStage(stages.length, 'finish', [image(input, layout.image, guard), ...clearCanary(input, now, guard)]),
  );
  return stages;
}

function rollStage(input: StagePlanInput, now: CurrentValues): Stage {
  const guard = { [`${input.layout.image}.digest`]: now.stable.digest ?? '' };
  return handoffStage(0, 'roll', [image(input, input.layout.image, guard)]);
}

function installStage(input: StagePlanInput, now: CurrentValues): Stage {
  const guard = { [`${input.layout.image}.digest`]: '', ...asRead(input, now) };
  const clear = isCanaryEmpty(now) ? [] : clearCanary(input, now, guard);
  return handoffStage(0, 'install', [image(input, input.layout.image, guard), ...clear]);
}

// The wanted image is stable already, yet a canary is in flight that nobody drives any more.
function clearStage(input: StagePlanInput, now: CurrentValues): Stage {
  return handoffStage(0, 'clear', clearCanary(input, now, asRead(input, now)));
}

function handoffStage(index: number, name: string, updates: Updates): Stage {
  return { index, name, weight: 100, final: true, 'timeout-minutes': HANDOFF_MINUTES, updates, history: '' };
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

function isCanaryEmpty(now: CurrentValues): boolean {
  return now.canary === undefined || (!now.canary.image.digest && !now.canary.image.tag && !Number(now.canary.weight));
}
