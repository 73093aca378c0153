import { describe, expect, test } from '@jest/globals';
import {
  ExpositionError,
  parseExposition,
  parseValue,
  seriesKey,
} from '../../../src/verify-canary/collect/exposition.ts';

const read = (text: string, wanted?: string[], openMetrics = false) =>
  parseExposition(text, wanted === undefined ? undefined : new Set(wanted), openMetrics).map(
    ({ name, labels, value }) => [name, { ...labels }, value],
  );

describe('T37 pages as they are written', () => {
  test('the Python client: HELP with escapes, _created, +Inf, exemplars, times', () => {
    const page = [
      '# HELP http_requests_total Requests "served"\\n by \\\\ route',
      '# TYPE http_requests_total counter',
      'http_requests_total{code="200",path="/a\\"b\\\\c\\nd"} 12.0 1700000000000',
      'http_requests_created{code="200"} 1.7e+09',
      '# TYPE http_request_duration_seconds histogram',
      'http_request_duration_seconds_bucket{le="0.5"} 9 # {trace_id="abc"} 0.31 1700000000.1',
      'http_request_duration_seconds_bucket{le="+Inf"} 12.0',
      'http_request_duration_seconds_count 12.0',
      '',
    ].join('\n');
    expect(read(page, ['http_requests_total', 'http_request_duration_seconds_bucket'])).toEqual([
      ['http_requests_total', { code: '200', path: '/a"b\\c\nd' }, 12],
      ['http_request_duration_seconds_bucket', { le: '0.5' }, 9],
      ['http_request_duration_seconds_bucket', { le: '+Inf' }, 12],
    ]);
  });

  test('CRLF, blanks and tabs, no final newline', () => {
    expect(read('a_total 1\r\n\r\n  b_total\t{ x = "y" ,}\t2\r\nc_total 3')).toEqual([
      ['a_total', {}, 1],
      ['b_total', { x: 'y' }, 2],
      ['c_total', {}, 3],
    ]);
  });

  test('OpenMetrics ends in # EOF; without it the page was cut', () => {
    expect(read('a_total 1\n# EOF\n', undefined, true)).toEqual([['a_total', {}, 1]]);
    expect(read('a_total 1\n# EOF', undefined, true)).toEqual([['a_total', {}, 1]]);
    expect(() => read('a_total 1\n', undefined, true)).toThrow('# EOF is missing: the page was cut');
    expect(() => read('a_total 1\n# EOF\nb_total 2\n', undefined, true)).toThrow('text after # EOF');
    // In the older format it is a comment.
    expect(read('# EOF\na_total 1\n')).toEqual([['a_total', {}, 1]]);
  });

  test('quoted UTF-8 names and other comments are passed over', () => {
    expect(read('{"my.metric",a="b"} 1\n#\n#x\na_total 1\n', ['a_total'])).toEqual([['a_total', {}, 1]]);
  });
});

test.each([
  ['1', 1],
  ['-0.5', -0.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1.5e+09', 1.5e9],
  ['NaN', Number.NaN],
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
  ['0x10', undefined],
  ['1,5', undefined],
  ['', undefined],
])('value %s', (text, expected) => {
  expect(parseValue(text)).toBe(expected);
});

describe('a page that must not be used', () => {
  test.each([
    ['a series twice', 'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n', 'line 2: the series a stands there twice'],
    ['no value', 'a\n', 'line 1: a has no readable value'],
    ['an unreadable value', 'a{x="1"} one\n', 'line 1: a has no readable value'],
    ['a label without value', 'a{x} 1\n', 'line 1: its labels cannot be read'],
    ['a label value that goes on', 'a{x="1} 1\n', 'no closing quote'],
    ['HTML', '<!doctype html>\n<p>a 1</p>\n', 'line 1: no metric name'],
  ])('%s', (_, page, why) => {
    expect(() => read(page)).toThrow(ExpositionError);
    expect(() => read(page)).toThrow(why);
  });

  test('what is not wanted is not parsed past its name', () => {
    expect(read('b{x} nonsense\na 1\n', ['a'])).toEqual([['a', {}, 1]]);
    expect(read('<html>\na 1\n', ['a'])).toEqual([['a', {}, 1]]);
  });

  test('T35 ten kilobytes of a label, hostile names of labels', () => {
    const long = 'x'.repeat(10_240);
    expect(read(`a{x="${long}"} 1\n`)).toEqual([['a', { x: long }, 1]]);
    const [sample] = parseExposition('a{__proto__="p",constructor="c"} 1\n');
    expect(Object.entries(sample?.labels ?? {})).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });
});

test('T21 the same series with its labels in another order is one series; an empty label is none', () => {
  expect(seriesKey('a', { x: '1', y: '2' })).toBe(seriesKey('a', { y: '2', x: '1', z: '' }));
  expect(seriesKey('a', { x: '1' })).not.toBe(seriesKey('a', { x: '2' }));
  expect(seriesKey('a', { x: '1","y":"2' })).not.toBe(seriesKey('a', { x: '1', y: '2' }));
});
