import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { changeFor } from '../../../lab/demo/change.ts';
import { trafficBySecond, wantedWeights } from '../../../lab/demo/collect.ts';
import { type EndFacts, type RefusalFacts, unmet, unrefused } from '../../../lab/demo/expect.ts';
import { type DemoOptions, parseOptions, RED_GATES } from '../../../lab/demo/options.ts';
import type { DriftFact } from '../../../lab/report/facts.ts';
import { root } from '../../support/bundle.ts';

describe('options', () => {
  test('defaults', () => {
    expect(parseOptions([])).toEqual({
      fault: undefined,
      redGate: undefined,
      strategy: 'canary',
      drift: false,
      weights: [5, 10, 25, 50, 100],
      act: false,
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
    expect(parseOptions(['--break', 'cpu'])).toMatchObject({ fault: 'cpu', redGate: undefined });
    expect(parseOptions(['--break', 'deps', '--json'])).toMatchObject({
      fault: undefined,
      redGate: 'deps',
      json: true,
    });
    expect(parseOptions(['--drift', '--strategy', 'blueGreen', '--report', 'a.html'])).toMatchObject({
      drift: true,
      strategy: 'blueGreen',
      report: 'a.html',
    });
    expect(parseOptions(['--weights', '[20,100]', '--seed', '7'])).toMatchObject({ weights: [20, 100], seed: 7 });
    expect(parseOptions(['--help'])).toBe('help');
  });
  test.each([
    [['--braek', 'errors'], 'did you mean --break'],
    [['--break', 'nothing'], 'is not one of errors, latency, cpu, lint, test, deps'],
    [['--break'], '--break needs a value'],
    [['--rps', '0'], 'whole number from 1 to 500'],
    [['--rps', '1e3'], 'whole number'],
    [['errors'], '"errors" is not an option'],
    [['--strategy', 'blue'], 'is not one of canary, blueGreen, rolling, recreate'],
    [['--break', 'errors', '--strategy', 'rolling'], 'needs the strategy canary'],
    [['--break', 'lint', '--drift'], 'give one of them'],
    [['--drift', '--strategy', 'recreate'], 'recreate has none'],
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
const chain = (broken: Record<string, string> = {}) =>
  ['pod', 'digest', 'image', 'handoff', 'source', 'run', 'attestation', 'values'].map((name) => ({
    name,
    status: broken[name] ?? (name === 'attestation' ? 'unverified' : 'ok'),
    why: '',
    evidence: [],
  }));
const good: EndFacts = {
  conclusion: 'success',
  verdict: 'pass',
  reason: 'healthy',
  handoffs: Array.from({ length: 6 }, () => handoff('deliver')),
  valuesBefore: 'old',
  valuesAfter: 'new',
  digest: { delivered: 'd2', values: 'd2', registry: 'd2', running: ['d2'], standby: [], before: 'd1' },
  failed: 0,
  failures: [],
  sent: 100,
  drift: undefined,
  audit: chain(),
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
    ['a broken link of the audit', options, { ...good, audit: chain({ run: 'missing' }) }],
    ['a signature that the lab cannot have', options, { ...good, audit: chain({ attestation: 'ok' }) }],
    ['a link that the audit does not tell', options, { ...good, audit: chain().slice(1) }],
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

describe('what must be true of each strategy', () => {
  const of = (...args: string[]) => parseOptions(args) as DemoOptions;
  const [handoff1] = good.handoffs;
  const commits = (count: number) => Array.from({ length: count }, () => handoff1 as (typeof good.handoffs)[number]);
  const healed: DriftFact = {
    deployment: 'shop',
    outOfSync: true,
    polls: 1,
    seconds: 1,
    foreign: [],
    failed: 0,
    writes: [
      ['POST', 405],
      ['DELETE', 405],
    ],
  };
  const drifted = of('--drift', '--strategy', 'rolling');
  const one = { ...good, handoffs: commits(1) };
  const slots = { ...good, handoffs: commits(2), digest: { ...good.digest, standby: ['d1'] } };
  test.each<[string, DemoOptions, EndFacts]>([
    ['rolling', of('--strategy', 'rolling'), one],
    ['recreate, which costs requests', of('--strategy', 'recreate'), { ...one, failed: 40 }],
    ['blueGreen, with the old version standing by', of('--strategy', 'blueGreen'), slots],
    ['a change by hand that was healed', drifted, { ...one, drift: healed }],
  ])('%s is as promised', (_name, options, end) => {
    expect(unmet(options, end)).toEqual([]);
  });
  test.each<[string, DemoOptions, EndFacts]>([
    ['a failed request of a canary', of(), { ...good, failed: 1 }],
    ['a failed request of rolling', of('--strategy', 'rolling'), { ...one, failed: 1 }],
    ['recreate without a failed request', of('--strategy', 'recreate'), one],
    ['blueGreen without a way back', of('--strategy', 'blueGreen'), { ...slots, digest: { ...good.digest } }],
    ['two commits of rolling', of('--strategy', 'rolling'), { ...one, handoffs: commits(2) }],
    ['a bad version that cost too much', of('--break', 'errors'), { ...bad, failed: 4 }],
    ['nothing changed by hand', drifted, one],
    ['a change by hand that nobody noticed', drifted, { ...one, drift: { ...healed, outOfSync: false } }],
    ['a slow healing', drifted, { ...one, drift: { ...healed, polls: 4 } }],
    ['a pod that stayed', drifted, { ...one, drift: { ...healed, foreign: ['shop-x-9'] } }],
    ['a request lost by the healing', drifted, { ...one, drift: { ...healed, failed: 1 } }],
    ['a write that was let through', drifted, { ...one, drift: { ...healed, writes: [['POST', 200]] } }],
    ['a write that was not tried', drifted, { ...one, drift: { ...healed, writes: [] } }],
  ])('%s is said', (_name, options, end) => {
    expect(unmet(options, end)).toHaveLength(1);
  });
});

describe('a change that the gate must refuse', () => {
  const refused: RefusalFacts = {
    conclusion: 'failure',
    job: 'failure',
    gate: 'failure',
    merge: { refused: 405, message: 'Required status check "deliver / gate" is failing.' },
    registryWrites: [],
    configCommits: 0,
    mainUnmoved: true,
  };
  test('as promised', () => {
    expect(RED_GATES.map((fault) => unrefused(fault, refused))).toEqual([[], [], []]);
  });
  test.each<[string, Partial<RefusalFacts>]>([
    ['a green run', { conclusion: 'success' }],
    ['another job that is red', { job: 'success' }],
    ['a gate that was skipped', { gate: 'skipped' }],
    ['a merge', { merge: undefined }],
    ['another refusal', { merge: { refused: 409, message: 'deliver / gate' } }],
    ['a refusal for another reason', { merge: { refused: 405, message: 'Pull request is a draft' } }],
    ['an image that was pushed', { registryWrites: ['PUT /v2/org/shop/manifests/1.0.0'] }],
    ['a handoff', { configCommits: 1 }],
    ['a push past the pull request', { mainUnmoved: false }],
  ])('%s is said', (_name, change) => {
    expect(unrefused('lint', { ...refused, ...change })).toHaveLength(1);
  });
});

test.each([...RED_GATES, 'errors', 'latency', 'cpu', ''])('the change "%s" fits the example that is there', (name) => {
  const options = parseOptions(name === '' ? [] : ['--break', name]) as DemoOptions;
  const { title, edits } = changeFor(options);
  expect(title).not.toBe('');
  const example = (path: string): string => readFileSync(join(root, 'examples/histogram-eq', path), 'utf8');
  const changed = Object.entries(edits).map(([path, edit]) => [example(path), edit(example(path))]);
  for (const [before, after] of changed) expect(after).not.toBe(before);
  const switches = (changed.at(-1)?.[1] ?? '').match(/FAULT_\w+="[^"]+"/g) ?? [];
  expect(switches).toHaveLength(options.fault === undefined ? 0 : 1);
});

test('the share that Git asked for: weights, then all; without weights all at the last commit, if it was delivered', () => {
  const at = (seconds: number, weight?: number) => ({ at: seconds * 1000, weight });
  const weights = (list: ReturnType<typeof at>[], delivered: boolean) =>
    wantedWeights(list, 10_000, delivered).map(({ second, weight }) => [second, weight]);
  expect(weights([at(12, 5), at(20, 100), at(30, 0)], true)).toEqual([
    [0, 0],
    [2, 5],
    [10, 100],
    [20, 100],
  ]);
  expect(weights([at(12, 5), at(20, 0)], false)).toEqual([
    [0, 0],
    [2, 5],
    [10, 0],
  ]);
  expect(weights([at(12), at(20)], true)).toEqual([
    [0, 0],
    [10, 100],
  ]);
  expect(weights([at(12)], false)).toEqual([[0, 0]]);
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
