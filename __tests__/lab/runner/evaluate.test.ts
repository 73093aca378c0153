import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluateCondition, evaluateExpression, type Value } from '../../../lab/runner/evaluate.ts';
import { hashFiles } from '../../../lab/runner/hash-files.ts';
import { masker } from '../../../lab/runner/mask.ts';
import { planStrategy } from '../../../lab/runner/matrix.ts';
import { expressionOf } from '../../../lab/runner/multiline.ts';
import { expand, readOnly, tokenPermissions, violations } from '../../../lab/runner/permissions.ts';
import { parseReference } from '../../../lab/runner/resolve.ts';
import { job, run, said, step } from './harness.ts';

const value = (text: string, contexts: Record<string, Value> = {}): Value => evaluateExpression(text, { contexts });

describe('expressions', () => {
  test.each<[string, Value]>([
    ["'a' == 'A'", true],
    ["1 == '1'", true],
    ["null == ''", true],
    ["'' || 'b'", 'b'],
    ["false && 'x' || 'y'", 'y'],
    ["fromJSON('[1,2]')[1]", 2],
    ["contains(fromJSON('[\"a\"]'), 'a')", true],
    ["format('{0}-{1}', 'a', 1)", 'a-1'],
    ["join(fromJSON('[1,2]'), '-')", '1-2'],
    ["'it''s {x} ''y'''", "it's {x} 'y'"],
    ["format('''{0}''''', 'a')", "'a''"],
  ])('%s is %p', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });
  test('names are case-blind, hyphens are part of a name, what is not there is null', () => {
    const contexts = { inputs: { 'runs-on': 'x' }, steps: { a: { outputs: { 'b-c': '1' } } } };
    expect(value('INPUTS.RUNS-ON', contexts)).toBe('x');
    expect(value('steps.a.outputs.b-c', contexts)).toBe('1');
    expect(value('steps.none.outputs.x', contexts)).toBe(null);
    expect(value("steps.*.outputs['b-c']", contexts)).toEqual(['1']);
  });
  test('an unknown context or function is an error', () => {
    expect(() => value('secrets.A')).toThrow();
    expect(() => value('success()')).toThrow();
  });
  test("truth is GitHub's", () => {
    for (const text of ["''", '0', 'false', 'null', "fromJSON('0')"])
      expect(evaluateCondition(text, { contexts: {} })).toBe(false);
    for (const text of ["'0'", "'false'", '1', "fromJSON('[]')"])
      expect(evaluateCondition(text, { contexts: {} })).toBe(true);
  });
  test('property: any text between expressions comes out as it went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.string(), (before, after, x) => {
        fc.pre(!before.includes('${{') && !after.includes('${{') && !before.endsWith('$'));
        const text = expressionOf(`${before}\${{ a.x }}${after}`);
        const got = value(text, { a: { x } });
        expect(got).toBe(`${before}${x}${after}`);
      }),
    );
  });
  test('text over several lines with expressions is what YAML says it is', async () => {
    const done = await run(`
on: push
jobs:
  a:
    runs-on: x
    steps:
      - id: literal
        shell: "python3 {0}"
        run: |
          if '\${{ github.ref_name }}' == 'main':
              print('it''s')
      - id: folded
        env:
          X: >-
            one \${{ github.ref_name }}
            two
        run: echo "[$X]"
      - id: quoted
        env: { X: "a \${{ github.ref_name }}
          b\\tc" }
        run: echo "[$X]"
      - id: condition
        if: >-
          \${{ github.ref_name ==
          'other' }}
        run: echo never
`);
    const a = job(done, 'a');
    expect(said(step(a, 'literal'))).toEqual(['its']);
    expect(said(step(a, 'folded'))).toEqual(['[one main two]']);
    expect(said(step(a, 'quoted'))).toEqual(['[a main b\tc]']);
    expect(step(a, 'condition').conclusion).toBe('skipped');
  });
});

describe('matrix', () => {
  const names = (matrix: Value): string[] => planStrategy({ matrix }, 'j').cells.map((cell) => cell.name);
  const cells = (matrix: Value): unknown[] => planStrategy({ matrix }, 'j').cells.map((cell) => cell.matrix);

  test('cross product in order, the first vector slowest', () => {
    expect(names({ a: [1, 2], b: ['x', 'y'] })).toEqual(['j (1, x)', 'j (1, y)', 'j (2, x)', 'j (2, y)']);
  });
  test('the example of the documentation: include adds to cells and adds cells', () => {
    expect(
      cells({
        fruit: ['apple', 'pear'],
        animal: ['cat', 'dog'],
        include: [
          { color: 'green' },
          { color: 'pink', animal: 'cat' },
          { fruit: 'apple', shape: 'circle' },
          { fruit: 'banana' },
          { fruit: 'banana', animal: 'cat' },
        ],
      }),
    ).toEqual([
      { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
      { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
      { fruit: 'pear', animal: 'cat', color: 'pink' },
      { fruit: 'pear', animal: 'dog', color: 'green' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ]);
  });
  test('exclude by part, also of a nested value', () => {
    expect(names({ a: [1, 2], b: [3, 4], exclude: [{ a: 1, b: 3 }, { a: 2 }] })).toEqual(['j (1, 4)']);
    expect(cells({ o: [{ n: 1, m: 2 }, { n: 3 }], exclude: [{ o: { n: 1 } }] })).toEqual([{ o: { n: 3 } }]);
  });
  test('only include', () => {
    expect(names({ include: [{ a: 1 }, { a: 2, b: 3 }] })).toEqual(['j (1)', 'j (2, 3)']);
  });
  test('256 cells are the most; names end at 100 characters; wrong shapes are errors', () => {
    const list = (length: number): number[] => Array.from({ length }, (_, i) => i);
    expect(names({ a: list(256) })).toHaveLength(256);
    expect(() => names({ a: list(257) })).toThrow(/257 cells, the most is 256/);
    expect(names({ a: ['x'.repeat(200)] })[0]).toHaveLength(100);
    for (const bad of ['x', { a: 'x' }, { a: [] }, { a: [1], exclude: [{ a: 1 }] }, { include: {} }] as Value[]) {
      expect(() => names(bad)).toThrow();
    }
    expect(() => planStrategy({ 'max-parallel': 0, matrix: { a: [1] } }, 'j')).toThrow(/max-parallel/);
  });
});

describe('permissions', () => {
  test('what goes beyond, scope by scope', () => {
    expect(
      violations({ contents: 'write', issues: 'none', checks: 'read' }, { contents: 'read', checks: 'write' }),
    ).toEqual({
      requested: ['contents: write'],
      allowed: ['contents: read'],
    });
  });
  test('property: read-only never exceeds what it was made of, and has no write', () => {
    const level = fc.constantFrom<'read' | 'write' | 'none'>('read', 'write', 'none');
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('contents', 'id-token', 'packages'), level), (permissions) => {
        const less = readOnly(permissions);
        expect(violations(less, permissions).requested).toEqual([]);
        expect(Object.values(tokenPermissions(less))).not.toContain('write');
      }),
    );
  });
  test('write-all and read-all', () => {
    expect(expand('read-all')).toMatchObject({ contents: 'read', 'id-token': 'none' });
    expect(expand('write-all')).toMatchObject({ contents: 'write', 'id-token': 'write', models: 'read' });
  });
});

describe('masks', () => {
  test('each line, base64 at any alignment, JSON and URL forms, the longest first', () => {
    const mask = masker(['line-one\nline-two', 'p@ss "w"/?', 'abc', 'abcdef']);
    expect(mask.mask('x line-two y')).toBe('x *** y');
    expect(mask.mask(JSON.stringify('p@ss "w"/?'))).toBe('"***"');
    expect(mask.mask(`u=${encodeURIComponent('p@ss "w"/?')}`)).toBe('u=***');
    expect(mask.mask('abcdef')).toBe('***');
    for (const before of ['', 'x', 'xy']) {
      expect(mask.holds(Buffer.from(`${before}line-one and more`).toString('base64'))).toBe(true);
    }
    expect(masker(['']).mask('nothing to hide')).toBe('nothing to hide');
  });
  test('property: a masked text never holds the secret', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, a, b) => {
        fc.pre(secret.trim() !== '' && !/[\r\n]/.test(secret) && !'***'.includes(secret));
        expect(
          masker([secret])
            .mask(a + secret + b)
            .replaceAll('***', '\n'),
        ).not.toContain(secret);
      }),
    );
  });
});

test('references', () => {
  expect(parseReference('o/r/a/b@v1')).toEqual({ kind: 'remote', repo: 'o/r', path: 'a/b', ref: 'v1' });
  expect(parseReference('o/r@feature/x')).toEqual({ kind: 'remote', repo: 'o/r', path: '', ref: 'feature/x' });
  expect(parseReference('$/actions/x/')).toEqual({ kind: 'self', path: 'actions/x' });
  for (const bad of ['o/r', 'x', '$/a@b', './../x', 'o/r/../x@v1', 'docker://x', '']) {
    expect(() => parseReference(bad)).toThrow();
  }
});

test('hashFiles of nothing is empty', () => {
  expect(hashFiles(import.meta.dirname, ['*.none'])).toBe('');
});
