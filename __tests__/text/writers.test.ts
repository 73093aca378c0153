import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  formatBytes,
  formatSeconds,
  html,
  manyLines,
  markdown,
  nearest,
  oneLine,
  truncateBytes,
} from '../../src/text/index.ts';

const HOSTILE = 'a\r\n::set-output name=x::y\u001b[31mred\u202e\u200b|<img src=x onerror=1>`](http://evil) @org/team';

describe('oneLine', () => {
  test('leaves no control, bidirectional or zero-width character, and one line', () => {
    expect(oneLine(HOSTILE)).toBe(
      'a ::set-output name=x::yred\\u{202e}\\u{200b}|<img src=x onerror=1>`](http://evil) @org/team',
    );
  });
  test('any text becomes printable, and no longer than asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        const line = oneLine(text, max);
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/);
        expect(line.isWellFormed()).toBe(true);
      }),
    );
  });
  test('is linear in hostile text of 1 MB', () => {
    expect(oneLine('\u001b['.repeat(500_000), 100).length).toBeLessThanOrEqual(100);
    expect(oneLine(`\u001b]${'x'.repeat(1_000_000)}`, 100).length).toBeLessThanOrEqual(100);
  });
});

test('manyLines keeps the lines', () => {
  expect(manyLines('a\tb\r\nc\rd\u0007')).toBe('a  b\nc\nd\\u{7}');
});

test('truncateBytes never cuts a character', () => {
  expect(truncateBytes('aäö', 4)).toBe('aä');
  expect(truncateBytes('aäö', 3)).toBe('aä');
  expect(truncateBytes('aäö', 2)).toBe('a');
});

describe('markdown', () => {
  test('text is inert', () => {
    const out = markdown.text(HOSTILE);
    expect(out).not.toMatch(/(^|[^\\])[`[\]|]/);
    expect(out).not.toContain('<img');
    expect(out).not.toContain('@org');
    expect(out).not.toContain('http://');
  });
  test('text does not start a list, and an address is none', () => {
    expect([markdown.text('1. a'), markdown.text('- a'), markdown.text('127.0.0.1 x')]).toEqual([
      '1\\. a',
      '\\- a',
      '127.0.0.1 x',
    ]);
  });
  test('code survives backticks and pipes', () => {
    expect(markdown.code('a`b|c')).toBe('``a`b\\|c``');
    expect(markdown.code('``')).toBe('``` `` ```');
    expect(markdown.code('')).toBe('');
  });
  test('a fence is longer than any inside', () => {
    expect(markdown.fence('x\n````\ny', 'diff')).toBe('`````diff\nx\n````\ny\n`````\n');
  });
  test('a link takes http(s) only', () => {
    expect(markdown.link('a', 'https://x.org/y')).toBe('[a](<https://x.org/y>)');
    expect(markdown.link('a', 'javascript:alert(1)')).toBe('a');
    expect(markdown.link('a', 'https://x.org/> <b')).toBe('a');
  });
  test('a table is one line a row', () => {
    expect(markdown.table(['a', 'b'], [['1', 'x\ny']])).toBe('| a | b |\n| --- | --- |\n| 1 | x y |\n');
  });
});

test('html text and attributes cannot break out', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[<>"'`]/.test(html.attribute(text)) && !/[<>"']/.test(html.text(text)),
    ),
  );
});

test.each([
  ['imgae', 'image'],
  ['Weigth', 'weight'],
  ['zzz', undefined],
  ['', undefined],
])('nearest(%s) = %s', (word, found) => {
  expect(nearest(word, ['image', 'weight', 'tag'])).toBe(found);
});

test('units', () => {
  expect([999, 1200, 999_600, 12_345_678].map(formatBytes)).toEqual(['999 B', '1.2 kB', '1.0 MB', '12 MB']);
  expect([0.44, 12.3, 185, 3720].map(formatSeconds)).toEqual(['0.4 s', '12 s', '3m05s', '1h02m']);
});
