/** OSV records as they come: unknown keys are let through, what is judged is checked. */
import { z } from 'zod';
import type { OsvRecord, Problem } from '../types.ts';

const text = z.string();
const severity = z.array(z.object({ type: text, score: text })).nullish();
const event = z.object({
  introduced: text.optional(),
  fixed: text.optional(),
  last_affected: text.optional(),
  limit: text.optional(),
});
const ranges = z.array(z.object({ type: text, events: z.array(event) })).nullish();
const affected = z.object({
  package: z.object({ ecosystem: text, name: text }).nullish(),
  severity,
  ranges,
  versions: z.array(text).nullish(),
  ecosystem_specific: z.object({ custom_ranges: ranges }).nullish(),
  database_specific: z.record(text, z.unknown()).nullish(),
});
const record = z.object({
  id: text.min(1).max(200),
  modified: text.nullish(),
  withdrawn: text.nullish(),
  aliases: z.array(text).nullish(),
  summary: text.nullish(),
  details: text.nullish(),
  severity,
  affected: z.array(affected).nullish(),
  database_specific: z.record(text, z.unknown()).nullish(),
});

/** @returns the record, or a Problem E_OSV_SHAPE that names the first key at fault (the caller knows the record's place) */
export function parseRecord(json: unknown): OsvRecord | Problem {
  const result = record.safeParse(json);
  if (result.success) return withoutNulls(result.data) as OsvRecord;
  const issue = result.error.issues[0];
  const id = typeof json === 'object' && json !== null && 'id' in json ? String(json.id).slice(0, 100) : 'without id';
  return {
    code: 'E_OSV_SHAPE',
    message: `the advisory ${id} is not an OSV record: ${issue?.path.join('.') || 'it'}: ${issue?.message ?? ''}`,
  };
}

export const isProblem = (value: OsvRecord | Problem): value is Problem => 'code' in value;

// Go's JSON writes absent lists as null.
function withoutNulls(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null && item !== undefined)
      .map(([key, item]) => [key, key === 'affected' && Array.isArray(item) ? item.map(withoutNulls) : item]),
  );
}
