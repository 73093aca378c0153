import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CORE_SCHEMA, load, YAML11_SCHEMA } from 'js-yaml';
import { isScalar, parse, parseAllDocuments, visit } from 'yaml';
import { ActionError } from '../../src/runner/index.ts';
import {
  type Change,
  editValues,
  formatPath,
  isPlainSafe,
  openSource,
  parsePath,
  type ValuePath,
} from '../../src/yaml/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const change = (path: string, value: string, over: Partial<Change> = {}): Change => ({
  document: undefined,
  path: parsePath(path),
  value,
  type: 'string',
  mayChangeType: true,
  ...over,
});
const edit = (text: string, ...changes: Change[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(editValues(bytes(text), 'v.yaml', changes).bytes);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ActionError) return error.code;
    throw error;
  }
  return 'none';
};
const judges = (text: string): unknown[] => [
  parse(text),
  parse(text, { version: '1.1' }),
  load(text, { schema: CORE_SCHEMA }),
  load(text, { schema: YAML11_SCHEMA }),
];

const TRAP1 = [
  '1234567',
  '12e4567',
  '0777',
  '0x1F',
  '0o17',
  '0b101',
  '1_000',
  '1.10',
  '1e3',
  '.5',
  '5.',
  '08',
  'e123456',
];
const TRAP2 = ['190:20:30', '2001-01-01', '20240101', 'y', 'NO', 'On', '~', 'Null', '.NaN', '-.Inf', 'true', ''];
const TRAP3 = ['v1.2.3', '1.27.3', 'sha-0a1b2c3', '2024.01.15', '0b90474a'];

describe('quoting', () => {
  test.each([...TRAP1, ...TRAP2])(
    'trap 1, 2: %j into a plain target is quoted, and a string to all four judges',
    (value) => {
      const text = edit('tag: v0\n', change('tag', value));
      expect(text).toBe(`tag: ${JSON.stringify(value)}\n`);
      for (const read of judges(text)) expect(read).toEqual({ tag: value });
    },
  );
  test.each(TRAP3)('trap 3: %s stays plain', (value) => {
    expect(edit('tag: v0\n', change('tag', value))).toBe(`tag: ${value}\n`);
  });
  test('what is accepted as plain is a string to all four judges', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789abcdefxoyn_.:-+eEtTrRuUlLsS~@/'), minLength: 1, maxLength: 9 }),
        (value) => {
          fc.pre(isPlainSafe(value));
          for (const read of judges(`k: ${value}\n`)) expect(read).toEqual({ k: value });
        },
      ),
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
  test('trap 9: an anchor without alias is kept', () => {
    expect(edit('tag: &t v1\n', change('tag', 'v2'))).toBe('tag: &t v2\n');
  });
  test('trap 12: a duplicate elsewhere does not matter', () => {
    expect(edit('a: 1\na: 2\ntag: v1\n', change('tag', 'v2'))).toBe('a: 1\na: 2\ntag: v2\n');
  });
  test('trap 13: the named document only', () => {
    expect(edit('tag: v1\n---\ntag: v1\n', change('tag', 'v2', { document: 1 }))).toBe('tag: v1\n---\ntag: v2\n');
  });
  test('trap 21: equal after unquoting: no change; trap 22: same text, other type: changed', () => {
    expect(editValues(bytes('tag: "v2"\n'), 'f', [change('tag', 'v2')]).applied).toEqual([]);
    expect(edit('tag: 1.10\n', change('tag', '1.10'))).toBe('tag: "1.10"\n');
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

describe('refusals', () => {
  test.each([
    ['trap 9: anchor used elsewhere', 'tag: &t v1\nother: *t\n', 'tag', 'E_ANCHOR_SHARED'],
    ['trap 10: alias', 'a: &t v1\ntag: *t\n', 'tag', 'E_ALIAS_TARGET'],
    ['trap 10: through an alias', 'a: &img {tag: v1}\nimage: *img\n', 'image.tag', 'E_ANCHOR_SHARED'],
    ['trap 11: merge key', 'b: &b {tag: v1}\nimage:\n  <<: *b\n', 'image.tag', 'E_MERGE_KEY'],
    ['trap 12: duplicate target', 'tag: a\ntag: b\n', 'tag', 'E_DUPLICATE_KEY'],
    ['trap 12: duplicate ancestor', 'image: {tag: a}\nimage: {tag: b}\n', 'image.tag', 'E_DUPLICATE_KEY'],
    ['trap 13: several documents', 'tag: a\n---\ntag: b\n', 'tag', 'E_DOCUMENT_AMBIGUOUS'],
    ['trap 15: two matches', 'c: [{name: w, tag: a}, {name: w, tag: b}]\n', 'c[name=w].tag', 'E_PATH_MISSING'],
    ['trap 16: template', 'a: {{ .Values.x }}\n', 'a', 'E_YAML_INVALID'],
    ['trap 16: tabs', 'a:\n\tb: 1\n', 'a.b', 'E_YAML_INVALID'],
    ['trap 16: lone CR', 'a: 1\rb: 2\r', 'a', 'E_YAML_INVALID'],
    ['trap 17: swallowed comment', 'tag: v1\u00a0# c\n', 'tag', 'E_COMMENT_SWALLOWED'],
    ['a list', 'a: [1]\n', 'a', 'E_PATH_NOT_SCALAR'],
    ['a map', 'a: {b: 1}\n', 'a', 'E_PATH_NOT_SCALAR'],
    ['custom tag', 'b: !!int 5\n', 'b', 'E_CUSTOM_TAG'],
    ['missing, the nearest is named', 'image: {tga: v1}\n', 'image.tag', 'E_PATH_MISSING'],
    [
      'alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\ntag: v\n`,
      'tag',
      'E_YAML_INVALID',
    ],
    ['deep nesting', `a: ${'['.repeat(80)}${']'.repeat(80)}\ntag: v\n`, 'tag', 'E_YAML_INVALID'],
  ])('%s', (_name, text, path, code) => {
    expect(codeOf(() => edit(text, change(path, 'v2')))).toBe(code);
  });
  test.each([
    ['trap 36: Latin-1', Buffer.from('a: \xe4\n', 'latin1'), 'E_NOT_UTF8'],
    ['trap 36: 3 MiB', Buffer.alloc(3 * 1024 * 1024, 'a'), 'E_FILE_TOO_LARGE'],
    [
      'trap 36: LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
      'E_LFS_POINTER',
    ],
  ])('%s', (_name, content, code) => {
    expect(codeOf(() => openSource(content, 'f'))).toBe(code);
  });
  test.each(['a\nb', 'a\u0000', '\ud800', 'a\u2028'])('unwritable value %j', (value) => {
    expect(codeOf(() => edit('tag: v\n', change('tag', value)))).toBe('E_INPUT');
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

const data = process.env.CONFORMANCE_DATA;
(data === undefined ? test.skip : test)(
  'real values files: every scalar x trap values: one changed span, or a refusal',
  () => {
    const dir = join(String(data), 'values');
    const counts = { edited: 0, refused: 0, equal: 0 };
    for (const name of readdirSync(dir).filter((f) => f.endsWith('.yaml'))) {
      const content = readFileSync(join(dir, name));
      const text = content.toString('utf8');
      const targets: { path: ValuePath; document: number }[] = [];
      for (const [document, doc] of parseAllDocuments(text, { uniqueKeys: false }).entries()) {
        visit(doc, {
          Scalar(key, _node, ancestors) {
            if (key === 'key') return;
            const path: ({ key: string } | { index: number })[] = [];
            for (const [i, ancestor] of ancestors.entries()) {
              const child = ancestors[i + 1] ?? _node;
              if ('items' in ancestor && Array.isArray(ancestor.items) && !('key' in child))
                path.push({ index: ancestor.items.indexOf(child as never) });
              else if ('key' in ancestor && isScalar(ancestor.key))
                path.push({ key: String(ancestor.key.source ?? ancestor.key.value) });
            }
            targets.push({ path, document });
          },
        });
      }
      // Enough to see every style of every file; the whole product is a bench.
      const step = Math.max(1, Math.ceil(targets.length / 12));
      for (const [i, target] of targets.filter((_t, n) => n % step === 0).entries()) {
        const value = [...TRAP1, ...TRAP2, ...TRAP3][i % 30] ?? 'v2';
        try {
          const result = editValues(content, name, [{ ...target, value, type: 'string', mayChangeType: true }]);
          counts[result.applied.length === 0 ? 'equal' : 'edited'] += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(ActionError);
          expect((error as ActionError).code).not.toBe('E_EDIT_NOT_PROVEN');
          counts.refused += 1;
        }
      }
    }
    expect(counts.edited).toBeGreaterThan(200);
  },
  120_000,
);
