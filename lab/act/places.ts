/** Where act's jobs stand in the tree of workflows, and what GitHub would call them. */
import { basename } from 'node:path';
import { evaluateString, type Value } from '../runner/evaluate.ts';
import { isBasicExpression } from '../runner/grammar.ts';
import { planStrategy } from '../runner/matrix.ts';
import type { JobDef } from '../runner/model.ts';
import type { WorkflowNode } from '../runner/tree.ts';
import type { JobRecord } from './log.ts';

/** A workflow of the run, the top one or a called one. */
export interface Place {
  node: WorkflowNode;
  /** Names of the calling jobs as GitHub shows them: `deliver / rollout / `, or ''. */
  prefix: string;
  /** What stands before the job in act's own name: `rollout/canary/`. */
  path: string;
}

export function topPlace(node: WorkflowNode): Place {
  return { node, prefix: '', path: `${workflowName(node)}/` };
}

/** The workflow that a job of this one calls. */
export function calledPlace(place: Place, def: JobDef, node: WorkflowNode): Place {
  return { node, prefix: `${place.prefix}${def.id} / `, path: `${def.id}/${workflowName(node)}/` };
}

/** The jobs of a workflow that are this one: one, its cells, or none when act did not start it. */
export function recordsOf(place: Place, def: JobDef, records: readonly JobRecord[]): JobRecord[] {
  return records.filter((record) => record.id === def.id && record.path.startsWith(place.path));
}

/** Where a job stands, or undefined when the files know no such job. */
export function findPlace(place: Place, record: JobRecord): { place: Place; def: JobDef } | undefined {
  const def = place.node.file.jobs.find((job) => job.id === record.id && job.call === undefined);
  if (def !== undefined && record.path.startsWith(place.path)) return { place, def };
  for (const job of place.node.file.jobs) {
    const callee = place.node.calls.get(job.id);
    const found = callee === undefined ? undefined : findPlace(calledPlace(place, job, callee), record);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Name of the check run: `deliver / rollout / stage 5 %`. */
export function checkName(place: Place, def: JobDef, record: JobRecord): string {
  if (def.name !== undefined) {
    const said = evaluateString(def.name, { contexts: { matrix: record.matrix as Value, ...OTHERS } });
    if (isBasicExpression(def.name) || def.strategy === undefined) return `${place.prefix}${said}`;
  }
  if (def.strategy === undefined) return `${place.prefix}${def.id}`;
  const vectors = Object.fromEntries(Object.entries(record.matrix).map(([key, value]) => [key, [value]]));
  return `${place.prefix}${planStrategy({ matrix: vectors }, def.id).cells[0]?.name ?? def.id}`;
}

/** Contexts that a name may speak of and that the log does not tell. */
const OTHERS = { github: {}, inputs: {}, vars: {}, needs: {}, strategy: {} };

function workflowName(node: WorkflowNode): string {
  return node.file.name ?? basename(node.path);
}
