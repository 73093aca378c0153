/** What the read API shows, in the words of Argo CD. */
import type { ClusterOptions, ClusterStatus, PodFacts } from './cluster.ts';
import type { Deployment } from './objects.ts';

export interface Applied {
  history: readonly { revision: string; deployedAt: string }[];
  /** A commit that could not be applied, and why; '' when all went well. */
  failed: string;
  why: string;
}

export function applicationJson(
  { application }: ClusterOptions,
  status: ClusterStatus,
  pods: readonly PodFacts[],
  { history, failed, why }: Applied,
): object {
  const { name, repoUrl, path, branch } = application;
  return {
    metadata: { name, namespace: 'argocd' },
    spec: { project: 'default', source: { repoURL: repoUrl, path, targetRevision: branch } },
    status: {
      sync: { status: status.sync, revision: status.revision },
      health: { status: status.health, message: status.message },
      operationState:
        failed === ''
          ? { phase: 'Succeeded', message: '', syncResult: { revision: status.revision } }
          : { phase: 'Error', message: why, operation: { sync: { revision: failed } } },
      summary: { images: [...new Set(pods.map((pod) => pod.image))] },
      history: history.map((h, id) => ({ id, ...h })),
    },
  };
}

/** Deployments and their pods; ReplicaSets are left out, there are none. */
export function treeJson(deployments: readonly Deployment[], pods: readonly PodFacts[]): object {
  const broken = (pod: PodFacts): boolean => /BackOff$/.test(pod.state);
  return {
    nodes: [
      ...deployments.map((deployment) => {
        const own = pods.filter((pod) => pod.deployment === deployment.name);
        const ready = own.filter((pod) => pod.ready).length;
        const bad = own.find(broken);
        return {
          group: 'apps',
          version: 'v1',
          kind: 'Deployment',
          name: deployment.name,
          health:
            bad === undefined
              ? { status: ready >= deployment.replicas ? 'Healthy' : 'Progressing' }
              : { status: 'Degraded', message: `pod ${bad.name} is in ${bad.state}` },
        };
      }),
      ...pods.map((pod) => ({
        version: 'v1',
        kind: 'Pod',
        name: pod.name,
        parentRefs: [{ group: 'apps', kind: 'Deployment', name: pod.deployment }],
        info: [
          { name: 'Status Reason', value: pod.state },
          { name: 'Containers', value: `${pod.ready ? 1 : 0}/1` },
          ...(pod.restarts === 0 ? [] : [{ name: 'Restart Count', value: String(pod.restarts) }]),
        ],
        networkingInfo: { labels: pod.labels },
        images: [pod.image],
        health: { status: broken(pod) ? 'Degraded' : pod.ready ? 'Healthy' : 'Progressing', message: pod.message },
      })),
    ],
  };
}

/** Pods as `kubectl get pods -o json` lists them, as far as an audit reads them. */
export function podListJson(pods: readonly PodFacts[]): object {
  const repository = (image: string): string => image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: pods.map((pod) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod.name, labels: pod.labels },
      spec: { containers: [{ name: 'main', image: pod.image }] },
      status: {
        phase: pod.state === 'Running' ? 'Running' : 'Pending',
        containerStatuses: [{ name: 'main', image: pod.image, imageID: `${repository(pod.image)}@${pod.imageId}` }],
      },
    })),
  };
}

/** A pod's labels as Prometheus puts them on every series of it: with `_` for what a label's name may not hold. */
export function targetLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]/g, '_'), value]),
  );
}
