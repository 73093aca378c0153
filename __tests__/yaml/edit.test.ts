import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TRICKY } from '../../bench/bump-helm-tag/_corpus.ts';
import { editValues, formatPath, isPlainSafe, parsePath, type ValuePath } from '../../src/yaml/index.ts';
import { bytes, change, codeOf, edit, readings } from './support.ts';

describe('quoting', () => {
  const quoted = (value: string): void => {
    const text = edit('tag: v0\n', change('tag', value));
    expect(text).toBe(`tag: ${JSON.stringify(value)}\n`);
    expect(readings(text)).toEqual(Array(4).fill([{ tag: value }]));
  };
  test.each(TRICKY[1])('trap 1: %s into a plain target is quoted, and a string to all four judges', quoted);
  test.each([...TRICKY[2], 'true', ''])('trap 2: %j is quoted, and a string to all four judges', quoted);
  test.each(TRICKY[3])('trap 3: %s stays plain', (value) => {
    expect(edit('tag: v0\n', change('tag', value))).toBe(`tag: ${value}\n`);
  });
  test('what is accepted as plain is a string to all four judges, in lists and braces too', () => {
    const unit = fc.constantFrom(...'0123456789abcdefxoyn_.:-+eEtTrRuUlLsS~@/');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 9 }), (value) => {
        fc.pre(isPlainSafe(value));
        for (const text of [`k: ${value}\n`, `{k: ${value}}\n`])
          expect(readings(text)).toEqual(Array(4).fill([{ k: value }]));
        expect(readings(`[${value},${value}]\n`)).toEqual(Array(4).fill([[value, value]]));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('style kept', () => {
  test.each([
    ["trap 4: tag: 'v1'  # keep", "tag: 'v1'  # keep\n", "tag: 'v2'  # keep\n"],
    [
      'trap 5: flow map',
      'tag: {repository: r, tag: v1, pullPolicy: Always}\n',
      'tag: {repository: r, tag: v2, pullPolicy: Always}\n',
      'tag.tag',
    ],
    ['trap 7: nothing', 'tag:\nb: 1\n', 'tag: v2\nb: 1\n'],
    ['trap 7: nothing but a comment', 'tag: # todo\nb: 1\n', 'tag: v2 # todo\nb: 1\n'],
    ['trap 7: nothing at the end of the file', 'tag:', 'tag: v2'],
    ['trap 7: an anchor alone', 'tag: &x\nb: 1\n', 'tag: &x v2\nb: 1\n'],
    ['trap 8: CRLF', 'a: 1\r\ntag: v1\r\n', 'a: 1\r\ntag: v2\r\n'],
    ['trap 8: BOM', '\ufefftag: v1\n', '\ufefftag: v2\n'],
    ['trap 8: no final newline, trailing blanks, tab before #', 'tag: v1\t# c  \nb: 2  ', 'tag: v2\t# c  \nb: 2  '],
    ['trap 14: odd keys', '"a.b": 1\non: x\n8080: v1\n', '"a.b": 1\non: x\n8080: v2\n', '8080'],
    ['trap 14: escaped dot', '"a.b": v1\n', '"a.b": v2\n', 'a\\.b'],
    ['trap 14: on', 'on: v1\n', 'on: v2\n', 'on'],
    ['trap 18: block scalar with a header comment', 'tag: |- # why\n  a\n  b\nnext: 1\n', 'tag: v2 # why\nnext: 1\n'],
    ['trap 18: blank lines below a block stay', 'tag: >\n  a\n\n\nnext: 1\n', 'tag: v2\n\n\nnext: 1\n'],
    ['trap 18: CRLF', 'tag: |+\r\n  a\r\n\r\n', 'tag: v2\r\n\r\n'],
    ['trap 18: a header with a comment and nothing else', 'tag: | # c', 'tag: v2 # c'],
    ['trap 18: indented by number', 'a:\n  tag: |2-\n     x\n  b: 1\n', 'a:\n  tag: v2\n  b: 1\n', 'a.tag'],
    ['several plain lines', 'tag: a\n  b\n\n  c # d\nnext: 1\n', 'tag: v2 # d\nnext: 1\n'],
    ['several quoted lines', 'tag: "a\\\n  b"\nnext: 1\n', 'tag: "v2"\nnext: 1\n'],
    ['double quotes stay', 'tag: "v1"\n', 'tag: "v2"\n'],
    [
      'list item by key',
      'c:\n  - name: web\n    tag: v1\n  - name: db\n    tag: v1\n',
      'c:\n  - name: web\n    tag: v2\n  - name: db\n    tag: v1\n',
      'c[name=web].tag',
    ],
    ['list item by index', 'c: [v0, v1]\n', 'c: [v0, v2]\n', 'c[1]'],
    ['emptied', 'tag: "v1"\n', 'tag: ""\n', 'tag', ''],
  ])('%s', (_name, before, after, path = 'tag', value = 'v2') => {
    expect(edit(before, change(path, value))).toBe(after);
  });
  test('trap 6: two targets on one line', () => {
    expect(edit('i: {a: v1, b: "v1"} # c\n', change('i.a', 'v2'), change('i.b', 'v3'))).toBe(
      'i: {a: v2, b: "v3"} # c\n',
    );
  });
  test('several targets in any order, none of which is lost', () => {
    const text = 'a: 1\nb: {c: x, d: [y, z]}\ne: |\n  f\n';
    const changes = [change('e', 'E'), change('b.d[1]', 'Z'), change('a', '9'), change('b.c', 'C')];
    expect(edit(text, ...changes)).toBe('a: "9"\nb: {c: C, d: [y, Z]}\ne: E\n');
    expect(editValues(bytes(text), 'f', changes).applied.map((a) => [a.from, a.line])).toEqual([
      ['f\n', 3],
      ['z', 2],
      ['1', 1],
      ['x', 2],
    ]);
  });
  test('trap 9: an anchor without alias is kept', () => {
    expect(edit('tag: &t v1\n', change('tag', 'v2'))).toBe('tag: &t v2\n');
  });
  test('trap 12: a duplicate elsewhere does not matter', () => {
    expect(edit('a: 1\na: 2\ntag: v1\n', change('tag', 'v2'))).toBe('a: 1\na: 2\ntag: v2\n');
  });
  test('trap 13: the named document only', () => {
    expect(edit('tag: v1\n---\ntag: v1\n', change('tag', 'v2', { document: 1 }))).toBe('tag: v1\n---\ntag: v2\n');
  });
  test.each(['tag: "v2"\n', "tag: 'v2'\n", 'tag: v2\n', 'tag: |-\n  v2\n', 'tag: !!str v2\n'])(
    'trap 21: %j is equal after unquoting: no edit',
    (text) => {
      const content = bytes(text);
      const result = editValues(content, 'f', [change('tag', 'v2')]);
      expect(result.applied).toEqual([]);
      expect(result.bytes).toBe(content);
    },
  );
  test('trap 22: the same text of another type is changed', () => {
    expect(edit('tag: 1.10\n', change('tag', '1.10'))).toBe('tag: "1.10"\n');
    expect(edit('tag: yes\n', change('tag', 'yes'))).toBe('tag: "yes"\n');
  });
  test('typed edits: a number stays one, a string is refused', () => {
    expect(edit('weight: 10 # %\n', change('weight', '25', { type: 'number', mayChangeType: false }))).toBe(
      'weight: 25 # %\n',
    );
    expect(codeOf(() => edit('weight: 10\n', change('weight', 'much', { mayChangeType: false })))).toBe(
      'E_TYPE_CHANGED',
    );
    expect(codeOf(() => edit('weight: ten\n', change('weight', '25', { type: 'number', mayChangeType: false })))).toBe(
      'E_TYPE_CHANGED',
    );
    expect(edit('on: true\n', change('on', 'false', { type: 'boolean', mayChangeType: false }))).toBe('on: false\n');
  });
});

test('paths: parse of format is the identity; bad ones say where', () => {
  const key = fc.string({ unit: fc.constantFrom(...'ab.[]\\0*$ü '), minLength: 1, maxLength: 5 });
  const step = fc.oneof(
    key.map((k) => ({ key: k })),
    fc.nat(99).map((index) => ({ index })),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (path) =>
      expect(parsePath(formatPath(path as ValuePath))).toEqual(path),
    ),
  );
  for (const bad of [
    '',
    '.',
    'a..b',
    'a.',
    '[',
    'a[',
    'a[x',
    'a]',
    'a\\n',
    'a[0]b',
    `a${'.b'.repeat(40)}`,
    'x'.repeat(513),
  ])
    expect(codeOf(() => parsePath(bad))).toBe('E_PATH_SYNTAX');
});
