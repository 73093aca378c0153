/** What runs, as Argo CD sees it: the pods in the tree of the application, and the live object of those that matter. */
import { type ApplicationName, type ArgoCd, isFields, type TreeNode } from '../argocd/index.ts';
import { type ImageName, parseRef } from '../oci/index.ts';
import { ActionError, type Deadline } from '../runner/index.ts';
import { type PodFacts, type RunningPods, readPod } from './pods.ts';

/** Live objects that are asked for; the rest is known by its manifest. */
const MOST = 20;
const OVER = new Set(['Succeeded', 'Failed', 'Completed', 'Error', 'Evicted']);

/** @throws ActionError of the client; @returns the reason when nobody answers */
export async function podsOfApplication(
  argo: ArgoCd,
  name: ApplicationName,
  image: ImageName,
  deadline: Deadline,
): Promise<RunningPods | { problem: string }> {
  const answer = await argo.resourceTree(name, deadline);
  if (answer.kind === 'unavailable') return { problem: `Argo CD does not answer: ${answer.why}` };
  const nodes = answer.tree.nodes.filter(
    ({ kind, group, reason }) => kind === 'Pod' && group === '' && !OVER.has(reason),
  );
  if (nodes.length === 0) return { problem: 'no pod of the application runs' };
  const pods: PodFacts[] = [];
  let asked = 0;
  let readable = true;
  for (const node of nodes) {
    const wanted = readable && asked < MOST && node.images.some((text) => isOf(text, image));
    asked += wanted ? 1 : 0;
    const live = wanted ? await liveOf(argo, name, node, deadline) : undefined;
    // A role may see the tree and not the objects in it: then one refusal is enough.
    if (wanted && live === undefined) readable = false;
    pods.push(live ?? { name: node.name, containers: node.images.map((text) => ({ image: text, imageId: '' })) });
  }
  return { pods, complete: true };
}

function isOf(text: string, image: ImageName): boolean {
  const ref = parseRef(text);
  return ref?.host === image.host && ref.repository === image.repository;
}

async function liveOf(
  argo: ArgoCd,
  name: ApplicationName,
  { group, version, kind, namespace, name: pod }: TreeNode,
  deadline: Deadline,
): Promise<PodFacts | undefined> {
  try {
    const answer = await argo.resource(name, { group, version, kind, namespace, name: pod }, deadline);
    return answer.kind === 'resource' && isFields(answer.manifest) ? readPod(answer.manifest) : undefined;
  } catch (error) {
    if (error instanceof ActionError && ['E_ARGOCD_MISSING', 'E_PERMISSION_MISSING'].includes(error.code))
      return undefined;
    throw error;
  }
}
