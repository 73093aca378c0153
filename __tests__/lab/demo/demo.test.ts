import { describe, expect, test } from '@jest/globals';
import { trafficBySecond } from '../../../lab/demo/collect.ts';
import { type EndFacts, unmet } from '../../../lab/demo/expect.ts';
import { type DemoOptions, parseOptions } from '../../../lab/demo/options.ts';

describe('options', () => {
  test('defaults', () => {
    expect(parseOptions([])).toEqual({
      fault: undefined,
      strategy: 'canary',
      weights: [5, 10, 25, 50, 100],
      rps: 60,
      seed: 1,
      keep: false,
      json: false,
      report: undefined,
    });
    expect(parseOptions(['--break', 'errors', '--rps=30', '--keep'])).toMatchObject({
      fault: 'errors',
      rps: 30,
      keep: true,
    });
    expect(parseOptions(['--help'])).toBe('help');
  });
  test.each([
    [['--braek', 'errors'], 'did you mean --break'],
    [['--break', 'nothing'], 'is not one of errors, latency'],
    [['--break'], '--break needs a value'],
    [['--rps', '0'], 'whole number from 1 to 500'],
    [['--rps', '1e3'], 'whole number'],
    [['errors'], '"errors" is not an option'],
    [['--strategy', 'blue'], 'is not one of canary, rolling'],
    [['--break', 'errors', '--strategy', 'rolling'], 'needs the strategy canary'],
    [['--weights', '[5,5]'], 'not above the one before'],
    [['--seed', '-1'], 'whole number'],
  ])('%j: %s', (args, message) => {
    expect(() => parseOptions(args as string[])).toThrow(message as string);
  });
});

const handoff = (subject: string) => ({
  sha: 'a'.repeat(40),
  subject,
  trailers: [],
  diff: '',
  at: 0,
  weight: undefined,
});
const good: EndFacts = {
  conclusion: 'success',
  verdict: 'pass',
  reason: 'healthy',
  handoffs: Array.from({ length: 6 }, () => handoff('deliver')),
  valuesBefore: 'old',
  valuesAfter: 'new',
  digest: { delivered: 'd2', values: 'd2', registry: 'd2', running: ['d2'], before: 'd1' },
  failed: 0,
  sent: 100,
};
const bad: EndFacts = {
  ...good,
  conclusion: 'failure',
  verdict: 'fail',
  reason: 'worse:errors',
  handoffs: [handoff('deliver'), handoff('revert histogram-eq')],
  valuesAfter: 'old',
  digest: { ...good.digest, values: 'd1', running: ['d1'] },
};

describe('what must be true at the end', () => {
  const options = parseOptions([]) as DemoOptions;
  const broken = parseOptions(['--break', 'errors']) as DemoOptions;
  test('a good and a broken delivery as promised', () => {
    expect(unmet(options, good)).toEqual([]);
    expect(unmet(broken, bad)).toEqual([]);
  });
  test.each<[string, DemoOptions, EndFacts]>([
    ['a red run', options, { ...good, conclusion: 'failure' }],
    ['a verdict that is not pass', options, { ...good, verdict: 'hold' }],
    ['a missing commit', options, { ...good, handoffs: good.handoffs.slice(1) }],
    ['another digest in values.yaml', options, { ...good, digest: { ...good.digest, values: 'd3' } }],
    ['another digest in the registry', options, { ...good, digest: { ...good.digest, registry: 'd3' } }],
    ['an old pod', options, { ...good, digest: { ...good.digest, running: ['d1', 'd2'] } }],
    ['no pod at all', options, { ...good, digest: { ...good.digest, running: [] } }],
    ['a green run of a bad version', broken, { ...bad, conclusion: 'success' }],
    ['a reason that names something else', broken, { ...bad, reason: 'worse:cpu' }],
    ['no revert', broken, { ...bad, handoffs: [handoff('deliver')] }],
    ['two reverts', broken, { ...bad, handoffs: [...bad.handoffs, handoff('revert x')] }],
    ['another byte in the values', broken, { ...bad, valuesAfter: 'old ' }],
    ['the bad version still runs', broken, { ...bad, digest: { ...bad.digest, running: ['d2'] } }],
  ])('%s is said', (_name, o, end) => {
    expect(unmet(o, end)).toHaveLength(1);
  });
});

test('requests are counted by second, version and failure', () => {
  const samples = [
    { at: 1000, ms: 5, code: '200', revision: 'new' },
    { at: 1900, ms: 5, code: '500', revision: 'new' },
    { at: 2100, ms: 5, code: '200', revision: 'old' },
    { at: 2200, ms: 5, code: 'ECONNREFUSED', revision: '' },
    { at: 9000, ms: 5, code: '200', revision: 'old' },
  ];
  expect(trafficBySecond(samples, 'new', 1000, 3000)).toEqual([
    { second: 0, stable: 0, canary: 2, failed: 1 },
    { second: 1, stable: 1, canary: 0, failed: 1 },
  ]);
});
