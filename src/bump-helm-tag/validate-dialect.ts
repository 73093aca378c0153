/** The dialects of JSON Schema that charts are written in, brought to one. Pure. */

type Schema = { [keyword: string]: unknown };
type Draft = 4 | 6 | 7 | 2019 | 2020;

interface From {
  draft: Draft;
  /** The root says so of itself (2019-09). */
  recursive: boolean;
}

const DRAFTS: Readonly<Record<string, Draft>> = {
  'draft-04': 4,
  'draft-06': 6,
  'draft-07': 7,
  'draft/2019-09': 2019,
  'draft/2020-12': 2020,
};

/** Keywords whose value is a map of schemas, a list of them, or one. `items` may be either of the last two. */
const MAPS = ['properties', 'patternProperties', 'definitions', '$defs', 'dependencies', 'dependentSchemas'];
const LISTS = ['allOf', 'anyOf', 'oneOf', 'items'];
const ONES =
  'items additionalItems additionalProperties not contains propertyNames if then else unevaluatedItems unevaluatedProperties'.split(
    ' ',
  );

/**
 * The same schema as draft 2020-12 has it: one validator then serves all. A schema that does not say its draft is 2020-12,
 * as Helm has it since 3.18.
 * @returns undefined for a dialect that is not known here
 */
export function asDraft2020(schema: Schema): Schema | undefined {
  const { $schema } = schema;
  const name = /^https?:\/\/json-schema\.org\/(.+)\/schema#?$/.exec(String($schema))?.[1] ?? '';
  const draft = $schema === undefined ? 2020 : DRAFTS[name];
  if (draft === undefined) return undefined;
  if (draft !== 2020) return upgrade(schema, { draft, recursive: schema.$recursiveAnchor === true });
  const { $schema: _, ...rest } = schema;
  return rest;
}

// Only keywords are rewritten, and only where a schema stands: a property may be called `id` too.
function upgrade(schema: Schema, from: From): Schema {
  const { draft } = from;
  const one = (value: unknown): unknown => (isSchema(value) ? upgrade(value, from) : value);
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (MAPS.includes(keyword) && isSchema(value))
      result[keyword] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(item)]));
    else if (LISTS.includes(keyword) && Array.isArray(value)) result[keyword] = value.map(one);
    else if (ONES.includes(keyword)) result[keyword] = one(value);
    else result[keyword] = value;
  }
  delete result.$schema;
  if (draft === 4) upgradeBounds(result);
  if (draft <= 7) upgradeIdentity(result, draft);
  if (draft === 2019) upgradeRecursion(result, from.recursive);
  upgradeItems(result);
  // Up to draft 7 a reference stands alone: what is beside it does not count.
  return draft <= 7 && typeof result.$ref === 'string'
    ? only(result, ['$ref', '$id', '$anchor', 'definitions'])
    : result;
}

/** Draft 4 says true or false for exclusive bounds. */
function upgradeBounds(schema: Schema): void {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    const strict = schema[flag];
    if (typeof strict !== 'boolean') continue;
    delete schema[flag];
    if (!strict || schema[bound] === undefined) continue;
    schema[flag] = schema[bound];
    delete schema[bound];
  }
}

/** `id` was the name of `$id`, and an id that is a mere fragment is an anchor now. */
function upgradeIdentity(schema: Schema, draft: Draft): void {
  const key = draft === 4 ? 'id' : '$id';
  const id = schema[key];
  if (typeof id !== 'string') return;
  delete schema[key];
  if (!id.startsWith('#')) schema.$id = id;
  else if (id !== '#') schema.$anchor = id.slice(1);
}

/** A recursive reference is a dynamic one; without an anchor at the root it was an ordinary one. */
function upgradeRecursion(schema: Schema, recursive: boolean): void {
  if (schema.$recursiveAnchor === true) schema.$dynamicAnchor = 'recursive';
  delete schema.$recursiveAnchor;
  if (schema.$recursiveRef === undefined) return;
  delete schema.$recursiveRef;
  if (recursive) schema.$dynamicRef = '#recursive';
  else schema.$ref = '#';
}

/** A list of items, and what comes after it. */
function upgradeItems(schema: Schema): void {
  const { items, additionalItems } = schema;
  delete schema.additionalItems;
  if (!Array.isArray(items)) return;
  delete schema.items;
  if (items.length > 0) schema.prefixItems = items;
  if (additionalItems !== undefined) schema.items = additionalItems;
}

function only(schema: Schema, keywords: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => keywords.includes(keyword)));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
