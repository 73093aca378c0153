/** Keys that are added: where they come to stand, and where none is added. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Change, editValues } from '../../src/yaml/index.ts';
import { bytes, change, codeOf, edit, readings, refusal } from './support.ts';

const add = (path: string, value = 'v2', over: Partial<Change> = {}): Change =>
  change(path, value, { ifMissing: 'create', ...over });

describe('where a key comes to stand', () => {
  test.each<[name: string, before: string, after: string, ...paths: string[]]>([
    ['after the last sibling', 'image:\n  r: x\nb: 1\n', 'image:\n  r: x\n  tag: v2\nb: 1\n', 'image.tag'],
    ['blank lines stay below', 'i:\n  r: x\n\n\nb: 1\n', 'i:\n  r: x\n  t: v2\n\n\nb: 1\n', 'i.t'],
    ['blank lines at the end stay below', 'a: 1\n   \n\t\n', 'a: 1\nt: v2\n   \n\t\n', 't'],
    ['comments of the same depth stay below', 'i:\n  r: x\n  # c\nb: 1\n', 'i:\n  r: x\n  t: v2\n  # c\nb: 1\n', 'i.t'],
    [
      'deeper comments are of the sibling',
      'i:\n  r: x # a\n    # b\n\n    # c\n\n  # d\nb: 1\n',
      'i:\n  r: x # a\n    # b\n\n    # c\n  t: v2\n\n  # d\nb: 1\n',
      'i.t',
    ],
    ['below nested lines', 'i:\n  r:\n    s:\n    - 1\n  # c\n', 'i:\n  r:\n    s:\n    - 1\n  t: v2\n  # c\n', 'i.t'],
    ['below braces of several lines', 'i:\n  r: {x: 1,\n    y: 2}\n', 'i:\n  r: {x: 1,\n    y: 2}\n  t: v2\n', 'i.t'],
    ['below quotes of several lines', 'r: "x\n\n  y" # c\n', 'r: "x\n\n  y" # c\nt: v2\n', 't'],
    ['below an alias', 'a: &x 1\nb: *x # c\n', 'a: &x 1\nb: *x # c\nt: v2\n', 't'],
    ['the indentation of the siblings', 'i:\n     r: x\n', 'i:\n     r: x\n     t: v2\n', 'i.t'],
    ['below a block', 'a:\n  r: |\n    x\n\nb: 1\n', 'a:\n  r: |\n    x\n  t: v2\n\nb: 1\n', 'a.t'],
    ['below a block that keeps its ends', 'r: |+\n  x\n\n\n', 'r: |+\n  x\n\n\nt: v2\n', 't'],
    ['below blanks that are text', 'r: |\n  x\n     \n  \n\n', 'r: |\n  x\n     \nt: v2\n  \n\n', 't'],
    ['below an empty block', 'a:\n  r: >-\n\n\nb: 1\n', 'a:\n  r: >-\n  t: v2\n\n\nb: 1\n', 'a.t'],
    ['before the end of a document', 'a: 1\n...\n', 'a: 1\nt: v2\n...\n', 't'],
    ['below an explicit key', '? a\n: b\n', '? a\n: b\nt: v2\n', 't'],
    ['CRLF', 'i:\r\n  r: x\r\n\r\nb: 1\r\n', 'i:\r\n  r: x\r\n  t: v2\r\n\r\nb: 1\r\n', 'i.t'],
    ['BOM', '\ufeffa: 1\n', '\ufeffa: 1\nt: v2\n', 't'],
    ['no final newline', 'a: 1', 'a: 1\nt: v2', 't'],
    ['no final newline, CRLF', 'a:\r\n  b: 1', 'a:\r\n  b: 1\r\n  t: v2', 'a.t'],
    ['no final newline, a comment', 'a: 1 # c', 'a: 1 # c\nt: v2', 't'],
    ['in an item of a list', 'c:\n- name: w\n- name: x\n', 'c:\n- name: w\n  t: v2\n- name: x\n', 'c[name=w].t'],
    ['in a list of lists', 'c:\n- - a: 1\n  - 2\n', 'c:\n- - a: 1\n    t: v2\n  - 2\n', 'c[0][0].t'],
    [
      'beside a merge that has no such key',
      'b: &b {x: 1}\ni:\n  <<: *b\n',
      'b: &b {x: 1}\ni:\n  <<: *b\n  t: v2\n',
      'i.t',
    ],
    ['parents too', 'a: 1\n', 'a: 1\nimage:\n  tag: v2\n', 'image.tag'],
    ['one parent for several', 'a: 1\n', 'a: 1\ni:\n  t: v2\n  d: v2\n  x:\n    z: v2\n', 'i.t', 'i.d', 'i.x.z'],
    ['an empty parent', 'i:\nb: 1\n', 'i:\n  t: v2\n  d: v2\nb: 1\n', 'i.t', 'i.d'],
    ['an empty parent with comments', 'i: # c\n  # d\nb: 1\n', 'i: # c\n  t: v2\n  # d\nb: 1\n', 'i.t'],
    ['an empty parent at the end', 'a:\n  i:', 'a:\n  i:\n    t: v2', 'a.i.t'],
    ['a null parent', 'i: null # c\nb: 1\n', 'i: # c\n  t: v2\nb: 1\n', 'i.t'],
    ['a null parent at the end', 'i: ~', 'i:\n  t: v2', 'i.t'],
    ['a null parent with an anchor', 'i: &x\nb: 1\n', 'i: &x\n  t: v2\nb: 1\n', 'i.t'],
    [
      'maps that end on one line',
      'a:\n  b:\n    c: 1',
      'a:\n  b:\n    c: 1\n    t: v2\n  t: v2\nt: v2',
      't',
      'a.t',
      'a.b.t',
    ],
  ])('%s', (_name, before, after, ...paths) => {
    expect(edit(before, ...paths.map((path) => add(path)))).toBe(after);
  });

  test('edits and additions in one', () => {
    const changes = [change('image.tag', 'v1'), add('image.digest', 'sha256:a'), add('z')];
    expect(edit('image:\n  tag:', ...changes)).toBe('image:\n  tag: v1\n  digest: sha256:a\nz: v2');
    expect(edit('image:\n  tag: |\n    x\n\n', ...changes)).toBe('image:\n  tag: v1\n  digest: sha256:a\nz: v2\n\n');
    const { applied } = editValues(bytes('image:\n  tag: v0\nb: 1\n'), 'f', changes);
    expect(applied.map((a) => [a.from, a.line])).toEqual([
      ['v0', 2],
      [null, 3],
      [null, 4],
    ]);
  });
  test('a document of several', () => {
    expect(edit('a: 1\n---\nb: 1\n', add('t', 'v2', { document: 0 }))).toBe('a: 1\nt: v2\n---\nb: 1\n');
    expect(edit('a: 1\n---\nb: 1\n', add('t', 'v2', { document: 1 }))).toBe('a: 1\n---\nb: 1\nt: v2\n');
  });
  test('values of every type; keys and values are quoted where they must be', () => {
    const text = edit(
      'a: 1\n',
      add('on', 'yes'),
      add('weight', '25', { type: 'number' }),
      add('ready', 'true', { type: 'boolean' }),
      add('nothing', '', { type: 'null' }),
      add('null', '~', { type: 'null' }),
      add('8080', '1.10'),
      add('a b: c', ''),
      add('x/y\\.z', 'w'),
    );
    expect(text).toBe(
      'a: 1\n"on": "yes"\nweight: 25\nready: true\nnothing:\n"null": ~\n"8080": "1.10"\n"a b: c": ""\nx/y.z: w\n',
    );
  });
  test('what is there is edited, what is equal is left', () => {
    expect(edit('i:\n  t: v1\n', add('i.t'))).toBe('i:\n  t: v2\n');
    expect(editValues(bytes('i: {t: v2}\n'), 'f', [add('i.t')]).applied).toEqual([]);
  });
});

describe('where none is added', () => {
  test.each([
    ['nobody asked for it', 'i:\n  r: x\n', change('i.t', 'v2'), 'E_PATH_MISSING', 'has no key'],
    ['braces', 'i: {r: x}\n', add('i.t'), 'E_PATH_MISSING', 'in braces'],
    ['empty braces', 'i: {}\n', add('i.t'), 'E_PATH_MISSING', 'in braces'],
    ['null in braces', '{i: }\n', add('i.t'), 'E_PATH_MISSING', 'in braces'],
    ['null in a list', 'c:\n-\n', add('c[0].t'), 'E_PATH_MISSING', 'in a list'],
    ['a new item', 'c:\n- x: 1\n', add('c[1].t'), 'E_PATH_MISSING', 'none at [1]'],
    ['a new item by name', 'c:\n- x: 1\n', add('c[name=w].t'), 'E_PATH_MISSING', '0 matches'],
    ['a new list', 'a: 1\n', add('c[0].t'), 'E_PATH_MISSING', 'not created'],
    ['another scalar', 'i: x\n', add('i.t'), 'E_PATH_MISSING', 'no map'],
    ['a list', 'i:\n- x\n', add('i.t'), 'E_PATH_MISSING', 'no map'],
    ['an empty file', '', add('t'), 'E_DOCUMENT_MISSING', 'empty'],
    ['nothing but comments', '# c\n', add('t'), 'E_DOCUMENT_MISSING', 'empty'],
    ['an empty document', '---\n', add('t'), 'E_PATH_MISSING', 'empty'],
    ['a null document', 'null\n', add('t'), 'E_PATH_MISSING', 'empty'],
    ['a map where the scalar should be', 'i:\n  t: 1\n', add('i'), 'E_PATH_NOT_SCALAR', 'a map'],
    ['a shared map', 'a: &a\n  x: 1\nb: *a\n', add('a.t'), 'E_ANCHOR_SHARED', 'with b'],
    ['a shared null', 'a: &a\nb: *a\n', add('a.t'), 'E_ANCHOR_SHARED', 'with b'],
    ['an alias', 'a: &a\n  x: 1\nb: *a\n', add('b.t'), 'E_ANCHOR_SHARED', 'an alias'],
    ['a merged key', 'b: &b {t: 1}\ni:\n  <<: *b\n', add('i.t'), 'E_MERGE_KEY', 'merge key'],
    ['a merged parent', 'b: &b {x: {y: 1}}\ni:\n  <<: *b\n', add('i.x.t'), 'E_MERGE_KEY', 'merge key'],
    ['a merge key', 'a: 1\n', add('<<'), 'E_MERGE_KEY', '<<'],
    ['a tag', 'i: !!null\n', add('i.t'), 'E_CUSTOM_TAG', 'null'],
    ['a tag that says text', 'i: !!str\n', add('i.t'), 'E_PATH_MISSING', 'no map'],
    ['a parent twice', 'i:\ni:\n', add('i.t'), 'E_DUPLICATE_KEY', '"i"'],
    ['a key in another spelling', 'on: 1\n', add('true'), 'E_DUPLICATE_KEY', 'already'],
    ['a key that is no text', 'a: 1\n', add('\u2028'), 'E_INPUT', 'no key'],
    ['a value that is no text', 'a: 1\n', add('t', 'a\nb'), 'E_INPUT', 'control'],
  ])('%s', (_name, text, wanted, code, why) => {
    const error = refusal(() => edit(text, wanted));
    expect([error?.code, error?.facts.why]).toEqual([code, expect.stringContaining(why)]);
  });
});

test('a key into any map of any shape: the same lines, a new one among them, read by all four', () => {
  const scalar = fc.constantFrom(
    'x',
    '"y"',
    '{a: 1}',
    '[1,\n      2]',
    '',
    '~',
    '|\n      t\n\n',
    '>+\n      t\n\n',
    '"z" # c',
    '&n 1',
  );
  const comment = fc.constantFrom('', '', '\n', '# c\n', '  # c\n', '          # deep\n', '\n\n', '   \n');
  const entry = fc.tuple(fc.constantFrom('k', 'l', '"m"', 'n'), scalar, comment);
  const map = fc.uniqueArray(entry, { minLength: 1, maxLength: 3, selector: ([key]) => key });
  const lines = (entries: [string, string, string][], indent: string): string =>
    entries
      .map(([key, value, below]) => `${indent}${key}: ${value}${value.endsWith('\n') ? '' : '\n'}${below}`)
      .join('');
  fc.assert(
    fc.property(
      map,
      map,
      fc.constantFrom('', ' ', '  '),
      fc.boolean(),
      fc.boolean(),
      (outer, inner, more, crlf, open) => {
        let text = `${lines(outer, '')}in:\n${lines(inner, `  ${more}`)}`;
        if (open) text = text.trimEnd();
        if (crlf) text = text.replaceAll('\n', '\r\n');
        const before = readings(text).map(([d]) => d as { in: object });
        let after = '';
        const code = codeOf(() => {
          after = edit(text, add('in.new.deep'), add('top'));
        });
        expect(code).toBe('none');
        const wanted = before.map((d) => ({ ...d, top: 'v2', in: { ...d.in, new: { deep: 'v2' } } }));
        expect(readings(after).map(([d]) => d)).toEqual(wanted);
        const feed = crlf ? '\r\n' : '\n';
        const rest = after.split(feed).filter((line) => !/^ *(new:|deep: v2|top: v2)$/.test(line));
        expect(rest).toEqual(text.split(feed));
      },
    ),
    { numRuns: 150 },
  );
});
