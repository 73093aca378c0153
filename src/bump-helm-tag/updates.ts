/** The `updates` input: a YAML list of entries, read strictly. Pure. */
import { CORE_SCHEMA, load } from 'js-yaml';
import { z } from 'zod';
import { inputError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';

const scalarText = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const entry = z.strictObject({
  file: z.string().optional(),
  files: z.array(z.string()).min(1).optional(),
  document: z.int().min(0).max(999).optional(),
  image: z.string().optional(),
  kustomize: z.string().min(1).max(255).optional(),
  ref: z.string().optional(),
  revision: z
    .string()
    .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, { error: 'is not a full commit' })
    .optional(),
  keys: z
    .partialRecord(z.enum(['registry', 'repository', 'tag', 'digest', 'revision']), z.union([z.string(), z.null()]))
    .optional(),
  path: z.string().optional(),
  value: z
    .union([z.string(), z.number(), z.boolean(), z.null()], { error: 'is no text, finite number, boolean or null' })
    .optional(),
  type: z.enum(['string', 'number', 'boolean', 'null']).optional(),
  'only-if': z.record(z.string(), scalarText).optional(),
});
export type Entry = z.output<typeof entry>;
const KNOWN = Object.keys(entry.shape);

/** @throws ActionError E_INPUT: all problems together; an unknown key names the nearest known one */
export function readEntries(text: string): Entry[] {
  if (text.trim() === '') return [];
  let list: unknown;
  try {
    list = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    throw inputError([
      {
        input: 'updates',
        problem: `it is not YAML: ${oneLine((error as { reason?: string }).reason ?? 'unreadable', 200)}`,
      },
    ]);
  }
  if (!Array.isArray(list)) throw inputError([{ input: 'updates', problem: 'it is not a list' }]);
  const problems: { input: string; problem: string }[] = [];
  const entries: Entry[] = [];
  for (const [i, item] of list.entries()) {
    const result = entry.safeParse(item);
    if (result.success) entries.push(result.data);
    else
      for (const issue of result.error.issues)
        problems.push({ input: 'updates', problem: `entry ${i + 1}: ${explain(issue)}` });
  }
  if (problems.length > 0) throw inputError(problems);
  return entries;
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return oneLine(`${issue.path.map(String).join('.')}: ${issue.message}`, 200);
  const key = issue.keys[0] ?? '';
  const near = nearest(key, KNOWN);
  return `"${oneLine(key, 60)}" is not known${near === undefined ? '' : `; did you mean "${near}"`}`;
}
