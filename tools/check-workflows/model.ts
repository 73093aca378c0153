/** What the rules read of a workflow: plain values for structure, the source text for what only comments say. */
import { isMap, isScalar, LineCounter, type Pair, parseDocument, visit } from 'yaml';

export interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown>;
}

export interface Job {
  uses?: string;
  steps?: Step[];
  permissions?: unknown;
  needs?: unknown;
  environment?: unknown;
  secrets?: unknown;
  'timeout-minutes'?: unknown;
}

export interface WorkflowFile {
  name: string;
  text: string;
  value: { on?: unknown; permissions?: unknown; concurrency?: unknown; jobs?: Record<string, Job> };
  /** Every `uses` with its line and the comment behind it. */
  uses: readonly { value: string; line: number; comment: string }[];
  /** Every permission a job asks for, with its line and the comment behind it. */
  grants: readonly { job: string; scope: string; level: string; line: number; comment: string }[];
}

export interface Problem {
  rule: string;
  file: string;
  line: number;
  message: string;
}

/** @throws Error when the text is not one YAML document */
export function readWorkflow(name: string, text: string): WorkflowFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const error = document.errors[0];
  if (error !== undefined) throw new Error(`${name}: ${error.message}`);
  const uses: { value: string; line: number; comment: string }[] = [];
  const grants: { job: string; scope: string; level: string; line: number; comment: string }[] = [];
  visit(document, {
    Pair(_key, pair, path) {
      const key = keyOf(pair);
      if (key === 'uses' && isScalar(pair.value)) uses.push({ value: String(pair.value.value), ...place(pair, lines) });
      if (key !== 'permissions' || !isMap(pair.value)) return;
      const job = path.filter((node) => 'key' in node).map((node) => keyOf(node as Pair))[1] ?? '';
      for (const item of pair.value.items) {
        grants.push({
          job,
          scope: keyOf(item),
          level: isScalar(item.value) ? String(item.value.value) : '',
          ...place(item, lines),
        });
      }
    },
  });
  return { name, text, value: (document.toJS() ?? {}) as WorkflowFile['value'], uses, grants };
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

function place(pair: Pair, lines: LineCounter): { line: number; comment: string } {
  const range = isScalar(pair.key) ? pair.key.range : undefined;
  const comment = isScalar(pair.value) ? (pair.value.comment ?? '') : '';
  return { line: range ? lines.linePos(range[0]).line : 1, comment: comment.trim() };
}

/** Line of the first match, from 1. */
export function lineOf(text: string, pattern: RegExp): number {
  const at = text.search(pattern);
  return at < 0 ? 1 : text.slice(0, at).split('\n').length;
}
