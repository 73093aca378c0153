/** On which node a pod runs: by its series where they say it, else by one query for the pods not asked for before. */
import type { PromClient } from './promql.ts';
import { formatMatcher } from './selector.ts';

export interface NodeReader {
  of(
    pods: { stable: Iterable<string>; canary: Iterable<string>; nodes: ReadonlyMap<string, string> },
    at: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>;
}

/** More pods than a line can have are not asked for. */
const MOST = 100;

export function nodeReader(client: PromClient, { note }: { note(line: string): void }): NodeReader {
  const known = new Map<string, string>();
  let failed = false;
  return {
    async of({ stable, canary, nodes }, at, signal) {
      for (const [pod, node] of nodes) known.set(pod, node);
      const strange = [...new Set([...stable, ...canary])]
        .filter((pod) => pod !== '' && !known.has(pod))
        .slice(0, MOST);
      if (strange.length === 0 || failed) return known;
      // A pod that kube-state-metrics does not know is not asked for again.
      for (const pod of strange) known.set(pod, '');
      const value = strange.map((pod) => pod.replace(/[^A-Za-z0-9_:-]/g, '\\$&')).join('|');
      const selector = `kube_pod_info{${formatMatcher({ label: 'pod', operator: '=~', value })}}`;
      try {
        for (const { labels } of await client.matrix(`${selector}[300s]`, at, signal)) {
          if (labels.pod !== undefined && labels.node !== undefined) known.set(labels.pod, labels.node);
        }
      } catch (error) {
        // Where a pod runs is a help to people only: no answer is neither a gap nor red.
        if (signal.aborted) throw error;
        failed = true;
        note('Counts by pod: the nodes of the pods cannot be read (kube_pod_info).');
      }
      return known;
    },
  };
}
