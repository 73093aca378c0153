import { describe, expect, test } from '@jest/globals';
import type { ActionError } from '../../src/runner/index.ts';
import { formatMatcher } from '../../src/verify-canary/collect/selector.ts';
import { type Inputs, parseCanaryInputs, type SourceInput } from '../../src/verify-canary/inputs.ts';
import { settleMode } from '../../src/verify-canary/mode.ts';
import { rules } from './support/world.ts';

const parse = (inputs: Record<string, string>): Inputs =>
  settleMode(
    parseCanaryInputs(
      Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    ),
    rules(),
  ).inputs;

const SCRAPE = {
  'expected-weight': '5',
  'stable-targets': 'http://127.0.0.1:1/metrics\nhttp://127.0.0.1:2/metrics',
  'canary-targets': 'http://127.0.0.1:3/metrics',
};
const PROM = {
  'expected-weight': '5',
  'prometheus-url': 'https://prom.example.com/base',
  'stable-selector': 'track="stable"',
  'canary-selector': 'track="canary"',
};
type Of<K extends SourceInput['kind']> = Extract<SourceInput, { kind: K }>;

describe('sources', () => {
  test('scrape', () => {
    const { source, weight, step, plainHttp } = parse(SCRAPE);
    const { stable, canary } = source as Of<'scrape'>;
    expect([source.kind, weight, step, plainHttp]).toEqual(['scrape', 5, '5', []]);
    expect([stable.length, canary[0]?.href]).toEqual([2, 'http://127.0.0.1:3/metrics']);
  });

  test('prometheus: the base path stays, headers and the token are secrets', () => {
    const { source, secrets } = parse({
      ...PROM,
      'prometheus-token': 'abc.def',
      'prometheus-headers': 'X-Scope-OrgID: shop\nX-Other:  a:b ',
    });
    const { url, headers, stable } = source as Of<'prometheus'>;
    expect(url.pathname).toBe('/base');
    expect(headers).toEqual({ 'x-scope-orgid': 'shop', 'x-other': 'a:b', authorization: 'Bearer abc.def' });
    expect(stable.map(formatMatcher)).toEqual(['track="stable"']);
    expect(secrets).toEqual(expect.arrayContaining(['abc.def', 'shop', 'a:b', 'Bearer abc.def']));
  });

  test('what a header carries after its scheme is a secret by itself', () => {
    const { secrets } = parse({ ...PROM, 'prometheus-headers': 'Authorization: Basic dXNlcjpwYXNz' });
    expect(secrets).toEqual(expect.arrayContaining(['Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz']));
  });

  test('replay needs no weight', () => {
    expect(parse({ replay: 'trace.jsonl' })).toMatchObject({ weight: null, step: '', source: { kind: 'replay' } });
  });

  test('plain http to other hosts only when allowed, and then to those hosts', () => {
    const inside = { ...PROM, 'prometheus-url': 'http://prometheus.monitoring:9090', 'allow-insecure-http': 'true' };
    expect(parse(inside).plainHttp).toEqual(['prometheus.monitoring:9090']);
  });
});

describe('since', () => {
  const since = (text: string, weight = '25') =>
    (parse({ ...PROM, 'expected-weight': weight, since: text }).source as Of<'prometheus'>).since;

  test.each<[string, { weight: number | null; at: number }[]]>([
    ['1700000000', [{ weight: null, at: 1_700_000_000 }]],
    ['2023-11-14T22:13:20Z', [{ weight: null, at: 1_700_000_000 }]],
    ['2023-11-14T23:13:20.5+01:00', [{ weight: null, at: 1_700_000_000.5 }]],
    [
      '5@1700000000\n25@2023-11-14T22:23:20Z',
      [
        { weight: 5, at: 1_700_000_000 },
        { weight: 25, at: 1_700_000_600 },
      ],
    ],
  ])('%s', (text, expected) => {
    expect(since(text)).toEqual(expected);
  });

  test.each([
    ['yesterday', 'line 1 has no time'],
    ['5@', 'line 1 has no time'],
    ['2023-11-14', 'line 1 has no time'],
    ['2023-11-14T22:13:20', 'line 1 has no time'],
    ['2023-99-14T22:13:20Z', 'line 1 has no time'],
    ['0@1700000000', 'line 1 has no weight'],
    ['1.2.3@1700000000', 'line 1 has no weight'],
    ['5@1700000600\n25@1700000000', 'line 2 is not after the line above it'],
    ['1700000000\n25@1700000600', 'stands alone only'],
    ['5@1700000000', 'its last weight is 5, but expected-weight is 25'],
  ])('%s is refused', (text, why) => {
    expect(refused({ ...PROM, 'expected-weight': '25', since: text })).toMatchObject({
      code: 'E_SINCE_INVALID',
      message: expect.stringContaining(why),
    });
  });
});

describe('T40 weights', () => {
  test('100 says what to do', () => {
    const { code, message } = refused({ ...SCRAPE, 'expected-weight': '100' });
    expect(code).toBe('E_WEIGHT_INVALID');
    expect(message).toContain('at 100 % there is no stable version left to compare with');
    expect(message).toContain('Verify the last weight below 100 and then go to 100 without this step');
  });

  test.each(['', '0', '-5', '101', '5 %', '5e0', '0x5', 'NaN', '5,5', '٥'])('"%s" is refused', (weight) => {
    expect(refused({ ...SCRAPE, 'expected-weight': weight })).toMatchObject({ code: 'E_WEIGHT_INVALID' });
  });

  test.each([
    ['0.5', 0.5],
    ['99.999', 99.999],
  ])('%s is taken', (text, weight) => {
    expect(parse({ ...SCRAPE, 'expected-weight': text }).weight).toBe(weight);
  });
});

describe('what is refused', () => {
  const { 'canary-targets': _, ...half } = SCRAPE;
  test.each<[string, Record<string, string>, string, string]>([
    ['no source', { 'expected-weight': '5' }, 'E_SOURCE_CONFLICT', 'there is no source'],
    ['two sources', { ...SCRAPE, ...PROM }, 'E_SOURCE_CONFLICT', 'several sources: scrape, prometheus'],
    ['a source and a replay', { ...SCRAPE, replay: 'x' }, 'E_SOURCE_CONFLICT', 'scrape, replay'],
    ['one arm only', half, 'E_SOURCE_CONFLICT', 'one of them is empty'],
    ['history and since', { ...PROM, history: 'x', since: '1700000000' }, 'E_SOURCE_CONFLICT', 'excludes since'],
    ['a step with a blank', { ...SCRAPE, step: 'step 5' }, 'E_STEP_INVALID', '1 to 64'],
    ['a step that is a path', { ...SCRAPE, step: '../5' }, 'E_STEP_INVALID', '1 to 64'],
    ['a long step', { ...SCRAPE, step: 'x'.repeat(65) }, 'E_STEP_INVALID', '1 to 64'],
    ['a long app', { ...SCRAPE, app: 'x'.repeat(257) }, 'E_HEADER_INVALID', 'longer than 256'],
    ['no address', { ...SCRAPE, 'canary-targets': 'shop:8080' }, 'E_TARGET_INVALID', 'only https'],
    ['a relative address', { ...SCRAPE, 'canary-targets': '/metrics' }, 'E_TARGET_INVALID', 'not an absolute address'],
    ['a file', { ...SCRAPE, 'canary-targets': 'file:///etc/passwd' }, 'E_TARGET_INVALID', 'only https'],
    ['plain http', { ...SCRAPE, 'canary-targets': 'http://shop:80/metrics' }, 'E_INSECURE_URL', 'without TLS'],
    ['metadata', { ...PROM, 'prometheus-url': 'https://169.254.169.254/' }, 'E_TARGET_INVALID', 'link-local'],
    [
      'metadata as IPv6, plain http allowed',
      { ...PROM, 'prometheus-url': 'http://[fd00:ec2::254]/', 'allow-insecure-http': 'true' },
      'E_TARGET_INVALID',
      'link-local',
    ],
    [
      'a pod twice',
      { ...SCRAPE, 'canary-targets': 'http://127.0.0.1/m\nhttp://127.0.0.1/m' },
      'E_TARGET_INVALID',
      'twice',
    ],
    [
      'a pod twice, spelt differently',
      { ...SCRAPE, 'canary-targets': 'http://127.0.0.1/m\nhttp://127.0.0.1:80/m#x' },
      'E_TARGET_INVALID',
      'twice',
    ],
    [
      'a pod on both sides',
      { ...SCRAPE, 'canary-targets': 'http://127.0.0.1:1/metrics#c' },
      'E_TARGET_INVALID',
      'among',
    ],
    [
      '51 pods',
      { ...SCRAPE, 'stable-targets': Array.from({ length: 51 }, (_x, i) => `http://127.0.0.1:${i + 1}/`).join('\n') },
      'E_TARGET_INVALID',
      'more than 50',
    ],
    ['no selector', { ...PROM, 'canary-selector': '' }, 'E_SELECTOR_INVALID', 'it is empty'],
    ['a selector with braces', { ...PROM, 'canary-selector': '{track="canary"}' }, 'E_SELECTOR_INVALID', 'label name'],
    ['injected PromQL', { ...PROM, 'canary-selector': 'a="b"} or up{c="d"' }, 'E_SELECTOR_INVALID', 'expected a list'],
    [
      'the same selector, in another order and other quotes',
      { ...PROM, 'stable-selector': 'a="b",c="d"', 'canary-selector': "c='d', a='b'" },
      'E_SELECTOR_INVALID',
      'selects the same',
    ],
    [
      'a header without name',
      { ...PROM, 'prometheus-headers': ': x' },
      'E_HEADER_INVALID',
      'line 1 has no header name',
    ],
    ['a header without value', { ...PROM, 'prometheus-headers': 'X-A:' }, 'E_HEADER_INVALID', 'line 1 has no value'],
    ['a header twice', { ...PROM, 'prometheus-headers': 'X-A: 1\nx-a: 2' }, 'E_HEADER_INVALID', 'sets x-a again'],
    [
      'a header of the request',
      { ...PROM, 'prometheus-headers': 'Host: evil' },
      'E_HEADER_INVALID',
      'belongs to the request',
    ],
    [
      'two credentials',
      { ...PROM, 'prometheus-token': 't', 'prometheus-headers': 'Authorization: Basic x' },
      'E_HEADER_INVALID',
      'Give one',
    ],
    ['a token with a line break', { ...PROM, 'prometheus-token': 'a\nb' }, 'E_HEADER_INVALID', 'no token has'],
    ['a wrong word for yes', { ...SCRAPE, observe: 'yes' }, 'E_INPUT', '"yes" is not true or false'],
  ])('%s', (_name, inputs, code, why) => {
    const error = refused(inputs);
    expect(error).toMatchObject({ name: 'ActionError', code });
    expect(error.message).toContain(why);
  });

  test.each([
    ['user-info', { ...PROM, 'prometheus-url': 'https://me:hidden@prom.example.com' }],
    ['a bad address', { ...PROM, 'prometheus-url': 'https://:hidden@' }],
    ['a header', { ...PROM, 'prometheus-headers': 'hidden' }],
    ['a token', { ...PROM, 'prometheus-token': 'hid den' }],
  ])('the message about %s does not quote it', (_name, inputs) => {
    expect(refused(inputs).message).not.toContain('hid');
  });
});

function refused(inputs: Record<string, string>): ActionError {
  try {
    parse(inputs);
  } catch (error) {
    return error as ActionError;
  }
  throw new Error('the inputs were taken');
}
