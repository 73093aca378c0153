/** Writing back what stood there: numbers, booleans and nulls in their own spelling. */
import { describe, expect, test } from '@jest/globals';
import { type Change, isEqual, openSource } from '../../src/yaml/index.ts';
import { bytes, change, codeOf, edit, readings } from './support.ts';

const typed = (type: Change['type'], value: string): Change => change('tag', value, { type });

describe('numbers', () => {
  test.each(['1.10', '0x10', '25', '-0', '+1', '.5', '5.', '1.5e+3'])('%s comes back as it was', (value) => {
    const before = `tag: ${value} # c\n`;
    const bumped = edit(before, change('tag', 'v1'));
    expect(bumped).toBe('tag: v1 # c\n');
    expect(edit(bumped, typed('number', value))).toBe(before);
    expect(edit('tag: "0777"\n', typed('number', value))).toBe(`tag: ${value}\n`);
  });
  test.each([
    '0777',
    '0o17',
    '1_000',
    '0b11',
    '1e3',
    '1.0e+999',
    '190:20:30',
    '2001-01-01',
    'abc',
    '',
    '1 # c',
    '[1]',
    '1\nb: 2',
  ])('%j is no number to all four judges', (value) => {
    expect(codeOf(() => edit('tag: v1\n', typed('number', value)))).toBe('E_TYPE_CHANGED');
  });
  test.each(['.inf', '-.Inf', '.nan'])('%s is not finite', (value) => {
    expect(codeOf(() => edit('tag: v1\n', typed('number', value)))).toBe('E_INPUT');
  });
  test('equal is what is read, not what is spelled', () => {
    const source = openSource(bytes('tag: 1.10\n'), 'f');
    expect(isEqual(source, typed('number', '1.1'))).toBe(true);
    expect(isEqual(source, typed('number', '1.100'))).toBe(true);
    expect(isEqual(source, typed('number', '0x1'))).toBe(false);
    expect(isEqual(source, typed('number', '0o17'))).toBe(false);
    expect(isEqual(source, typed('string', '1.1'))).toBe(false);
  });
});

describe('booleans', () => {
  test.each(['true', 'false', 'True', 'FALSE'])('%s comes back as it was', (value) => {
    expect(edit(edit(`tag: ${value}\n`, change('tag', 'on')), typed('boolean', value))).toBe(`tag: ${value}\n`);
  });
  test.each(['yes', 'on', 'y', '1', 'tRUE', ''])('%j is no boolean to all four judges', (value) => {
    expect(codeOf(() => edit('tag: v1\n', typed('boolean', value)))).toBe('E_TYPE_CHANGED');
  });
});

describe('nulls', () => {
  test.each([
    'tag:',
    'tag:\n',
    'tag: # todo\n',
    'tag:  # todo\n',
    'tag:\r\nb: 1\r\n',
    'tag: &x\nb: 1\n',
    'tag: &x # c',
    'tag:\n\n\nb: 1\n',
    'tag:\n  # c\nb: 1\n',
    '{tag: }\n',
    '{tag: , b: 1}\n',
    'tag: ~ # c\n',
    'tag: null\n',
    'tag: NULL',
  ])('%j, a bump, and back: the same bytes', (before) => {
    const word = /~|null/i.exec(before)?.[0] ?? '';
    const bumped = edit(before, change('tag', 'v1'));
    expect(bumped).not.toBe(before);
    expect(edit(bumped, typed('null', word))).toBe(before);
  });
  test.each([
    ['blanks before a line end go too', 'tag:   v1  \nb: 1\n', 'tag:  \nb: 1\n'],
    ['a block', 'tag: |-\n  a\n\nb: 1\n', 'tag:\n\nb: 1\n'],
    ['a block with a comment', 'tag: > # c\n  a\n', 'tag: # c\n'],
    ['several lines', 'tag: a\n  b # c\n', 'tag: # c\n'],
    ['on a line of its own', 'tag:\n  v1\nb: 1\n', 'tag:\n\nb: 1\n'],
    ['keys in quotes', '{"tag":"v1","b":1}\n', '{"tag":,"b":1}\n'],
  ])('%s', (_name, before, after) => {
    expect(edit(before, typed('null', ''))).toBe(after);
    for (const [document] of readings(after)) expect(document).toMatchObject({ tag: null });
  });
  test.each(['nULL', 'x', ' ', '# c', '[]'])('%j is no null', (value) => {
    expect(codeOf(() => edit('tag: v1\n', typed('null', value)))).toBe('E_TYPE_CHANGED');
  });
  test('nothing is no item of a list in brackets', () => {
    expect(codeOf(() => edit('l: [a, b]\n', change('l[0]', '', { type: 'null' })))).toBe('E_TYPE_CHANGED');
    expect(edit('l: [a, b]\n', change('l[0]', '~', { type: 'null' }))).toBe('l: [~, b]\n');
    expect(edit('l:\n- a\n- b\n', change('l[0]', '', { type: 'null' }))).toBe('l:\n-\n- b\n');
  });
  test('equal whatever the spelling', () => {
    for (const text of ['tag:\n', 'tag: ~\n', 'tag: null\n'])
      for (const value of ['', '~', 'null']) expect(edit(text, typed('null', value))).toBe(text);
  });
});

test('any type may take the place of any other, and must be told to', () => {
  const values: [Change['type'], string][] = [
    ['string', 'v1'],
    ['number', '1.10'],
    ['boolean', 'true'],
    ['null', '~'],
  ];
  for (const [type, value] of values)
    for (const [other, old] of values) {
      if (type === other) continue;
      const text = `tag: ${old}\n`;
      expect(edit(text, typed(type, value))).toBe(`tag: ${value}\n`);
      expect(codeOf(() => edit(text, change('tag', value, { type, mayChangeType: false })))).toBe('E_TYPE_CHANGED');
    }
});
