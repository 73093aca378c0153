/** What the canary is compared with, by the input or the rules, and which weight and step that leaves. */
import type { CanaryConfig } from './config.ts';
import type { RolloutMode } from './core/index.ts';
import { bad } from './input-error.ts';
import type { Inputs } from './inputs.ts';

/**
 * Inputs and rules as they belong together: the mode of the input goes before that of the rules.
 * @throws ActionError E_WEIGHT_INVALID where the weight does not fit the mode, E_INPUT
 */
export function settleMode(inputs: Inputs, config: CanaryConfig): { inputs: Inputs; config: CanaryConfig } {
  const mode = inputs.mode || config.judge.mode;
  const settled = mode === config.judge.mode ? config : { ...config, judge: { ...config.judge, mode } };
  if (inputs.source.kind === 'replay') return { inputs, config: settled };
  if (inputs.argocd !== null && inputs.argocd.rollout !== '') {
    if (mode === 'concurrent') return { inputs, config: settled };
    throw bad('E_INPUT', 'argocd-rollout', `it watches weights, and mode ${mode} has none`, 'Leave one of them out');
  }
  const weight = weightIn(mode, inputs.weight);
  return {
    inputs: { ...inputs, weight, step: inputs.step || (weight === null ? mode : String(weight)) },
    config: settled,
  };
}

/** @returns null where the canary has no share of the traffic */
function weightIn(mode: RolloutMode, weight: number | null): number | null {
  const refuse = (why: string, fix: string): Error => bad('E_WEIGHT_INVALID', 'expected-weight', why, fix);
  if (mode === 'pre-promotion') {
    if (weight === null || weight === 0) return null;
    throw refuse('before the switch the new version has no share of the traffic', 'Leave it out, or give 0');
  }
  if (mode !== 'concurrent') {
    if (weight === null || weight === 100) return 100;
    throw refuse(`in mode ${mode} the new version has all the traffic`, 'Leave it out, or give 100');
  }
  const fix = 'Give the canary percent that Git asks for now, such as 5';
  if (weight === null) throw refuse('it is required', fix);
  if (weight === 0) throw refuse('"0" is not a number above 0 and below 100', fix);
  if (weight < 100) return weight;
  throw refuse(
    'at 100 % there is no stable version left to compare with',
    'Verify the last weight below 100 and then go to 100 without this step, or set mode: post-promotion',
  );
}
