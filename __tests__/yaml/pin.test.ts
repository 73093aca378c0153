/** Pins: comments that keep a value. */
import { expect, test } from '@jest/globals';
import { openSource, parsePath, pinOf } from '../../src/yaml/index.ts';
import { bytes, codeOf } from './support.ts';

const pin = (text: string, path = 'tag', document?: number): string | undefined =>
  pinOf(openSource(bytes(text), 'f'), document, parsePath(path));

test.each([
  ['a scalar', 'tag: v1 # bump:pin bad memory\n', 'tag', 'bad memory'],
  ['no why', 'tag: v1 # bump:pin\n', 'tag', ''],
  ['blanks', 'tag: v1 #  bump:pin   why  \n', 'tag', 'why'],
  ['no blank', 'tag: v1 #bump:pin why\n', 'tag', 'why'],
  ['behind another comment', 'tag: v1 # renovate # bump:pin why\n', 'tag', 'why'],
  ['CRLF', 'tag: v1 # bump:pin why\r\nb: 1\r\n', 'tag', 'why'],
  ['an empty value', 'tag: # bump:pin why\n', 'tag', 'why'],
  ['quotes', 'tag: "v1" # bump:pin why\n', 'tag', 'why'],
  ['the line of the key', 'tag: # bump:pin why\n  v1\n', 'tag', 'why'],
  ['the line of the value', 'tag:\n  v1 # bump:pin why\n', 'tag', 'why'],
  ['the last line of quotes', 'tag: "a\n  b" # bump:pin why\n', 'tag', 'why'],
  ['the header of a block', 'tag: | # bump:pin why\n  v1\n', 'tag', 'why'],
  ['a map', 'image: # bump:pin why\n  tag: v1\n', 'image', 'why'],
  ['a map in braces', 'image: {tag: v1} # bump:pin why\n', 'image', 'why'],
  ['in braces, by its line', 'image: {\n  a: 1, # bump:pin why\n  tag: v1\n  }\n', 'image.a', 'why'],
  ['an item of a list', 'c:\n  - name: web # bump:pin why\n    tag: v1\n', 'c[name=web]', 'why'],
  ['a tag, an anchor', 'tag: &t !!str v1 # bump:pin why\n', 'tag', 'why'],
])('%s', (_name, text, path, why) => {
  expect(pin(text, path)).toBe(why);
});

test.each([
  ['text that looks like one', 'tag: "# bump:pin"\n'],
  ['text of a block', 'tag: |\n  # bump:pin\n'],
  ['plain text', 'tag: v1#bump:pin\n'],
  ['another word', 'tag: v1 # bump:pinned\n'],
  ['another comment', 'tag: v1 # do not bump:pin\n'],
  ['the line above', '# bump:pin\ntag: v1\n'],
  ['the line below', 'tag: v1\n# bump:pin\n'],
  ['the line below a block', 'tag: |\n  v1\nb: 1 # bump:pin\n'],
  ['a key inside the map', 'image:\n  tag: v1 # bump:pin\n', 'image'],
  ['the map around it', 'image: # bump:pin\n  tag: v1\n', 'image.tag'],
  ['in braces, by another line', 'image: {\n  a: 1, # bump:pin why\n  tag: v1\n  }\n', 'image.tag'],
  ['missing', 'a: 1 # bump:pin\n'],
])('%s is no pin', (_name, text, path = 'tag') => {
  expect(pin(text, path)).toBeUndefined();
});

test('of its own document; what must not be edited is refused as ever', () => {
  const text = 'tag: a # bump:pin one\n---\ntag: b\n';
  expect([pin(text, 'tag', 0), pin(text, 'tag', 1)]).toEqual(['one', undefined]);
  expect(codeOf(() => pin(text))).toBe('E_DOCUMENT_AMBIGUOUS');
});
