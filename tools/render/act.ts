/** What only act needs: it lacks two things that the workflows rely on, and both can be had by adding lines. */
import { type Document, isMap, isPair, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import type { Edit } from './render.ts';

/** Names of the steps that are added to a job with `fail-fast` and `max-parallel: 1`. */
export const GUARDS = ['Only after green cells', 'Stop the cells after this one'] as const;

const RED = '"$RUNNER_TOOL_CACHE/red-$GITHUB_RUN_ID-$GITHUB_JOB"';

/**
 * - act reads `fail-fast` and goes on all the same: after a red stage the next weights would be handed off. The cells of such a
 *   job leave a file when they are red, and are red at once when they find it.
 * - act's `needs` has null for a job that declares no outputs, GitHub's has an empty map.
 */
export function actOnly(document: Document, source: string): Edit[] {
  const jobs = document.get('jobs');
  if (!isMap(jobs)) return [];
  return jobs.items.flatMap((pair): Edit[] => {
    const job = pair.value;
    if (!isMap(job)) return [];
    const steps = job.get('steps', true);
    if (!isSeq(steps)) return [];
    return [
      ...(job.has('outputs') ? [] : [insert(lineOf(keyOf(job, 'steps'), source), '    outputs: {}\n')]),
      ...(inTurn(job) && steps.getIn([0, 'name']) !== GUARDS[0] ? guards(steps as unknown as Node, source) : []),
    ];
  });
}

/** Whether a red cell stops those after it. */
function inTurn(job: YAMLMap): boolean {
  return (
    job.getIn(['strategy', 'matrix']) !== undefined &&
    job.getIn(['strategy', 'max-parallel']) === 1 &&
    job.getIn(['strategy', 'fail-fast']) !== false
  );
}

function guards(steps: Node, source: string): Edit[] {
  const [start = 0, , end = source.length] = steps.range ?? [];
  const first = `      - name: ${GUARDS[0]}\n        run: test ! -e ${RED}\n`;
  const write = `mkdir -p "$RUNNER_TOOL_CACHE" && touch -- ${RED}`;
  const last = `      - name: ${GUARDS[1]}\n        if: always() && job.status != 'success'\n        run: ${write}\n`;
  // Behind the last line of the last step, before comments and empty lines that belong to what follows.
  const body = source.slice(start, end).replace(/(\s*\n\s*#[^\n]*|\s+)*$/, '');
  return [insert(lineOf(start, source), first), insert(start + body.length + 1, last)];
}

function keyOf(map: YAMLMap, name: string): number {
  const pair = map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === name);
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? 0) : 0;
}

function lineOf(offset: number, source: string): number {
  return source.lastIndexOf('\n', offset) + 1;
}

function insert(at: number, text: string): Edit {
  return { start: at, end: at, text };
}
