/** The resource tree of an Application: what runs, and how it is. Where resource health lives when the Application has none of it. */
import { type Fields, fields, isFields, list, message, name, names, word } from './fields.ts';

export interface TreeNode {
  group: string;
  version: string;
  kind: string;
  namespace: string;
  name: string;
  /** Made by another node, not by a manifest. */
  child: boolean;
  /** '' when nobody says. */
  health: string;
  healthMessage: string;
  images: readonly string[];
  /** Of a pod, as kubectl shows it: Running, CrashLoopBackOff, Init:CrashLoopBackOff. */
  reason: string;
  labels: Readonly<Record<string, unknown>>;
}

export interface ResourceTree {
  nodes: readonly TreeNode[];
}

/** @returns undefined when it is no resource tree */
export function readTree(json: unknown): ResourceTree | undefined {
  // An Application without resources has no list of them at all.
  if (!isFields(json) || (json.nodes !== undefined && json.nodes !== null && !Array.isArray(json.nodes)))
    return undefined;
  return { nodes: list(json.nodes).map((node) => readNode(fields(node))) };
}

function readNode(node: Fields): TreeNode {
  const health = fields(node.health);
  const reason = list(node.info)
    .map(fields)
    .find((item) => item.name === 'Status Reason');
  return {
    group: name(node.group),
    version: name(node.version),
    kind: name(node.kind),
    namespace: name(node.namespace),
    name: name(node.name),
    child: list(node.parentRefs).length > 0,
    health: health.status === undefined ? '' : word(health.status),
    healthMessage: message(health.message),
    images: names(node.images),
    reason: name(reason?.value),
    labels: fields(fields(node.networkingInfo).labels),
  };
}

/** From best to worst, as Argo CD ranks them. */
const RANKS = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'];

/** The health of the whole: that of the worst node which a manifest made. Healthy when none says anything. */
export function treeHealth({ nodes }: ResourceTree): { health: string; message: string } {
  let worst = { health: 'Healthy', message: '' };
  for (const node of nodes) {
    if (node.child || node.health === '') continue;
    if (rank(node.health) > rank(worst.health))
      worst = { health: node.health, message: `${node.kind} ${node.name}: ${node.healthMessage || node.health}` };
  }
  return worst;
}

function rank(health: string): number {
  const at = RANKS.indexOf(health);
  return at < 0 ? RANKS.length : at;
}
