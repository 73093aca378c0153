import { describe, expect, test } from '@jest/globals';
import {
  canonicalLine,
  createJudge,
  fitLine,
  type Interval,
  parseLine,
  TraceError,
} from '../../../src/verify-canary/core/index.ts';
import { errors, plainConfig, Rollout } from './support.ts';

const interval = '"v":1,"step":"5","weight":5,"start":0,"end":60';
const line = (more: string): string => `{${interval},${more}}`;
const arms = (arm: string): string => line(`"metrics":{"m":{"stable":${arm},"canary":null}}`);

const onePod = (name: string, counts: string): string => line(`"pods":{"stable":{"${name}":${counts}},"canary":{}}`);
const many = (count: number, value = '{}'): string =>
  Array.from({ length: count }, (_, i) => `"p${String(i).padStart(2, '0')}":${value}`).join(',');

describe('T31 what a trace line may be', () => {
  test.each<[string, string, RegExp]>([
    ['not JSON', '{"v":1', /not JSON/],
    ['a list', '[]', /not an object/],
    ['null', 'null', /not an object/],
    ['another version', '{"v":2}', /v must be 1/],
    ['another type', '{"v":1,"type":"note"}', /type must be/],
    ['an end at its start', '{"v":1,"step":null,"weight":null,"start":5,"end":5}', /end must be after start/],
    ['a backward interval', '{"v":1,"step":null,"weight":null,"start":5,"end":4}', /end must be after start/],
    ['a time before 1970', '{"v":1,"step":null,"weight":null,"start":-1,"end":4}', /start is not a time/],
    ['four decimals', '{"v":1,"step":null,"weight":null,"start":0,"end":0.0001}', /end is not a time/],
    ['milliseconds', '{"v":1,"step":null,"weight":null,"start":0,"end":1700000000000}', /end is not a time/],
    ['no step', '{"v":1,"weight":null,"start":0,"end":1}', /step must be a text/],
    ['a long step', `{"v":1,"step":"${'a'.repeat(65)}","weight":null,"start":0,"end":1}`, /step must be a text/],
    ['weight 0 of a step', '{"v":1,"step":"0","weight":0,"start":0,"end":1}', /its step must be null/],
    ['a negative weight', '{"v":1,"step":null,"weight":-1,"start":0,"end":1}', /weight must be from 0 to 100/],
    ['weight 101', '{"v":1,"step":null,"weight":101,"start":0,"end":1}', /weight must be from 0 to 100/],
    ['a text as weight', '{"v":1,"step":null,"weight":"5","start":0,"end":1}', /weight is not a finite number/],
    ['half a request', line('"traffic":{"stable":1.5,"canary":0}'), /traffic\.stable is not a whole number/],
    ['traffic of one arm', line('"traffic":{"stable":1}'), /traffic\.canary is not a finite number/],
    ['an unknown gap', line('"gap":"asleep"'), /gap must be one of query-error/],
    ['an unknown flag', line('"flags":["odd"]'), /flags must be one of/],
    ['flags that are no list', line('"flags":"restart"'), /flags must be a list/],
    ['metrics as a list', line('"metrics":[]'), /metrics is not an object/],
    ['a metric name in capitals', line('"metrics":{"Errors":{"stable":null,"canary":null}}'), /a name in metrics/],
    ['a metric named __proto__', line('"metrics":{"__proto__":{"stable":null,"canary":null}}'), /a name in metrics/],
    ['an arm without n', arms('{"e":1}'), /m\.stable\.n is not a finite number/],
    ['an arm with n alone', arms('{"n":1}'), /must have n and one of/],
    ['an arm of two kinds', arms('{"n":1,"e":1,"x":1,"pods":1}'), /must have n and one of/],
    ['pods without x', arms('{"n":1,"e":1,"pods":1}'), /must have n and one of/],
    ['x without pods', arms('{"n":1,"x":1}'), /m\.stable\.pods is not a finite number/],
    ['no pod', arms('{"n":1,"x":1,"pods":0}'), /pods must be at least 1/],
    ['negative CPU', arms('{"n":1,"x":-1,"pods":1}'), /x must not be negative/],
    ['a negative count', arms('{"n":-1,"e":0}'), /not a whole number/],
    ['a count above 2^53-1', arms('{"n":9007199254740992,"e":0}'), /not a whole number/],
    ['a bound that is no number', arms('{"n":1,"le":{"fast":1}}'), /a bound in m\.stable\.le is not a number/],
    ['an empty bound', arms('{"n":1,"le":{"":1}}'), /a bound in m\.stable\.le is not a number/],
    ['an infinite bound', arms('{"n":1,"le":{"Infinity":1}}'), /a bound in m\.stable\.le is not a number/],
    ['a falling histogram', arms('{"n":9,"le":{"1":3,"0.5":4}}'), /must not fall/],
    ['a bucket above n', arms('{"n":9,"le":{"1":10}}'), /must not be above n/],
    ['a bound twice', arms('{"n":9,"le":{"1":3,"1.0":3}}'), /has the bound 1 twice/],
    ['pods as a list', line('"pods":[]'), /pods is not an object/],
    ['pods of one arm', line('"pods":{"stable":{}}'), /pods\.canary is not an object/],
    ['a pod without a name', onePod('', '{}'), /a key of pods\.stable is not the name of a pod/],
    ['a pod named __proto__', onePod('__proto__', '{}'), /a key of pods\.stable is not the name/],
    ['a pod with a line break', onePod('a\\n::error::', '{}'), /a key of pods\.stable is not the name/],
    ['a pod of 254 characters', onePod('a'.repeat(254), '{}'), /a key of pods\.stable is not the name/],
    ['a pod that is a number', onePod('a', '1'), /a pod in pods\.stable is not an object/],
    ['a metric of a pod in capitals', onePod('a', '{"M":{"n":1,"e":1}}'), /a name in pods\.stable/],
    ['a pod without e', onePod('a', '{"m":{"n":1}}'), /m\.e in pods\.stable is not a finite number/],
    ['half a request of a pod', onePod('a', '{"m":{"n":1.5,"e":1}}'), /m\.n in pods\.stable is not a whole number/],
    ['21 pods', line(`"pods":{"stable":{${many(21)}},"canary":{}}`), /pods\.stable has more than 20 pods/],
    ['nodes as a list', line('"nodes":[]'), /nodes is not an object/],
    ['a node that is a number', line('"nodes":{"a":1}'), /not the name of a node/],
    ['a node with a blank', line('"nodes":{"a":"b c"}'), /not the name of a node/],
    ['a node of nothing', line('"nodes":{"":"b"}'), /a key of nodes is not the name of a pod/],
    ['nodes of 41 pods', line(`"nodes":{${many(41, '"n"')}}`), /nodes has more than 40 pods/],
    ['an unknown event', '{"v":1,"type":"event","at":1,"event":"end"}', /event must be one of/],
    ['a number as detail', '{"v":1,"type":"event","at":1,"event":"run","detail":1}', /detail must be a text/],
    ['a header with a number', '{"v":1,"type":"header","app":1}', /app must be a text/],
    ['64 KiB and one', `"${'a'.repeat(65535)}"`, /longer than 65536/],
  ])('%s is refused', (_, text, message) => {
    expect(() => parseLine(text)).toThrow(TraceError);
    expect(() => parseLine(text)).toThrow(message);
  });

  test.each([
    ['interval', line('"weigth":5'), 'weigth', 'weight'],
    ['event', '{"v":1,"type":"event","at":1,"event":"run","details":""}', 'details', 'detail'],
    ['header', '{"v":1,"type":"header","apps":""}', 'apps', 'app'],
    ['arm', arms('{"n":1,"e":1,"pod":1}'), 'pod', 'pods'],
    ['arm of a pod', onePod('a', '{"m":{"n":1,"e":1,"le":{}}}'), 'le', 'n'],
    ['pair', line('"traffic":{"stable":1,"canary":1,"canari":1}'), 'canari', 'canary'],
  ])('an unknown key of an %s comes with those that are known', (_, text, key, known) => {
    const unknown = expect.objectContaining({ key, known: expect.arrayContaining([known]) });
    expect(() => parseLine(text)).toThrow(expect.objectContaining({ message: 'unknown key', unknown }));
  });

  test.each([
    ['more events than requests', arms('{"n":1,"e":2}')],
    ['no request', arms('{"n":0,"e":0}')],
    ['the largest count', arms('{"n":9007199254740991,"e":0}')],
    ['three decimals', '{"v":1,"step":null,"weight":null,"start":1700000000.123,"end":1700000000.124}'],
    ['a line of the baseline', '{"v":1,"step":null,"weight":0,"start":0,"end":60}'],
    ['all traffic', line('"flags":[]').replace('"weight":5', '"weight":100')],
    ['an event sync-timeout', '{"v":1,"type":"event","at":1,"event":"sync-timeout"}'],
    [
      'pods and nodes',
      line('"pods":{"stable":{"7":{},"a":{"m":{"n":9,"e":1}}},"canary":{"[::1]:80":{}}},"nodes":{"a":"n"}'),
    ],
    ['as many pods as there may be', line(`"pods":{"stable":{${many(20)}},"canary":{${many(20)}}}`)],
    ['a gap with flags', line('"gap":"partial","flags":["stretched","target-lost"]')],
  ])('%s is read and written as it was', (_, text) => {
    expect(canonicalLine(parseLine(text))).toBe(text);
  });

  test('a line as long as the limit is read', () => {
    const long = line(`"flags":[]${' '.repeat(65536 - line('"flags":[]').length)}`);
    expect(parseLine(long)).toMatchObject({ flags: [] });
  });
});

describe('T31 lines follow one another', () => {
  const later = (start: number, end: number) => ({ v: 1, step: '5', weight: 5, start, end }) as const;

  test.each<[string, () => unknown]>([
    ['an overlap', () => later(59, 120)],
    ['a backward line', () => later(0, 60)],
    ['an event before the end', () => ({ v: 1, type: 'event', at: 59, event: 'run' })],
  ])('%s is refused and changes nothing', (_, next) => {
    const rollout = new Rollout(plainConfig());
    rollout.line(errors(950, 50, 5, 0));
    const before = rollout.judge.verdict();
    expect(() => rollout.judge.observe(next() as never)).toThrow(TraceError);
    expect(rollout.judge.verdict()).toEqual(before);
    expect(rollout.line(errors(950, 50, 5, 0)).at).toBe(120);
  });

  test('a line before the event above it is refused; one at that very time is not', () => {
    const judge = createJudge(plainConfig());
    judge.observe({ v: 1, type: 'event', at: 100, event: 'run' });
    expect(() => judge.observe(later(99, 160))).toThrow(/before the line above it ends/);
    expect(judge.observe(later(100, 160)).at).toBe(160);
  });

  test('a header has no time and can stand first only in name', () => {
    const judge = createJudge(plainConfig());
    judge.observe({ v: 1, type: 'header', app: 'shop', revision: '', image: '', note: '' });
    judge.observe({ v: 1, type: 'header', app: 'other', revision: 'abc', image: '', note: '' });
    expect(judge.verdict()).toMatchObject({ app: 'shop', revision: 'abc', image: '', to: null });
  });
});

describe('T45 odd numbers are refused or written the usual way', () => {
  test.each([
    ['NaN', arms('{"n":NaN,"e":0}')],
    ['Infinity', arms('{"n":1,"x":Infinity,"pods":1}')],
    ['1e999', arms('{"n":1,"x":1e999,"pods":1}')],
    ['1e21 as a count', arms('{"n":1e21,"e":0}')],
    ['1e21 as a time', '{"v":1,"step":null,"weight":null,"start":0,"end":1e21}'],
  ])('%s is refused', (_, text) => {
    expect(() => parseLine(text)).toThrow(TraceError);
  });

  test.each([
    [
      '-0 everywhere',
      arms('{"n":-0,"x":-0,"pods":1}').replace('"start":0', '"start":-0'),
      arms('{"n":0,"x":0,"pods":1}'),
    ],
    ['-0 as a bound', arms('{"n":1,"le":{"-0":-0}}'), arms('{"n":1,"le":{"0":0}}')],
    ['1e0 and 60.0', arms('{"n":1e0,"e":0.0}').replace('60', '60.0'), arms('{"n":1,"e":0}')],
    [
      'other spellings of bounds',
      arms('{"n":4,"le":{"1e1":3,"0.50":1,"+1":2}}'),
      arms('{"n":4,"le":{"0.5":1,"1":2,"10":3}}'),
    ],
    ['CPU seconds of 1e21', arms('{"n":1,"x":1e21,"pods":1}'), arms('{"n":1,"x":1e+21,"pods":1}')],
  ])('%s', (_, text, written) => {
    expect(canonicalLine(parseLine(text))).toBe(written);
  });

  test('-0 is read as 0', () => {
    expect(parseLine('{"v":1,"type":"event","at":-0,"event":"run"}')).toStrictEqual({
      v: 1,
      type: 'event',
      at: 0,
      event: 'run',
    });
  });

  test('-0 that never was text is written as 0', () => {
    const traffic = { stable: -0, canary: -0 };
    const metrics = { m: { stable: { n: -0, e: -0 }, canary: { n: -0, le: { '-0': -0 } } } };
    const text = canonicalLine({ v: 1, step: null, weight: null, start: -0, end: 1, traffic, metrics });
    expect(text).not.toContain('-0');
    expect(() => parseLine(text)).not.toThrow();
  });
});

test('pods that would make a line too long are left out, and only then', () => {
  const counts = Object.fromEntries(
    Array.from({ length: 32 }, (_, i) => [`metric-${i}-${'x'.repeat(20)}`, { n: 123456, e: 123456 }]),
  );
  const of = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`pod-${i}`, { ...counts }]));
  const short = parseLine(line(`"pods":${JSON.stringify({ stable: of(20), canary: of(10) })},"nodes":{"pod-1":"n"}`));
  const long = { ...short, pods: { stable: of(20), canary: of(20) } } as Interval;
  expect(fitLine(short as Interval)).toBe(short);
  expect(fitLine(long)).toEqual(parseLine(`{${interval}}`));
  expect(fitLine(fitLine(long))).toEqual(fitLine(long));
});

test('pods in canonical form: by name, metrics in the order of the config, whatever the order of the text', () => {
  const text =
    '"pods":{"canary":{},"stable":{"b":{"z":{"e":0,"n":1},"a":{"n":2,"e":1},"c":{"n":3,"e":1}},"10":{},"9":{}}}';
  const nodes = '"nodes":{"b":"n2","a":"n1"}';
  expect(canonicalLine(parseLine(line(`${nodes},${text}`)), ['z'])).toBe(
    line(
      '"pods":{"stable":{"10":{},"9":{},"b":{"z":{"n":1,"e":0},"a":{"n":2,"e":1},"c":{"n":3,"e":1}}},"canary":{}},' +
        '"nodes":{"a":"n1","b":"n2"}',
    ),
  );
});

test('the canonical form has the documented order: keys, metrics of the config, then by name', () => {
  const text = `{"flags":["restart"],"metrics":{"b":{"canary":null,"stable":{"pods":1,"x":0.5,"n":2}},"a":{"stable":null,"canary":null},
    "z":{"stable":null,"canary":null}},"traffic":{"canary":1,"stable":2},"end":60,"start":0,"weight":5,"step":"5","v":1}`;
  expect(canonicalLine(parseLine(text), ['z'])).toBe(
    line(
      '"traffic":{"stable":2,"canary":1},"metrics":{"z":{"stable":null,"canary":null},"a":{"stable":null,"canary":null},' +
        '"b":{"stable":{"n":2,"x":0.5,"pods":1},"canary":null}},"flags":["restart"]',
    ),
  );
});
