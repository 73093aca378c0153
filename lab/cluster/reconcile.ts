/** What a Deployment does next: which pods to start and to stop. Pure; the loop asks again after every change. */
import type { Deployment } from './objects.ts';

export interface PodView {
  id: string;
  deployment: string;
  hash: string;
  ready: boolean;
  stopping: boolean;
}

export interface Steps {
  start: number;
  stop: readonly string[];
}

/**
 * RollingUpdate keeps at least `replicas - unavailable` pods ready and at most `replicas + surge` pods in all; Recreate
 * waits until every old pod is gone.
 * @param wanted undefined: the deployment was removed, all its pods go
 */
export function planDeployment(wanted: Deployment | undefined, pods: readonly PodView[]): Steps {
  const live = pods.filter((pod) => !pod.stopping);
  if (wanted === undefined) return { start: 0, stop: live.map((pod) => pod.id) };
  const current = live.filter((pod) => pod.hash === wanted.hash);
  const old = live.filter((pod) => pod.hash !== wanted.hash);
  const excess = current.slice(wanted.replicas).map((pod) => pod.id);
  if (wanted.recreate) {
    if (old.length > 0) return { start: 0, stop: [...old.map((pod) => pod.id), ...excess] };
    const leaving = pods.some((pod) => pod.stopping && pod.hash !== wanted.hash);
    return { start: leaving ? 0 : Math.max(0, wanted.replicas - current.length), stop: excess };
  }
  // A first roll-out has nothing to surge over: all replicas start at once.
  const room = (old.length === 0 ? wanted.replicas : wanted.replicas + wanted.surge) - live.length;
  const start = Math.max(0, Math.min(room, wanted.replicas - current.length));
  const unready = old.filter((pod) => !pod.ready).map((pod) => pod.id);
  const readyOld = old.filter((pod) => pod.ready).map((pod) => pod.id);
  const ready = live.filter((pod) => pod.ready).length;
  const spare = Math.max(0, ready - (wanted.replicas - wanted.unavailable));
  return { start, stop: [...excess, ...unready, ...readyOld.slice(0, spare)] };
}

/** True when exactly the wanted pods run, all of them ready. */
export function isSettled(wanted: Deployment, pods: readonly PodView[]): boolean {
  const current = pods.filter((pod) => pod.hash === wanted.hash && !pod.stopping);
  return (
    current.length === wanted.replicas &&
    current.every((pod) => pod.ready) &&
    pods.every((pod) => pod.hash === wanted.hash || pod.stopping)
  );
}
