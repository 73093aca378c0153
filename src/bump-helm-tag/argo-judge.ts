/** Whether an Application has arrived at our commit. Pure. */
import type { ApplicationState } from '../argocd/index.ts';

export type ApplicationVerdict =
  | { kind: 'wait' }
  | { kind: 'arrived' | 'suspended'; note: string }
  | { kind: 'failed'; why: string };

/**
 * @param ours `synced`: what it was compared with is our commit or a later one; `operated`: so is what the operation applied
 */
export function judgeApplication(
  state: ApplicationState,
  ours: { synced: boolean; operated: boolean },
): ApplicationVerdict {
  const { operation, health } = state;
  const phase = operation?.phase;
  if (state.pending || phase === 'Running' || phase === 'Terminating') return { kind: 'wait' };
  // A failure of an earlier commit is none of ours: ours may be the one that mends it.
  if (ours.operated && (phase === 'Failed' || phase === 'Error'))
    return { kind: 'failed', why: `its sync ended ${phase}${text(operation?.message)}` };
  // Until it is compared with our commit and found equal, health is that of what ran before.
  if (!ours.synced || state.sync !== 'Synced') return { kind: 'wait' };
  if (health === 'Degraded') return { kind: 'failed', why: `it is Degraded${text(state.healthMessage)}` };
  if (health === 'Suspended')
    return { kind: 'suspended', note: 'synced and paused: verify-canary judges a paused rollout' };
  // No operation, or one of an earlier commit: our commit changed nothing that this Application renders.
  return health === 'Healthy' ? { kind: 'arrived', note: '' } : { kind: 'wait' };
}

function text(message = ''): string {
  return message === '' ? '' : `: ${message}`;
}
