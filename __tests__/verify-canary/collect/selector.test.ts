import { describe, expect, test } from '@jest/globals';
import {
  formatMatcher,
  matches,
  matchesLabels,
  parseMatchers,
  parseSelector,
  SelectorError,
  withMatchers,
} from '../../../src/verify-canary/collect/selector.ts';

const hit = (selector: string, labels: Record<string, string>, name = 'm'): boolean =>
  matches(parseSelector(selector), name, labels);

describe('what a selector selects', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['m', {}, true],
    ['m{}', { a: 'x' }, true],
    ['m{a="x"}', { a: 'x', b: 'y' }, true],
    ['m{a="x",}', { a: 'x' }, true],
    ["m { a = 'x' , b != 'z' } ", { a: 'x', b: 'y' }, true],
    ['m{a="x"}', { a: 'X' }, false],
    ['m{a=""}', {}, true],
    ['m{a!=""}', {}, false],
    ['m{a!="x"}', {}, true],
    ['m{a=~"x|y"}', { a: 'y' }, true],
    ['m{a=~"x|y"}', { a: 'xy' }, false],
    ['m{a=~".*"}', {}, true],
    ['m{a=~".+"}', {}, false],
    ['m{a!~"x.*"}', { a: 'xyz' }, false],
    ['m{a=~"a.b"}', { a: 'a\nb' }, true],
    ['m{toString=""}', {}, true],
  ])('%s of %j: %s', (selector, labels, expected) => {
    expect(hit(selector, labels)).toBe(expected);
  });

  test('another name is not selected', () => {
    expect([hit('m', {}, 'm_total'), hit('m:rate5m', {}, 'm:rate5m')]).toEqual([false, true]);
  });

  test('T36 an expression matches the whole value, and "5.." does not match 1503', () => {
    expect(['503', '1503', '5033', '5'].map((code) => hit('m{code=~"5.."}', { code }))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test('T36 (a+)+$ against 50 kB of a and a b: no, and without backtracking', () => {
    // A backtracking engine would not come back from 2^50000 ways.
    expect(hit('m{a=~"(a+)+$"}', { a: `${'a'.repeat(50_000)}b` })).toBe(false);
    expect(hit('m{a=~"(a+)+$"}', { a: 'a'.repeat(50_000) })).toBe(true);
  });

  test('T38 health checks are left out by their path', () => {
    const paths = ['/health', '/healthz', '/v1/equalize', ''];
    expect(paths.map((path) => hit('m{path!~"/health"}', path === '' ? {} : { path }))).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });
});

describe('T35 label values are exact, whatever is in them', () => {
  test.each([
    ['quote', 'say "x"'],
    ['apostrophe', "it's"],
    ['backslash', 'C:\\temp\\'],
    ['line break', 'a\nb'],
    ['pipe', 'a|b'],
    ['markup', '<script>alert(1)</script>'],
    ['workflow command', '::error::x'],
    ['braces and commas', '},{a="b",'],
    ['other scripts', 'größe 大小 🎈'],
  ])('%s', (_, value) => {
    const [matcher] = parseMatchers(formatMatcher({ label: 'a', operator: '=', value, test: () => false }));
    expect(matcher).toMatchObject({ label: 'a', operator: '=', value });
    if (matcher === undefined) return;
    expect(matchesLabels([matcher], { a: value })).toBe(true);
    expect(matchesLabels([matcher], { a: `${value} ` })).toBe(false);
    const merged = withMatchers(parseSelector('m{b="c"}'), [matcher]);
    expect(matches(parseSelector(merged), 'm', { a: value, b: 'c' })).toBe(true);
  });

  test('10 kB of a label value are compared in full', () => {
    const long = 'x'.repeat(10_240);
    expect(hit('m{a=~"x+"}', { a: long })).toBe(true);
    expect(hit('m{a=~"x+"}', { a: `${long}y` })).toBe(false);
  });
});

test.each([
  ['m', [], 'm'],
  ['m', ['t="s"'], 'm{t="s"}'],
  ['m{a=~"5.."}', ['t="s"', "u!='v'"], 'm{a=~"5..",t="s",u!="v"}'],
  ['m{a="\\n"}', [], 'm{a="\\n"}'],
])('%s with %j is %s', (selector, more, expected) => {
  expect(withMatchers(parseSelector(selector), more.flatMap(parseMatchers))).toBe(expected);
});

describe('what cannot be read is refused with its place', () => {
  test.each([
    ['', 'the end at character 1: expected a metric name'],
    ['{a="x"}', 'a metric name must stand before the {'],
    ['9m', 'unexpected "9" at character 1'],
    ['m{', 'the end at character 3: expected , or }'],
    ['m{a}', 'unexpected "}" at character 4: expected =, !=, =~ or !~'],
    ['m{a==b}', 'expected a quoted value'],
    ['m{a="x" b="y"}', 'unexpected "b" at character 9: expected , or }'],
    ['m{a="x}', 'the value that starts at character 5 has no closing quote'],
    ['m{a="x\ny"}', 'has no closing quote'],
    ['m{a="\\d"}', 'are escapes'],
    ['m{"a"="x"}', 'expected a label name'],
    ['m{a=~"("}', 'not valid RE2'],
    ['m{a=~"(?=x)"}', 'not valid RE2'],
    ['m[5m]', 'functions, ranges and offsets are not allowed'],
    ['rate(m[5m])', 'unexpected "(" at character 5'],
    ['m offset 5m', 'unexpected "o" at character 3'],
    [`m{a="${'x'.repeat(500)}"}`, 'longer than 500 characters'],
  ])('%s', (text, why) => {
    expect(() => parseSelector(text)).toThrow(SelectorError);
    expect(() => parseSelector(text)).toThrow(why);
  });

  test('a list of matchers has no braces', () => {
    expect(parseMatchers('a="x", b!="y",').map(formatMatcher)).toEqual(['a="x"', 'b!="y"']);
    expect(() => parseMatchers('{a="x"}')).toThrow('expected a label name');
    expect(() => parseMatchers('a="x"} or m{b="y"')).toThrow('expected a list such as');
  });
});
