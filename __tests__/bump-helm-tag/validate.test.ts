import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inputsKey, type ValidationInputs } from '../../src/bump-helm-tag/validate-inputs.ts';
import { ActionError } from '../../src/runner/index.ts';
import { bytes, CHART_YAML, type Files, HEAD, refusal, repositoryOf, world } from './validate-support.ts';

const SCHEMA = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  properties: { image: { properties: { tag: { type: 'string', pattern: '^v' } }, required: ['tag'] } },
});
const CHART: Files = {
  'chart/Chart.yaml': CHART_YAML,
  'chart/values.yaml': 'image:\n  tag: v1\n',
  'chart/values.schema.json': SCHEMA,
  'env/dev.yaml': 'image:\n  tag: v1\n',
};
const GOOD = new Map([['env/dev.yaml', bytes('image:\n  tag: v2\n')]]);
const BAD = new Map([['env/dev.yaml', bytes('image:\n  tag: x2\n')]]);
const DEV = { values: ['env/dev.yaml'] };

async function once(wish: object, files: Files, edits: ReadonlyMap<string, Uint8Array> = GOOD): Promise<string> {
  await using w = world(wish, repositoryOf({ [HEAD]: files }));
  return refusal(w.validate(HEAD, edits));
}

describe('what is looked at', () => {
  test('parse reads nothing: the proof of the edit has parsed it', async () => {
    const nothing = {
      folder: () => Promise.reject(new Error('read')),
      readAt: () => Promise.reject(new Error('read')),
    };
    await using w = world({ mode: 'parse', chart: '../x' }, nothing);
    expect(await refusal(w.validate(HEAD, BAD))).toBe('fine');
  });
  test('the edited bytes, not those of the head', async () => {
    expect(await once(DEV, CHART)).toBe('fine');
    expect(await once(DEV, CHART, BAD)).toContain('E_VALIDATION_FAILED');
  });
  test("the chart's own values.yaml may be the edited file", async () => {
    expect(await once({}, CHART, new Map([['chart/values.yaml', bytes('image: {tag: x}')]]))).toContain(
      'image.tag must',
    );
  });
  test.each(['.', '', './'])('a chart in the root of the repository ("%s")', async (chart) => {
    const root = { 'Chart.yaml': CHART_YAML, 'values.schema.json': SCHEMA, 'env/dev.yaml': 'a: 1' };
    expect(await once({ chart, ...DEV }, root)).toBe('fine');
    expect(await once({ chart, ...DEV }, root, BAD)).toContain('E_VALIDATION_FAILED');
  });
  test('a new file of the edit counts too', async () => {
    const { 'env/dev.yaml': _, ...without } = CHART;
    expect(await once(DEV, without)).toBe('fine');
    expect(await once(DEV, without, new Map([['chart/values.yaml', bytes('')]]))).toMatch(
      /^E_FILE_MISSING .*env\/dev\.yaml/,
    );
  });
  test('nothing of what changes is among the files: refused, not green', async () => {
    expect(await once({}, CHART)).toMatch(/^E_INPUT .*none of the files that change is among them \(env\/dev\.yaml\)/);
  });
  test('some of what changes is not: a warning names it', async () => {
    await using w = world(DEV, repositoryOf({ [HEAD]: CHART }));
    await w.validate(HEAD, new Map([...GOOD, ['env/prod.yaml', bytes('x: 1')]]));
    expect(w.log.annotations).toEqual([expect.objectContaining({ code: 'W_NOT_VALIDATED', level: 'warning' })]);
    expect(w.log.annotations[0]?.message).toContain('env/prod.yaml');
  });
  test('no chart, no schema', async () => {
    const { 'chart/Chart.yaml': _, ...noChart } = CHART;
    const { 'chart/values.schema.json': __, ...noSchema } = CHART;
    expect(await once(DEV, noChart)).toMatch(/^E_INPUT .*no Chart\.yaml/);
    expect(await once(DEV, noSchema)).toMatch(/^E_INPUT .*no values\.schema\.json: there is nothing/);
  });
});

describe('hostile repositories', () => {
  test('501 files, 6 MiB, a schema of 10 MB', async () => {
    const many = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`chart/templates/${i}.yaml`, '']));
    expect(await once(DEV, { ...CHART, ...many })).toMatch(
      /^E_FILE_TOO_LARGE 50\d files|^E_FILE_TOO_LARGE .*50\d files/,
    );
    const big = { ...CHART, 'chart/files/big': new Uint8Array(6 * 1024 * 1024) };
    expect(await once(DEV, big)).toMatch(/^E_FILE_TOO_LARGE/);
    const schema = `{"description":"${'x'.repeat(10_000_000)}"}`;
    expect(await once(DEV, { ...CHART, 'chart/values.schema.json': schema })).toMatch(/^E_FILE_TOO_LARGE/);
  });
  test('values files count too', async () => {
    const edits = new Map([['env/dev.yaml', new Uint8Array(6 * 1024 * 1024)]]);
    expect(await once(DEV, CHART, edits)).toMatch(/^E_FILE_TOO_LARGE/);
  });
  test.each(['chart/../../x', 'chart//x', 'chart/./x', 'chart/a\\..\\b', 'chart/a\0b', 'chart/..'])(
    'the host lists %j: refused before anything is written',
    async (name) =>
      expect(await once({ ...DEV, mode: 'helm' }, { ...CHART, [name]: 'x' })).toMatch(/^E_PATH_FORBIDDEN/),
  );
  test('the host lists a file outside of the folder', async () => {
    const outside = repositoryOf({ [HEAD]: CHART });
    const folder = async () => new Map([['env/x.yaml', bytes('x')]]);
    await using w = world(DEV, { ...outside, folder });
    expect(await refusal(w.validate(HEAD, GOOD))).toMatch(/^E_PATH_FORBIDDEN .*the host lists it/);
  });
  test.each([{ chart: '../x' }, { chart: '/etc' }, { chart: 'a//b' }, { values: ['../x.yaml'] }, { values: ['/x'] }])(
    '%j is refused before anything is read',
    (wish) => {
      const never = {
        folder: () => Promise.reject(new Error('read')),
        readAt: () => Promise.reject(new Error('read')),
      };
      expect(() => world(wish, never)).toThrow(ActionError);
    },
  );
  test('a values file twice', () => {
    expect(() => world({ values: ['a.yaml', 'a.yaml'] }, repositoryOf({}))).toThrow(/names a file twice/);
  });
});

describe('a later round', () => {
  const LATER = 'b'.repeat(40);
  const looks = (lines: readonly string[]): number => lines.filter((line) => line.includes('the values fit')).length;
  test('is let through when others have written elsewhere only', async () => {
    const other = { ...CHART, 'env/other.yaml': 'x: 1' };
    await using w = world(DEV, repositoryOf({ [HEAD]: CHART, [LATER]: other }));
    await w.validate(HEAD, GOOD);
    await w.validate(LATER, GOOD);
    expect(looks(w.log.lines)).toBe(1);
    expect(w.log.lines.at(-1)).toBe('validate: nothing that schema looks at has changed');
  });
  test('is looked at when the chart, the values or the edit have changed', async () => {
    const stricter = { ...CHART, 'chart/values.schema.json': '{"required":["missing"]}' };
    await using w = world(DEV, repositoryOf({ [HEAD]: CHART, [LATER]: stricter }));
    await w.validate(HEAD, GOOD);
    expect(await refusal(w.validate(LATER, GOOD))).toContain('E_VALIDATION_FAILED');
    await w.validate(HEAD, new Map([['env/dev.yaml', bytes('image:\n  tag: v3\n')]]));
    expect(looks(w.log.lines)).toBe(2);
  });
  test('a refusal is not remembered as good', async () => {
    await using w = world(DEV, repositoryOf({ [HEAD]: CHART }));
    expect(await refusal(w.validate(HEAD, BAD))).toContain('E_VALIDATION_FAILED');
    expect(await refusal(w.validate(HEAD, BAD))).toContain('E_VALIDATION_FAILED');
  });
  test('two different questions have two keys, the same question in another order of files one', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '', '["a",1]');
    const question = fc.record({
      mode: fc.constantFrom('schema' as const, 'helm' as const),
      chart: part,
      values: fc.array(part, { maxLength: 3 }),
      files: fc.uniqueArray(fc.tuple(part, part), { selector: ([name]) => name, maxLength: 4 }),
    });
    const inputs = (q: {
      mode: ValidationInputs['mode'];
      chart: string;
      values: string[];
      files: [string, string][];
    }): ValidationInputs => ({
      ...q,
      files: new Map(q.files.map(([name, text]) => [name, bytes(text)])),
      ignored: [],
    });
    const canonical = (q: { files: [string, string][] }): string =>
      JSON.stringify({ ...q, files: [...q.files].sort() });
    fc.assert(
      fc.property(question, question, (a, b) => {
        expect(inputsKey(inputs(a)) === inputsKey(inputs(b))).toBe(canonical(a) === canonical(b));
        expect(inputsKey(inputs({ ...a, files: [...a.files].reverse() }))).toBe(inputsKey(inputs(a)));
      }),
    );
  });
});
