/** The dialects of JSON Schema that charts are written in. Pure. */

type Schema = { [keyword: string]: unknown };

/**
 * @returns the dialect to read it in; drafts 4 and 6 are read as 7. Undefined for an unknown one. A schema that does not say
 *   is 2020-12, as Helm has it since 3.18.
 */
export function dialectOf(schema: unknown): 'draft-07' | '2019-09' | '2020-12' | undefined {
  const named = isSchema(schema) ? schema.$schema : undefined;
  if (named === undefined) return '2020-12';
  const match = /^https?:\/\/json-schema\.org\/(?:draft-0([467])|draft\/(2019-09|2020-12))\/schema#?$/.exec(
    String(named),
  );
  if (match === null) return undefined;
  return match[1] === undefined ? (match[2] as '2019-09' | '2020-12') : 'draft-07';
}

const MAPS = ['properties', 'patternProperties', 'definitions', 'dependencies'];
const LISTS = ['allOf', 'anyOf', 'oneOf', 'items'];
const ONES = ['items', 'additionalItems', 'additionalProperties', 'not', 'contains', 'propertyNames'];

/**
 * Draft 6 is draft 7 with less. Draft 4 calls `$id` `id`, and says true or false for exclusive bounds. Only keywords are
 * rewritten: a property may be called `id` too.
 */
export function asDraft7(schema: unknown): Schema | boolean {
  if (!isSchema(schema)) return schema as boolean;
  const { $schema, ...rest } = schema;
  return /draft-04/.test(String($schema)) ? upgrade(rest) : rest;
}

function upgrade(schema: Schema): Schema {
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === '$schema') continue;
    if (MAPS.includes(keyword) && isSchema(value)) {
      result[keyword] = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, upgradeAny(one)]));
    } else if (LISTS.includes(keyword) && Array.isArray(value)) result[keyword] = value.map(upgradeAny);
    else if (ONES.includes(keyword)) result[keyword] = upgradeAny(value);
    else if (keyword === 'id' && typeof value === 'string') result.$id = value;
    else result[keyword] = value;
  }
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof result[flag] !== 'boolean') continue;
    const strict = result[flag];
    delete result[flag];
    if (!strict || result[bound] === undefined) continue;
    result[flag] = result[bound];
    delete result[bound];
  }
  return result;
}

function upgradeAny(value: unknown): unknown {
  return isSchema(value) ? upgrade(value) : value;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
