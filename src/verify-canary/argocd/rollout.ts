/** What an Argo Rollout says of itself, out of its live manifest. Nothing in it is trusted, everything may be missing. */
import { fields, isFields, list, message, name, word } from '../../argocd/index.ts';

export interface RolloutState {
  /** Hash of the pods it goes to, and of those that are stable; equal when it is through. */
  current: string;
  stable: string;
  /** Percent for the canary now; null when it says nothing. */
  weight: number | null;
  /** The weight is that of a route. Without one it is a wish that a number of pods comes near to. */
  routed: boolean;
  /** It stands still until somebody says so. */
  waiting: boolean;
  aborted: boolean;
  /** Healthy, Progressing, Paused, Degraded. */
  phase: string;
  message: string;
  /** Its controller has seen the last change of its spec. */
  observed: boolean;
}

/** @returns undefined when it is no Rollout with a canary strategy */
export function readRollout(manifest: unknown): RolloutState | undefined {
  if (!isFields(manifest) || manifest.kind !== 'Rollout') return undefined;
  const canary = fields(fields(manifest.spec).strategy).canary;
  if (!isFields(canary)) return undefined;
  const status = fields(manifest.status);
  const steps = list(canary.steps).map(fields);
  const at = typeof status.currentStepIndex === 'number' ? status.currentStepIndex : null;
  const routing = fields(canary.trafficRouting);
  const weight = fields(fields(fields(status.canary).weights).canary).weight;
  const routed = typeof weight === 'number';
  const whole = typeof routing.maxTrafficWeight === 'number' ? routing.maxTrafficWeight : 100;
  const { generation } = fields(manifest.metadata);
  return {
    current: name(status.currentPodHash),
    stable: name(status.stableRS),
    weight: routed ? Number(((100 * weight) / whole).toPrecision(6)) : setWeight(steps, at),
    routed,
    waiting: list(status.pauseConditions).length > 0 && waitsForSomebody(steps, at, list(status.pauseConditions)),
    aborted: status.abort === true,
    phase: word(status.phase),
    message: message(status.message),
    observed:
      typeof generation !== 'number' ||
      status.observedGeneration === undefined ||
      String(status.observedGeneration) === String(generation),
  };
}

/** The last weight that its steps asked for. */
function setWeight(steps: readonly Readonly<Record<string, unknown>>[], at: number | null): number | null {
  if (at === null) return null;
  const done = steps.slice(0, at + 1).findLast((step) => typeof step.setWeight === 'number');
  return typeof done?.setWeight === 'number' ? done.setWeight : 0;
}

/** A pause with a duration ends by itself, one without does not; nor does an analysis that came to nothing. */
function waitsForSomebody(
  steps: readonly Readonly<Record<string, unknown>>[],
  at: number | null,
  conditions: readonly unknown[],
): boolean {
  if (conditions.map(fields).some((condition) => condition.reason !== 'CanaryPauseStep')) return true;
  const pause = at === null ? undefined : steps[at]?.pause;
  return fields(pause).duration === undefined;
}

/** True when the new version has become the stable one. */
export function isThrough(rollout: RolloutState): boolean {
  return rollout.current !== '' && rollout.current === rollout.stable && rollout.phase === 'Healthy';
}

/** The step that a moment belongs to: each weight is one. Null before the first, and when there is nothing to compare. */
export function stepOf(rollout: RolloutState): { step: string; weight: number | null } | null {
  const { weight, routed, current, stable, aborted } = rollout;
  if (weight === null || !(weight > 0 && weight < 100) || current === stable || aborted) return null;
  return { step: String(weight), weight: routed ? weight : null };
}
