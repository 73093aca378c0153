/** Entries `template: istio` among the metrics of a rules file, and the entries that they stand for. */
import { z } from 'zod';
import { expandTemplate, TemplateError } from './expand.ts';

const bound = z.number({ error: 'must be a number' }).positive({ error: 'must be above 0' });
const share = z
  .number({ error: 'must be a number' })
  .gt(0, { error: 'must be above 0' })
  .lt(1, { error: 'must be below 1' });

/** One such entry, as far as all templates are alike; names of series and labels are those of the template. */
export const templateEntry = z
  .object({
    template: z.string({ error: 'must be the name of a template' }),
    where: z.string({ error: 'must be a list of matchers such as path!~"/health"' }).optional(),
    only: z.array(z.string(), { error: 'must be a list of names' }).optional(),
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,15}$/, { error: 'must be of the form [a-z][a-z0-9-]{0,15}' })
      .optional(),
    mode: z.enum(['enforce', 'observe'], { error: 'must be enforce or observe' }).optional(),
    le: z.array(bound, { error: 'must be a list of bounds' }).min(1, { error: 'needs a bound' }).optional(),
    slo: share.optional(),
    'latency-slo': z.strictObject({ le: bound, max: share }, { error: 'must have le and max' }).optional(),
  })
  .catchall(z.string({ error: 'must be the name of a metric or a label' }));

/** A template entry that cannot be used, and which of the metrics it is. */
export class TemplateEntryError extends Error {
  override readonly name = 'TemplateEntryError';
  /** Index in `metrics` of the file. */
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/**
 * The rules with every template entry replaced by its metrics; all else is left as it is, right or wrong.
 * @param rules of a file, not checked yet
 * @returns `origin[i]`: the index in the file of what is now metric i, for the place of an error
 * @throws TemplateEntryError
 */
export function expandRules(rules: unknown): { rules: unknown; origin: readonly number[] } {
  if (typeof rules !== 'object' || rules === null) return { rules, origin: [] };
  const metrics: unknown = Reflect.get(rules, 'metrics');
  if (!Array.isArray(metrics)) return { rules, origin: [] };
  const origin: number[] = [];
  const expanded = metrics.flatMap((entry: unknown, index) => {
    const list = isTemplate(entry) ? expandEntry(entry, index) : [entry];
    origin.push(...list.map(() => index));
    return list;
  });
  return { rules: { ...rules, metrics: expanded }, origin };
}

const isTemplate = (entry: unknown): entry is object =>
  typeof entry === 'object' && entry !== null && Object.hasOwn(entry, 'template');

function expandEntry(entry: object, index: number): unknown[] {
  const result = templateEntry.safeParse(entry);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new TemplateEntryError(index, `${issue?.path.map(String).join('.')} ${issue?.message}`);
  }
  const { template, mode, ...parameters } = result.data;
  try {
    const entries = expandTemplate(template, parameters);
    return mode === undefined ? entries : entries.map((e) => ({ ...e, mode }));
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateEntryError(index, error.message);
    throw error;
  }
}
