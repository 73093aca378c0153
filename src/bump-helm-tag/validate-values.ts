/** Values as Helm reads and merges them. Pure; held against real helm by a test. */
import {
  binaryTag,
  boolYaml11Tag,
  defineScalarTag,
  loadAll,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from 'js-yaml';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { decodeText } from '../yaml/index.ts';

export type Values = { [key: string]: unknown };

const MAX_ALIASES = 100;
const MAX_NODES = 200_000;
const MAX_DEPTH = 100;

/**
 * Helm reads YAML 1.1 through Go (`on` is true, `0777` is 511), but not all of it: Go knows no base 60 and hands a date on
 * as text, and it takes `1e3` and `08` for numbers. js-yaml's YAML11_SCHEMA alone would call a date no string.
 */
const GO_SCHEMA = new Schema([
  strTag,
  seqTag,
  mapTag,
  nullYaml11Tag,
  boolYaml11Tag,
  mergeTag,
  binaryTag,
  defineScalarTag<number>('tag:yaml.org,2002:int', { implicit: true, identify: () => false, resolve: goInteger }),
  defineScalarTag<number>('tag:yaml.org,2002:float', { implicit: true, identify: () => false, resolve: goFloat }),
]);

/**
 * All documents of a values file, merged in their order.
 * @throws ActionError E_YAML_INVALID
 */
export function readValues(bytes: Uint8Array, file: string): Values {
  const text = decodeText(bytes, file).replace(/^\ufeff/, '');
  let documents: unknown[];
  try {
    documents = loadAll(text, { schema: GO_SCHEMA, json: true, maxAliases: MAX_ALIASES, maxDepth: MAX_DEPTH });
  } catch (cause) {
    const known = cause instanceof YAMLException;
    const line = known && cause.mark?.line !== undefined ? cause.mark.line + 1 : undefined;
    throw invalid(file, known ? cause.reason : String(cause), line, cause);
  }
  const budget = { left: MAX_NODES };
  return documents.reduce<Values>((merged, document) => {
    const plain = unfold(document ?? {}, budget, file);
    if (!isMap(plain)) throw invalid(file, 'its root is no map');
    return mergeFiles(merged, plain);
  }, {});
}

/** A later file on top of an earlier one: maps merge, everything else replaces, null too. */
export function mergeFiles(below: Values, above: Values): Values {
  const merged = copy(below);
  for (const [key, value] of Object.entries(above)) {
    const old = merged[key];
    merged[key] = isMap(old) && isMap(value) ? mergeFiles(old, value) : value;
  }
  return merged;
}

/** What the chart gets: its own defaults below, and a null from above removes a default. */
export function coalesce(defaults: Values, given: Values): Values {
  const result = copy(given);
  for (const [key, value] of Object.entries(defaults)) {
    const above = given[key];
    if (above === null) delete result[key];
    else if (!Object.hasOwn(given, key)) result[key] = value;
    else if (isMap(above) && isMap(value)) result[key] = coalesce(value, above);
  }
  return result;
}

/** Copies what aliases share, so that all of it is counted: a small file may unfold to any size. */
function unfold(value: unknown, budget: { left: number }, file: string): unknown {
  budget.left -= 1;
  if (budget.left < 0) throw invalid(file, `aliases unfold to more than ${MAX_NODES} values`);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'number' && !Number.isFinite(value)) throw invalid(file, `${value} is no value for Helm`);
  if (Array.isArray(value)) return value.map((item) => unfold(item, budget, file));
  if (!isMap(value)) return value;
  const result = copy({});
  for (const [key, item] of Object.entries(value)) result[key] = unfold(item, budget, file);
  return result;
}

// Without a prototype: a key `__proto__` is a key like any other.
function copy(values: Values): Values {
  return Object.assign(Object.create(null) as Values, values);
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function goInteger(source: string): number | typeof NOT_RESOLVED {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(source.replace(/_/g, '')) ?? [];
  const radix = /^0[xX][0-9a-fA-F]+$/.test(digits)
    ? 16
    : /^0[bB][01]+$/.test(digits)
      ? 2
      : /^0[oO]?[0-7]+$/.test(digits)
        ? 8
        : /^(0|[1-9][0-9]*)$/.test(digits)
          ? 10
          : 0;
  if (radix === 0 || source.startsWith('_')) return NOT_RESOLVED;
  const value = radix === 10 ? Number(digits) : Number.parseInt(digits.replace(/^0[xXbBoO]?/, ''), radix);
  return sign === '-' ? -value : value;
}

function goFloat(source: string): number | typeof NOT_RESOLVED {
  if (/^[-+]?\.(inf|Inf|INF)$/.test(source)) return source.startsWith('-') ? -Infinity : Infinity;
  if (/^\.(nan|NaN|NAN)$/.test(source)) return Number.NaN;
  const plain = source.replace(/_/g, '');
  if (source.startsWith('_') || !/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain))
    return NOT_RESOLVED;
  const value = Number(plain);
  return Number.isFinite(value) ? value : NOT_RESOLVED;
}

function invalid(file: string, why: string, line?: number, cause?: unknown): ActionError {
  return new ActionError('E_YAML_INVALID', {
    what: `file ${oneLine(file, 200)}${line === undefined ? '' : `, line ${line}`}`,
    why: oneLine(why, 300),
    fix: 'Correct it',
    at: line === undefined ? { file } : { file, line },
    ...(cause === undefined ? {} : { cause }),
  });
}
