/** The rules file as a zod schema: the type, the check and the published JSON schema in one. */
import { z } from 'zod';
import { parseDuration } from '../runner/index.ts';
import { parseSelector, SelectorError } from './collect/selector.ts';
import { ROLLOUT_MODES } from './core/index.ts';

/** A number and `ms`, `s`, `m` or `h`, as seconds. */
const duration = (min: number, max: number, range: string) =>
  z
    .string({ error: 'must be a duration such as 15s, 2m or 1h' })
    .regex(/^\d{1,9}(\.\d{1,6})?(ms|s|m|h)$/, { error: 'must be a duration such as 15s, 2m or 1h' })
    .transform((text) => parseDuration(text) ?? 0)
    .refine((seconds) => seconds >= min && seconds <= max, { error: `must be from ${range}` });

const number = (min: number, max: number) => {
  const error = `must be a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};

/** A selector stays text; it is read here only to refuse what cannot be read. */
const selector = z
  .string({ error: 'must be a selector such as http_requests_total{code=~"5.."}' })
  .superRefine((text, ctx) => {
    try {
      parseSelector(text);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      ctx.addIssue({ code: 'custom', message: `is not a selector: ${error.message}` });
    }
  });

const passError = 'must be a number of at least 1.05, or none';
const marginNumber = z.number({ error: passError }).min(1.05, { error: passError }).max(1000, { error: passError });
const pass = z.union([marginNumber, z.literal('none')], { error: passError });
const probability = z
  .number({ error: 'must be a number above 0 and below 1' })
  .gt(0, { error: 'must be above 0' })
  .lt(1, { error: 'must be below 1' });
const bound = z.number({ error: 'must be a number, a bucket bound in seconds' }).positive({ error: 'must be above 0' });
const fail = z.strictObject({ ratio: number(1, 1000).optional(), floor: number(0, 1).optional() });

const shared = {
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, { error: 'must be of the form [a-z][a-z0-9-]{0,31}' }),
  fail: fail.optional(),
  pass: pass.optional(),
  weight: number(0.001, 1000).optional(),
  mode: z.enum(['enforce', 'observe'], { error: 'must be enforce or observe' }).optional(),
};
const phiError = { error: 'must be a number from 1 to 10000, or auto' };
const phiNumber = z.number(phiError).min(1, phiError).max(10_000, phiError);
const phi = z.union([phiNumber, z.literal('auto')], phiError).optional();

const ratio = z.strictObject({
  ...shared,
  kind: z.literal('ratio'),
  events: selector,
  total: selector,
  slo: probability.optional(),
  phi,
});
const latency = z.strictObject({
  ...shared,
  kind: z.literal('latency'),
  histogram: selector,
  le: z.array(bound).min(1, { error: 'needs 1 to 16 bounds' }).max(16, { error: 'needs 1 to 16 bounds' }),
  slo: z.strictObject({ le: bound, max: probability }).optional(),
  phi,
});
const cpu = z.strictObject({
  ...shared,
  kind: z.literal('cpu'),
  cpu: selector.optional(),
  total: selector.optional(),
  idle: number(0, 1000).optional(),
  block: duration(1, 3600, '1s to 1h').optional(),
});
const metric = z.discriminatedUnion('kind', [ratio, latency, cpu], {
  error: 'kind must be ratio, latency or cpu',
});

const step = z.strictObject({
  weight: z
    .number({ error: 'must be a number above 0, at most 100' })
    .gt(0, { error: 'must be above 0' })
    .lte(100, { error: 'must not be above 100' }),
  pass: marginNumber.optional(),
  min: duration(0, 86_400, '0s to 24h').optional(),
  max: duration(1, 86_400, '1s to 24h').optional(),
});

const share = z.strictObject({
  mode: z.enum(['enforce', 'observe'], { error: 'must be enforce or observe' }).optional(),
  tolerance: number(1.05, 100).optional(),
  phi: number(1, 10_000).optional(),
});

export const canarySchema = z
  .strictObject({
    version: z.literal(1, { error: 'must be 1' }),
    alpha: number(0.0001, 0.1).optional(),
    beta: number(0.001, 0.2).optional(),
    interval: duration(1, 300, '1s to 5m').optional(),
    warmup: duration(0, 3600, '0s to 1h').optional(),
    settle: duration(0, 3600, '0s to 1h').optional(),
    blind: duration(1, 86_400, '1s to 24h').optional(),
    silent: duration(1, 86_400, '1s to 24h').optional(),
    lag: duration(0, 3600, '0s to 1h').optional(),
    'on-inconclusive': z
      .enum(['hold', 'fail'], { error: 'must be hold or fail. There is no pass: silence is not health' })
      .optional(),
    share: share.optional(),
    traffic: selector.optional(),
    metrics: z.array(metric).min(1, { error: 'needs 1 to 32 metrics' }).max(32, { error: 'needs 1 to 32 metrics' }),
    steps: z.array(step).max(64, { error: 'has more than 64 steps' }).optional(),
    mode: z.enum(ROLLOUT_MODES, { error: `must be one of ${ROLLOUT_MODES.join(', ')}` }).optional(),
    baseline: duration(60, 21_600, '1m to 6h').optional(),
  })
  .superRefine(acrossFields);

export type CanaryFile = z.output<typeof canarySchema>;
export type MetricRules = CanaryFile['metrics'][number];

/** Rules that need more than one field. */
function acrossFields(file: CanaryFileShape, ctx: z.RefinementCtx): void {
  const issue = (path: (string | number)[], message: string): void => ctx.addIssue({ code: 'custom', path, message });
  const names = new Set<string>();
  file.metrics.forEach((m, i) => {
    if (names.has(m.name)) issue(['metrics', i, 'name'], `the name ${m.name} stands there twice`);
    names.add(m.name);
    if (m.kind === 'latency') {
      if (new Set(m.le).size < m.le.length) issue(['metrics', i, 'le'], 'a bound stands there twice');
      if (m.slo !== undefined && !m.le.includes(m.slo.le)) {
        issue(['metrics', i, 'slo', 'le'], `${m.slo.le} is not one of le: ${m.le.join(', ')}`);
      }
    }
    if (m.kind === 'cpu' && m.total === undefined && file.traffic === undefined) {
      if (file.metrics.every((other) => other.kind === 'cpu')) {
        issue(['metrics', i], 'needs total, or traffic at the top: nothing else here counts requests');
      }
    }
  });
  if (!file.metrics.some((m) => m.mode !== 'observe' && m.pass !== 'none')) {
    issue(['metrics'], 'no enforced metric is required for a pass, so that nothing could ever show health');
  }
  file.steps?.forEach((s, i) => {
    const before = file.steps?.[i - 1];
    if (before !== undefined && s.weight <= before.weight) issue(['steps', i, 'weight'], 'weights must rise');
    if ((s.min ?? 120) > (s.max ?? 1200)) issue(['steps', i], 'min is above max');
  });
}

/** What the rules across fields look at. */
interface CanaryFileShape {
  traffic?: string | undefined;
  metrics: readonly MetricRules[];
  steps?: readonly { weight: number; min?: number | undefined; max?: number | undefined }[] | undefined;
}

/** The keys that are known at a place of the file, for "did you mean". */
export function knownKeys(path: readonly PropertyKey[], kind: unknown): readonly string[] {
  const [top, , inner] = path;
  if (top === undefined) return Object.keys(canarySchema.shape);
  if (top === 'share') return Object.keys(share.shape);
  if (top === 'steps') return Object.keys(step.shape);
  if (inner === 'fail') return Object.keys(fail.shape);
  if (inner === 'slo') return ['le', 'max'];
  const schema = [ratio, latency, cpu].find((s) => s.shape.kind.value === kind);
  return Object.keys(schema?.shape ?? {});
}
