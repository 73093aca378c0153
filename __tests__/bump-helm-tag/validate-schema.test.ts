import { describe, expect, test } from '@jest/globals';
import { asDraft2020 } from '../../src/bump-helm-tag/validate-dialect.ts';
import { validateSchema } from '../../src/bump-helm-tag/validate-schema.ts';
import { memoryLog } from '../../src/runner/index.ts';
import { bytes, CHART_YAML, HEAD, refusal, repositoryOf, world } from './validate-support.ts';

const DRAFT4 = 'http://json-schema.org/draft-04/schema#';
const DRAFT6 = 'http://json-schema.org/draft-06/schema#';
const DRAFT7 = 'http://json-schema.org/draft-07/schema#';
const D2019 = 'https://json-schema.org/draft/2019-09/schema';
const D2020 = 'https://json-schema.org/draft/2020-12/schema';

/** @param schema JSON, or a text that is none */
async function check(schema: unknown, values: string, defaults = ''): Promise<string> {
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema);
  const files = { 'chart/Chart.yaml': CHART_YAML, 'chart/values.yaml': defaults, 'chart/values.schema.json': text };
  await using w = world({ values: ['env/v.yaml'] }, repositoryOf({ [HEAD]: files }));
  return refusal(w.validate(HEAD, new Map([['env/v.yaml', bytes(values)]])));
}

describe('dialects', () => {
  test.each([
    [DRAFT4, { minimum: 3, exclusiveMinimum: true }],
    [DRAFT6, { exclusiveMinimum: 3 }],
    [DRAFT7, { exclusiveMinimum: 3 }],
    [D2019, { exclusiveMinimum: 3 }],
    [D2020, { exclusiveMinimum: 3 }],
    [undefined, { exclusiveMinimum: 3 }],
  ])('%s', async ($schema, size) => {
    const schema = { $schema, properties: { size }, definitions: { id: { type: 'string' } } };
    expect(await check(schema, 'size: 4')).toBe('fine');
    expect(await check(schema, 'size: 3')).toMatch(/^E_VALIDATION_FAILED .*: size must be > 3; nothing was written/);
  });
  test('items as a list, in a draft that has it', async () => {
    const schema = { $schema: DRAFT7, properties: { l: { items: [{ type: 'string' }] } } };
    expect(await check(schema, 'l: [1]')).toContain('l.0 must be string');
  });
  test('unevaluatedProperties, in a draft that has it', async () => {
    const schema = { $schema: D2020, allOf: [{ properties: { a: {} } }], unevaluatedProperties: false };
    expect(await check(schema, 'b: 1')).toContain('the root must NOT have unevaluated properties ("b")');
  });
  test('an unknown dialect is refused with its name', async () => {
    expect(await check({ $schema: 'https://example.com/mine' }, 'a: 1')).toMatch(
      /written in "https:\/\/example\.com\/mine"/,
    );
    expect(asDraft2020({ $schema: 7 })).toBeUndefined();
  });
  test('draft 4: keywords are rewritten, properties of the same name are not', () => {
    const schema = {
      $schema: DRAFT4,
      id: 'http://example.com/root.json',
      properties: { id: { type: 'string' }, exclusiveMinimum: { maximum: 5, exclusiveMaximum: false } },
      anyOf: [{ minimum: 1, exclusiveMinimum: true }],
      enum: [{ id: 'x' }],
    };
    expect(asDraft2020(schema)).toEqual({
      $id: 'http://example.com/root.json',
      properties: { id: { type: 'string' }, exclusiveMinimum: { maximum: 5 } },
      anyOf: [{ exclusiveMinimum: 1 }],
      enum: [{ id: 'x' }],
    });
  });
  test('true and false are schemas', async () => {
    expect(await check('true', 'a: 1')).toBe('fine');
    expect(await check('false', 'a: 1')).toContain('boolean schema is false');
  });
});

describe('findings', () => {
  test('at most five are told, in one line', async () => {
    const schema = { additionalProperties: false, properties: { image: { required: ['tag', 'digest'] } } };
    const told = await check(
      schema,
      `image: {}\n${'abcdef'
        .split('')
        .map((k) => `"${k}\\n::error::": 1`)
        .join('\n')}`,
    );
    expect(told).toContain('the root must NOT have additional properties ("a\\n::error::")');
    expect(told).toMatch(/, and 3 more; nothing was written/);
    expect(told).not.toContain('\n');
  });
  test('formats are not judged, unknown keywords are nothing', async () => {
    expect(await check({ properties: { a: { type: 'string', format: 'ipv4' } }, 'x-note': 1 }, 'a: x')).toBe('fine');
  });
  test("patterns are Go's", async () => {
    const schema = { properties: { a: { pattern: '(?i)^[\\w\\-]+\\-x$' } } };
    expect(await check(schema, 'a: V1-X')).toBe('fine');
    expect(await check(schema, 'a: V1')).toContain('must match pattern');
  });
  test('a date, a sexagesimal and an octal are what Helm makes of them', async () => {
    const schema = {
      properties: { date: { type: 'string' }, time: { type: 'string' }, mode: { const: 511 }, on: { const: true } },
    };
    expect(await check(schema, 'date: 2001-01-01\ntime: 190:20:30\nmode: 0777\n"on": yes')).toBe('fine');
  });
  test('a null removes a default', async () => {
    const schema = { properties: { a: { type: 'integer' } } };
    expect(await check(schema, 'a: null', 'a: 1')).toBe('fine');
    expect(await check(schema, 'a: null', 'b: 1')).toContain('a must be integer');
  });
});

describe('unfit and hostile schemas', () => {
  test.each(['', '{', '[]', '1', '"x"', 'null'])('%j is no schema', async (text) => {
    expect(await check(text, 'a: 1')).toMatch(/^E_VALIDATION_FAILED .*is no JSON Schema/);
  });
  test.each(['https://example.com/x.json', 'http://127.0.0.1:1/x', 'file:///etc/passwd', 'other.json'])(
    'a reference to %s is refused, nothing is fetched',
    async ($ref) =>
      expect(await check({ properties: { a: { $ref } } }, 'a: 1')).toMatch(
        /which is not in it, and nothing is fetched/,
      ),
  );
  test('a broken keyword', async () => {
    expect(await check({ type: 'strin' }, 'a: 1')).toMatch(/cannot be used: schema is invalid/);
    expect(await check({ properties: { a: { pattern: '(' } } }, 'a: x')).toMatch(
      /cannot be used: Invalid regular expression/,
    );
  });
  test('nesting that no stack holds', async () => {
    const deep = `${'{"not":'.repeat(50_000)}{}${'}'.repeat(50_000)}`;
    expect(await check(deep, 'a: 1')).toMatch(/^E_VALIDATION_FAILED/);
  });
  test('references that reach themselves', async () => {
    expect(await check({ $ref: '#' }, 'a: 1')).toMatch(/^E_VALIDATION_FAILED .*refers to itself without end/);
    const tree = { $ref: '#/$defs/t', $defs: { t: { additionalProperties: { $ref: '#/$defs/t' } } } };
    expect(await check(tree, 'a: {b: {c: 1}}')).toBe('fine');
  });
  test.each([
    ['a pattern that backtracks', { properties: { a: { pattern: '^(x+)+$' } } }],
    [
      'references that fan out',
      {
        $ref: '#/$defs/d0',
        $defs: Object.fromEntries(
          Array.from({ length: 40 }, (_, i) => [
            `d${i}`,
            i === 39 ? { required: ['a'] } : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
          ]),
        ),
      },
    ],
  ])('%s takes the time it is given, and no more', async (_name, schema) => {
    // Both need 2^40 steps: years, on any machine.
    const files = new Map([
      ['chart/values.schema.json', bytes(JSON.stringify(schema))],
      ['chart/values.yaml', bytes(`a: ${'x'.repeat(40)}!`)],
    ]);
    const inputs = { mode: 'schema' as const, chart: 'chart', values: [], files, ignored: [] };
    expect(await refusal(validateSchema(inputs, memoryLog(), 0.3))).toMatch(
      /^E_VALIDATION_FAILED .*takes longer than 0\.3 s/,
    );
  });
  test('an alias bomb in a values file', async () => {
    const bomb = Array.from({ length: 12 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x]'
        : `a${i}: &a${i} [${Array(8)
            .fill(`*a${i - 1}`)
            .join(', ')}]`,
    ).join('\n');
    expect(await check('true', bomb)).toMatch(/^E_YAML_INVALID .*env\/v\.yaml/);
  });
  test('a value that would be a prototype is a key like any other', async () => {
    expect(await check({ additionalProperties: false }, '__proto__: {polluted: 1}')).toContain('__proto__');
    expect(await check({ required: ['polluted'] }, '__proto__: {polluted: 1}')).toContain(
      'must have required property',
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
