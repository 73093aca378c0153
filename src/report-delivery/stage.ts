/** What one stage of a delivery did: read from the plan and from what bump-helm-tag said. Pure. */
import { z } from 'zod';
import { ActionError } from '../runner/index.ts';
import { oneLine, parseJson } from '../text/index.ts';

const planned = z.looseObject({ index: z.int().min(0), name: z.string(), weight: z.number(), final: z.boolean() });

const handoff = z.looseObject({
  result: z.enum(['committed', 'unchanged', 'superseded', 'dry-run']),
  'commit-sha': z.string().default(''),
  'commit-url': z.string().default(''),
  'superseded-by': z.string().default(''),
});

/** The record of a stage, kept beside its trace and verdict as stage.json. */
export const stageRecord = z.object({
  version: z.literal(1),
  index: z.int(),
  name: z.string(),
  weight: z.number(),
  final: z.boolean(),
  result: handoff.shape.result,
  'commit-sha': z.string(),
  'commit-url': z.string(),
  'superseded-by': z.string(),
});
export type StageRecord = z.output<typeof stageRecord>;

/**
 * @param stageJson the stage, `toJSON(matrix.stage)`
 * @param handoffJson output `json` of bump-helm-tag
 * @throws ActionError E_INPUT when one of them is not what it should be
 */
export function recordStage(stageJson: string, handoffJson: string): StageRecord {
  const stage = read('stage', planned, stageJson);
  const done = read('handoff', handoff, handoffJson);
  return {
    version: 1,
    index: stage.index,
    name: stage.name,
    weight: stage.weight,
    final: stage.final,
    result: done.result,
    'commit-sha': done['commit-sha'],
    'commit-url': done['commit-url'],
    'superseded-by': done['superseded-by'],
  };
}

/**
 * A stage that found values of nobody newer must not go on: they were reverted, or a person changed them.
 * @param revision the source commit that is delivered
 * @throws ActionError E_STALE_STAGE
 */
export function checkStale(record: StageRecord, revision: string): void {
  if (record.result !== 'superseded') return;
  if (record['superseded-by'] !== '' && record['superseded-by'] !== revision) return;
  const commit = record['commit-sha'] === '' ? '' : ` (see commit ${oneLine(record['commit-sha'], 64)})`;
  throw new ActionError('E_STALE_STAGE', {
    what: `stage ${oneLine(record.name, 60)}`,
    why: `the values file no longer holds what this delivery left there, and no newer build has taken over${commit}`,
    fix: 'The delivery was reverted or somebody changed the values: re-run all jobs to deliver again',
  });
}

function read<S extends z.ZodType>(input: string, schema: S, text: string): z.output<S> {
  const result = schema.safeParse(parseJson(text));
  if (result.success) return result.data;
  const why = result.error.issues.map((issue) => `${issue.path.join('.') || 'text'}: ${issue.message}`).join('; ');
  throw new ActionError('E_INPUT', {
    what: `input ${input}`,
    why: oneLine(why, 500),
    fix: 'Pass the JSON of the plan and of bump-helm-tag unchanged',
  });
}
