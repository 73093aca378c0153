/** Somebody changes what runs, behind Git's back. */
import type { Cluster } from '../cluster/cluster.ts';
import type { DriftFact } from '../report/facts.ts';
import type { Traffic } from '../traffic/load.ts';
import { downtime } from '../traffic/stats.ts';
import { APP } from './seed.ts';

/** How long the healing may take at all; whether it was quick is judged later, by its polls. */
const HEAL_SECONDS = 60;

/** Changes the Deployment that serves requests, waits for the healing, and tries to write through the cluster's API. */
export async function showDrift(cluster: Cluster, traffic: Pick<Traffic, 'samples'>): Promise<DriftFact> {
  const start = Date.now();
  // By Deployment and hash of the template: a pod that is made anew is as in Git too, and has a number of its own.
  const template = (name: string): string => name.replace(/-\d+$/, '');
  const serving = (): string[] =>
    cluster
      .pods()
      .filter((pod) => pod.state !== 'Terminating')
      .map((pod) => pod.name);
  const before = new Set(serving().map(template));
  const master = cluster.pods().find((pod) => pod.state === 'Running' && !pod.deployment.endsWith('-worker'));
  const deployment = master?.deployment ?? APP;
  const polls = cluster.tamper(deployment, { name: 'CHANGED_BY', value: 'hand' });
  const outOfSync = cluster.status().sync === 'OutOfSync';
  await cluster.waitFor((status) => status.sync === 'Synced' && status.health === 'Healthy', HEAL_SECONDS);
  const healed = { polls: cluster.polls() - polls, seconds: (Date.now() - start) / 1000 };
  const writes: [string, number][] = [];
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const response = await fetch(`${cluster.apiUrl}/api/v1/applications/${APP}-production`, {
      method,
      headers: { authorization: `Bearer ${cluster.apiToken}` },
    });
    await response.body?.cancel();
    writes.push([method, response.status]);
  }
  const { failed } = downtime(traffic.samples().filter((sample) => sample.at >= start));
  return {
    deployment,
    outOfSync,
    ...healed,
    foreign: serving().filter((name) => !before.has(template(name))),
    failed,
    writes,
  };
}
