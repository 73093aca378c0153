/** Every code by which an edit is refused, and every limit. */
import { describe, expect, test } from '@jest/globals';
import { openSource, type ValuePath } from '../../src/yaml/index.ts';
import { bytes, change, codeOf, edit, readings, refusal } from './support.ts';

describe('refused where the target stands', () => {
  test.each([
    ['trap 9: the anchor is used elsewhere', 'tag: &t v1\nother: *t\n', 'tag', 'E_ANCHOR_SHARED', 'with other'],
    ['trap 9: so is that of a map around it', 'a: &a {tag: v1}\nb: *a\n', 'a.tag', 'E_ANCHOR_SHARED', 'with b'],
    ['trap 10: an alias', 'a: &t v1\ntag: *t\n', 'tag', 'E_ALIAS_TARGET', '&t'],
    ['trap 10: through an alias', 'a: &i {tag: v1}\nimage: *i\n', 'image.tag', 'E_ANCHOR_SHARED', 'an alias of &i'],
    ['trap 11: merge key', 'b: &b {tag: v1}\nimage:\n  <<: *b\n', 'image.tag', 'E_MERGE_KEY', 'merge key'],
    [
      'trap 11: merge key inside what is merged',
      'a: &a {tag: v1}\nb: &b {<<: *a, x: 1}\nimage:\n  <<: [*b]\n',
      'image.tag',
      'E_MERGE_KEY',
      'merge key',
    ],
    ['trap 11: inside what is merged', 'a:\n  <<: {tag: v1}\n', 'a.<<.tag', 'E_MERGE_KEY', 'merges it'],
    ['trap 12: the target twice', 'tag: a\ntag: b\n', 'tag', 'E_DUPLICATE_KEY', 'more than once'],
    ['trap 12: quoted and plain', '"tag": a\ntag: b\n', 'tag', 'E_DUPLICATE_KEY', 'more than once'],
    ['trap 12: an ancestor twice', 'image: {tag: a}\nimage: {tag: b}\n', 'image.tag', 'E_DUPLICATE_KEY', '"image"'],
    ['trap 12: the same key in another spelling', 'on: a\ntrue: b\n', 'on', 'E_DUPLICATE_KEY', '"true"'],
    ['trap 12: the same number', '0x10: a\n16: b\n', '16', 'E_DUPLICATE_KEY', '"0x10"'],
    ['trap 12: the same key by an alias', 'a: &k tag\ntag: v0\n*k : v1\n', 'tag', 'E_DUPLICATE_KEY', 'the same one'],
    [
      'trap 12: the key that an item is found by',
      'c: [{name: w, name: x, tag: a}]\n',
      'c[name=w].tag',
      'E_DUPLICATE_KEY',
      '"name"',
    ],
    ['trap 13: several documents', 'tag: a\n---\ntag: b\n', 'tag', 'E_DOCUMENT_AMBIGUOUS', '2 documents'],
    ['no document', '# nothing\n', 'tag', 'E_DOCUMENT_MISSING', 'it is empty'],
    [
      'trap 15: two items of the name',
      'c: [{name: web, tag: a}, {name: web, tag: b}]\n',
      'c[name=web].tag',
      'E_PATH_MISSING',
      '2 matches',
    ],
    [
      'trap 15: two items of the name, one by an alias',
      'c: [&w {name: web, tag: a}, *w]\n',
      'c[name=web].tag',
      'E_PATH_MISSING',
      '2 matches',
    ],
    ['trap 15: no item of the name', 'c: [{name: web, tag: a}]\n', 'c[name=db].tag', 'E_PATH_MISSING', '0 matches'],
    ['trap 17: a swallowed comment', 'tag: v1\u00a0# c\n', 'tag', 'E_COMMENT_SWALLOWED', 'non-ASCII blank'],
    ['a list', 'a: [1]\n', 'a', 'E_PATH_NOT_SCALAR', 'is a list'],
    ['a map', 'a: {b: 1}\n', 'a', 'E_PATH_NOT_SCALAR', 'is a map'],
    ['a tag', 'b: !!int 5\n', 'b', 'E_CUSTOM_TAG', 'int'],
    ['the tag !', 'b: ! v1\n', 'b', 'E_CUSTOM_TAG', '!'],
    ['missing, the nearest is named', 'image: {tga: v1}\n', 'image.tag', 'E_PATH_MISSING', '"tga"'],
    ['missing below a scalar', 'image: v1\n', 'image.tag', 'E_PATH_MISSING', 'image is no map'],
    ['missing in a list', 'a: [x]\n', 'a[3]', 'E_PATH_MISSING', '1 items'],
    ['no list', 'a: {b: x}\n', 'a[0]', 'E_PATH_MISSING', 'a is no list'],
    ['a key without a value', '{tag}\n', 'tag', 'E_PATH_MISSING', 'no place in the text'],
  ])('%s', (_name, text, path, code, why) => {
    const error = refusal(() => edit(text, change(path, 'v2')));
    expect([error?.code, error?.facts.why]).toEqual([code, expect.stringContaining(why)]);
    expect(error?.facts.at?.file).toBe('v.yaml');
  });
  test('a document that is not there', () => {
    expect(codeOf(() => edit('a: 1\n', change('a', 'v2', { document: 1 })))).toBe('E_DOCUMENT_MISSING');
  });
  test('the same target twice, and a target in a target', () => {
    const both = (...paths: string[]): string =>
      codeOf(() => edit('a:\nb: 1\n', ...paths.map((path) => change(path, 'v2', { ifMissing: 'create' }))));
    expect([both('b', 'b'), both('a', 'a.c'), both('a.c', 'a.c.d')]).toEqual(Array(3).fill('E_OVERLAPPING_EDITS'));
  });
  test('the place is named', () => {
    const error = refusal(() => edit('a: 1\nb:\n  - !x {c: 1}\n', change('b[0].c', 'v2')));
    expect(error?.code).toBe('E_YAML_INVALID');
    expect(refusal(() => edit('a: 1\nb:\n  c: !!int 1\n', change('b.c', 'v2')))?.facts.at).toEqual({
      file: 'v.yaml',
      line: 3,
      column: 12,
    });
  });
});

describe('unfit files', () => {
  const nested = (depth: number): string => `a: ${'['.repeat(depth)}${']'.repeat(depth)}\ntag: v\n`;
  const aliases = (count: number): string => `a: &a x\nb: [${Array(count).fill('*a').join(', ')}]\ntag: v\n`;
  const levels = [...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\ntag: v\n`;
  test.each([
    ['trap 16: a template', 'a: {{ .Values.x }}\n'],
    ['trap 16: a tab for indentation', 'a:\n\tb: 1\n'],
    ['trap 16: lone carriage returns', 'a: 1\rb: 2\r'],
    ['line ends that only readers of YAML 1.1 see', 'a: 1 # c\u2028tag: x\n'],
    ['documents that parsers count in different ways', 'tag: v\n...\n...\n'],
    ['a complex key', '? [a, b]\n: x\ntag: v\n'],
    ['an unknown tag', 'a: !mine x\ntag: v\n'],
    ['what is not printable', 'a: \ufffe\ntag: v\n'],
    ['an alias of nothing', 'a: *x\ntag: v\n'],
    ['an alias of what it stands in', 'a: &a [*a]\ntag: v\n'],
    ['101 aliases', aliases(101)],
    ['an alias bomb', bomb],
    ['65 levels', nested(64)],
    ['a hundred thousand levels', `a: ${'['.repeat(100_000)}`],
    ['a hundred thousand levels of lists', '- '.repeat(100_000)],
  ])('%s', (_name, text) => {
    expect(codeOf(() => edit(text, change('tag', 'v2')))).toBe('E_YAML_INVALID');
  });
  test('the limits themselves are kept', () => {
    for (const text of [nested(63), aliases(100)])
      expect(edit(text, change('tag', 'w'))).toBe(text.replace(/v\n$/, 'w\n'));
    const full = `tag: v\n#${'x'.repeat(2 * 1024 * 1024 - 8)}`;
    expect(edit(full, change('tag', 'w'))).toBe(full.replace('v', 'w'));
  });
  test.each([
    ['trap 36: Latin-1', Buffer.from('a: \xe4\n', 'latin1'), 'E_NOT_UTF8'],
    ['trap 36: one byte more than 2 MiB', Buffer.alloc(2 * 1024 * 1024 + 1, 'a'), 'E_FILE_TOO_LARGE'],
    [
      'trap 36: an LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
      'E_LFS_POINTER',
    ],
  ])('%s', (_name, content, code) => {
    expect(codeOf(() => openSource(content, 'f'))).toBe(code);
  });
  test('the judge and the line are named', () => {
    const error = refusal(() => openSource(bytes('a: 1\nb: 2\nc: "\n'), 'f'));
    expect(error?.facts.what).toContain('line');
    expect(error?.facts.why).toContain('yaml 1.2');
    expect(refusal(() => openSource(bytes('a: 1\nb: !x 2\n'), 'f'))?.facts).toMatchObject({
      at: { file: 'f', line: 2 },
    });
  });
});

describe('unfit values', () => {
  test.each(['a\nb', 'a\u0000', 'a\u001b[31m', 'a\u0085', '\ud800', 'a\u2028', '\ufeffa', '\uffff'])('%j', (value) => {
    expect(codeOf(() => edit('tag: v\n', change('tag', value)))).toBe('E_INPUT');
  });
  test('a type that parsers do not agree on is no type to keep', () => {
    const keep = { mayChangeType: false };
    expect(codeOf(() => edit('tag: yes\n', change('tag', 'v', keep)))).toBe('E_TYPE_CHANGED');
    expect(edit('tag: "yes"\n', change('tag', 'v', keep))).toBe('tag: "v"\n');
    expect(codeOf(() => edit('tag: !!str 1\n', change('tag', '2', { type: 'number' })))).toBe('E_TYPE_CHANGED');
  });
});

describe('keys in any spelling', () => {
  test.each([
    ['trap 14: "a.b"', '"a.b": v1\n', 'a\\.b'],
    ['trap 14: on', 'on: v1\n', 'on'],
    ['trap 14: 8080', '8080: v1\n', '8080'],
    ['a number of one parser', '0o17: v1\n', '0o17'],
    ['null', '~: v1\n', '~'],
    ['a tag', '!!str on: v1\n', 'on'],
    ['not ASCII', 'ключ: v1\n', 'ключ'],
    ['explicit', '? a b\n: v1\n', 'a b'],
    ['single quotes', "'it''s': v1\n", "it's"],
    ['a directive that makes all read alike', '%YAML 1.2\n---\non: v1\n', 'on'],
    ['__proto__', '__proto__: v1\n', '__proto__'],
    ['escapes', '"\\u0061\\x62": v1\n', 'ab'],
  ])('%s', (_name, text, path) => {
    const after = edit(text, change(path, 'v2'));
    expect(after).toBe(text.replace('v1', 'v2'));
    for (const documents of readings(after)) expect(Object.values(documents[0] as object)).toEqual(['v2']);
  });
  test('an empty path names the root, which is no scalar', () => {
    const path: ValuePath = [];
    expect(codeOf(() => edit('a: 1\n', { ...change('a', 'v'), path }))).toBe('E_PATH_NOT_SCALAR');
  });
});
