/** One look at the Application: a few GETs, and everything that is known after them. */
import {
  type ApplicationState,
  type ArgoCd,
  describeApplication,
  type ResourceRef,
  type ResourceTree,
  treeHealth,
  type Unavailable,
} from '../../argocd/index.ts';
import { ActionError, type Deadline } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { type RolloutState, readRollout } from './rollout.ts';
import type { ArgoWish } from './wish.ts';

export interface Sight {
  kind: 'sight';
  state: ApplicationState;
  health: string;
  healthMessage: string;
  /** Null where nobody had to ask: everything is healthy. */
  tree: ResourceTree | null;
  rollout: RolloutState | null;
}

export type Look = (argo: ArgoCd, options: { refresh: boolean }, deadline: Deadline) => Promise<Sight | Unavailable>;

/** Looks that remember where the Rollout is. They throw what the client throws, and E_ROLLOUT_MISSING. */
export function openLook(wish: ArgoWish): Look {
  let place: ResourceRef | undefined;
  return async (argo, options, deadline) => {
    const answer = await argo.application(wish.name, options, deadline);
    if (answer.kind === 'unavailable') return answer;
    const { state } = answer;
    let tree: ResourceTree | null = null;
    // Whatever is not plainly healthy may be a pod that crashes; a health that is missing is the tree's to tell.
    if (state.health !== 'Healthy' || (wish.rollout !== '' && place === undefined)) {
      const found = await argo.resourceTree(wish.name, deadline);
      if (found.kind === 'unavailable') return found;
      tree = found.tree;
    }
    let rollout: RolloutState | null = null;
    if (wish.rollout !== '') {
      place ??= findRollout(wish, tree);
      // Before the first sync it is not there yet.
      if (place !== undefined) {
        const found = await argo.resource(wish.name, place, deadline);
        if (found.kind === 'unavailable') return found;
        rollout = readRollout(found.manifest) ?? null;
        if (rollout === null) throw noCanary(wish);
      }
    }
    const told = state.health === 'Unknown' && tree !== null ? treeHealth(tree) : undefined;
    return {
      kind: 'sight',
      state,
      health: told?.health ?? state.health,
      healthMessage: told?.message ?? state.healthMessage,
      tree,
      rollout,
    };
  };
}

/** For people, one line. */
export function describeSight(wish: ArgoWish, sight: Sight): string {
  const { state, health, healthMessage, rollout } = sight;
  const text = describeApplication({ ...state, health, healthMessage });
  if (wish.rollout === '') return text;
  if (rollout === null) return `${text}; no Rollout ${wish.rollout} yet`;
  const at = rollout.weight === null ? '' : ` at ${rollout.weight} %`;
  return `${text}; Rollout ${rollout.phase}${at}${rollout.message === '' ? '' : ` (${rollout.message})`}`;
}

function findRollout(wish: ArgoWish, tree: ResourceTree | null): ResourceRef | undefined {
  const rollouts = (tree?.nodes ?? []).filter((node) => node.group === 'argoproj.io' && node.kind === 'Rollout');
  const found = rollouts.filter((node) => node.name === wish.rollout);
  const [node] = found;
  if (found.length === 1 && node !== undefined) {
    const { group, version, kind, namespace, name } = node;
    return { group, version: version || 'v1alpha1', kind, namespace, name };
  }
  if (rollouts.length === 0) return undefined;
  const others = rollouts.map((one) => one.name);
  throw new ActionError('E_ROLLOUT_MISSING', {
    what: 'input argocd-rollout',
    why:
      found.length > 1
        ? `the application has ${found.length} Rollouts named ${wish.rollout}, in several namespaces`
        : `the application has no Rollout ${wish.rollout}; it has ${oneLine(others.join(', '), 300)}`,
    fix: 'Give the name of the Rollout that is to be watched',
  });
}

function noCanary(wish: ArgoWish): ActionError {
  return new ActionError('E_ROLLOUT_MISSING', {
    what: 'input argocd-rollout',
    why: `the Rollout ${wish.rollout} has no canary strategy, so it moves no weights`,
    fix: 'Leave argocd-rollout out, and give expected-weight',
  });
}
