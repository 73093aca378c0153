/** From the name of a template and its parameters to entries of the rules file. */
import { nearest, oneLine } from '../../text/index.ts';
import { formatMatcher, parseMatchers, parseSelector, SelectorError, withMatchers } from '../collect/selector.ts';
import { TEMPLATES } from './catalog.ts';
import type { MetricEntry, Template, TemplateParameter } from './types.ts';

/** A template that cannot be used as it was asked for. Its message is one line and quotes no more than names. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** Parameters every template has, beside its own. */
export interface TemplateParameters {
  /** Further matchers for every selector: `namespace="shop",path!~"/health"`. */
  where?: string;
  /** Of its metrics only these. */
  only?: readonly string[];
  /** Put before the names of its metrics, so that two templates go together. */
  prefix?: string;
  /** Bounds instead of its own. */
  le?: readonly number[];
  /** Objective of its first ratio metric. */
  slo?: number;
  /** Objective of its latency metric. */
  'latency-slo'?: { le: number; max: number };
  /** Names of series and labels, by the parameters of the template. */
  [own: string]: unknown;
}

const COMMON = ['where', 'only', 'prefix', 'le', 'slo', 'latency-slo'] as const;

export function templateNames(): string[] {
  return Object.keys(TEMPLATES);
}

/** The parameters a template takes, for "did you mean". */
export function templateParameters(name: string): string[] {
  return [...Object.keys(find(name).parameters), ...COMMON];
}

/** @throws TemplateError an unknown template or parameter, with the nearest known one */
export function expandTemplate(name: string, parameters: TemplateParameters = {}): MetricEntry[] {
  const template = find(name);
  refuseUnknown(name, parameters);
  const values = valuesOf(template, parameters);
  const { only, prefix = '' } = parameters;
  const chosen = template.metrics.filter((m) => only === undefined || only.includes(m.name));
  const strange = only?.find((wanted) => !template.metrics.some((m) => m.name === wanted));
  if (strange !== undefined) {
    const known = template.metrics.map((m) => m.name);
    throw new TemplateError(`template ${name} has no metric ${oneLine(String(strange), 60)}${hint(strange, known)}`);
  }
  const entries = chosen.flatMap((m) => {
    const entry = expand(m, values, parameters);
    return entry === null ? [] : [{ ...entry, name: `${prefix}${entry.name}` }];
  });
  if (entries.length === 0) throw new TemplateError(`template ${name} gives no metric with these parameters`);
  return withObjectives(entries, parameters);
}

/**
 * The matchers of stable and canary, where the series of the template tell the versions apart by themselves; else null:
 * then only the one who runs the service knows.
 */
export function templateArms(name: string): { stable: string; canary: string } | null {
  return find(name).arms ?? null;
}

function find(name: string): Template {
  if (Object.hasOwn(TEMPLATES, name)) return TEMPLATES[name] as Template;
  const known = templateNames();
  throw new TemplateError(
    `there is no template ${oneLine(name, 60)}${hint(name, known)}; there are ${known.join(', ')}`,
  );
}

function hint(word: string, known: readonly string[]): string {
  const near = nearest(String(word), known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function refuseUnknown(name: string, parameters: TemplateParameters): void {
  const known = templateParameters(name);
  const strange = Object.keys(parameters).find((key) => !known.includes(key));
  if (strange === undefined) return;
  throw new TemplateError(`template ${name} has no parameter ${oneLine(strange, 60)}${hint(strange, known)}`);
}

function valuesOf(template: Template, parameters: TemplateParameters): Map<string, string> {
  return new Map(
    Object.entries(template.parameters).map(([key, parameter]) => {
      const value = parameters[key] ?? parameter.default;
      if (typeof value !== 'string' || !isName(value, parameter)) {
        throw new TemplateError(
          `parameter ${key} is not the name of a ${parameter.form === 'label' ? 'label' : 'metric'}`,
        );
      }
      return [key, value];
    }),
  );
}

function isName(value: string, { form }: TemplateParameter): boolean {
  if (form === 'optional-metric' && value === '') return true;
  return form === 'label' ? /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value) : /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(value);
}

/** null: its series was left empty, which leaves the metric out. */
function expand(
  m: MetricEntry,
  values: ReadonlyMap<string, string>,
  parameters: TemplateParameters,
): MetricEntry | null {
  const fill = (text: string): string => text.replace(/\{\{([a-z-]+)\}\}/g, (_, key: string) => values.get(key) ?? '');
  if (m.kind === 'ratio') {
    return { ...m, events: selector(fill(m.events), parameters), total: selector(fill(m.total), parameters) };
  }
  const histogram = fill(m.histogram);
  if (histogram === '') return null;
  const le = [...(parameters.le ?? m.le)].sort((a, b) => a - b);
  return { ...m, histogram: selector(histogram, parameters), le };
}

function selector(text: string, { where = '' }: TemplateParameters): string {
  try {
    const more = where === '' ? [] : parseMatchers(where);
    const parsed = parseSelector(text);
    const own = new Set(parsed.matchers.map(formatMatcher));
    return withMatchers(
      parsed,
      more.filter((m) => !own.has(formatMatcher(m))),
    );
  } catch (error) {
    if (error instanceof SelectorError) throw new TemplateError(`parameter where: ${error.message}`);
    throw error;
  }
}

function withObjectives(entries: readonly MetricEntry[], parameters: TemplateParameters): MetricEntry[] {
  const { slo, 'latency-slo': latency } = parameters;
  const first = entries.find((e) => e.kind === 'ratio');
  const histogram = entries.find((e) => e.kind === 'latency');
  if (latency !== undefined && histogram?.kind === 'latency' && !histogram.le.includes(latency.le)) {
    throw new TemplateError(`latency-slo: ${latency.le} is not one of le: ${histogram.le.join(', ')}`);
  }
  return entries.map((e): MetricEntry => {
    if (e === first && e.kind === 'ratio' && slo !== undefined) return { ...e, slo };
    if (e === histogram && e.kind === 'latency' && latency !== undefined) return { ...e, slo: latency };
    return e;
  });
}
