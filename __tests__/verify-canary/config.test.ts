import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ActionError } from '../../src/runner/index.ts';
import { parseConfig, readConfig, selectorText } from '../../src/verify-canary/config.ts';
import { needsBaseline } from '../../src/verify-canary/core/index.ts';

const RATIO = '  - {name: errors, kind: ratio, events: e_total, total: r_total, slo: 0.01}';
const LATENCY = '  - {name: latency, kind: latency, histogram: d_seconds, le: [0.25, 0.5]}';
const file = (...lines: string[]): string => ['version: 1', ...lines, ''].join('\n');
const METRICS = ['metrics:', RATIO];

function refused(text: string): ActionError {
  try {
    parseConfig(text, '.canary.yaml');
  } catch (error) {
    return error as ActionError;
  }
  throw new Error('the file was taken');
}

describe('T39 each mistake has its own message with its line', () => {
  test.each<[string, string, number, string]>([
    ['unknown key metric', file('metric:', RATIO), 2, 'unknown key metric; did you mean metrics?'],
    ['unknown key of a metric', file('metrics:', RATIO.replace('slo', 'sol')), 3, 'unknown key sol; did you mean slo?'],
    ['a key of another kind', file('metrics:', RATIO.replace('slo: 0.01', 'le: [1]')), 3, 'unknown key le'],
    ['unknown key of a step', file('steps: [{weigth: 5}]', ...METRICS), 2, 'unknown key weigth; did you mean weight?'],
    ['unknown key of share', file('share: {tolerence: 2}', ...METRICS), 2, 'did you mean tolerance?'],
    ['unknown key of fail', file('metrics:', RATIO.replace('slo: 0.01', 'fail: {flor: 1}')), 3, 'did you mean floor?'],
    [
      'metric weight 0',
      file('metrics:', RATIO.replace('slo: 0.01', 'weight: 0')),
      3,
      'weight must be a number from 0.001',
    ],
    ['step weight 0', file('steps: [{weight: 0}]', ...METRICS), 2, 'steps.0.weight must be above 0'],
    ['step weight above 100', file('steps: [{weight: 101}]', ...METRICS), 2, 'steps.0.weight must not be above 100'],
    [
      'pass: 1',
      file('metrics:', RATIO.replace('slo: 0.01', 'pass: 1')),
      3,
      'pass must be a number of at least 1.05, or none',
    ],
    [
      'slo.le not in le',
      file('metrics:', LATENCY.replace('}', ', slo: {le: 1, max: 0.1}}')),
      3,
      '1 is not one of le: 0.25, 0.5',
    ],
    [
      'steps that do not rise',
      file('steps:', '  - {weight: 10}', '  - {weight: 5}', ...METRICS),
      4,
      'weights must rise',
    ],
    ['min above max', file('steps: [{weight: 5, min: 10m, max: 5m}]', ...METRICS), 2, 'min is above max'],
    ['two metrics of one name', file('metrics:', RATIO, RATIO), 4, 'the name errors stands there twice'],
    ['on-inconclusive: pass', file('on-inconclusive: pass', ...METRICS), 2, 'There is no pass: silence is not health'],
    ['alpha 0', file('alpha: 0', ...METRICS), 2, 'alpha must be a number from 0.0001 to 0.1'],
    ['beta 1', file('beta: 1', ...METRICS), 2, 'beta must be a number from 0.001 to 0.2'],
    ['a number for a duration', file('interval: 15', ...METRICS), 2, 'interval must be a duration such as 15s'],
    ['an interval too short', file('interval: 100ms', ...METRICS), 2, 'interval must be from 1s to 5m'],
    ['another version', `version: 2\nmetrics:\n${RATIO}`, 1, 'version must be 1'],
    ['no version', `metrics:\n${RATIO}\n`, 1, 'version must be 1'],
    ['no metrics', file('metrics: []'), 2, 'metrics needs 1 to 32 metrics'],
    ['an unknown kind', file('metrics: [{name: a, kind: gauge}]'), 2, 'kind must be ratio, latency or cpu'],
    ['no total', file('metrics: [{name: a, kind: ratio, events: e_total}]'), 2, 'metrics.0.total is missing'],
    ['a bad name', file('metrics:', RATIO.replace('errors', 'Errors')), 3, 'name must be of the form'],
    [
      'a bad selector',
      file('metrics:', RATIO.replace('e_total', "'rate(e[5m])'")),
      3,
      'is not a selector: unexpected "("',
    ],
    ['a bad bound', file('metrics:', LATENCY.replace('0.25', 'fast')), 3, 'a bucket bound in seconds'],
    ['a bound twice', file('metrics:', LATENCY.replace('0.25', '0.50')), 3, 'a bound stands there twice'],
    ['an unknown mode', file('mode: blue-green', ...METRICS), 2, 'mode must be one of concurrent, pre-promotion'],
    ['a baseline too short', file('baseline: 30s', ...METRICS), 2, 'baseline must be from 1m to 6h'],
    ['step weight 101', file('mode: before-after', 'steps: [{weight: 101}]', ...METRICS), 3, 'must not be above 100'],
    ['phi below 1', file('metrics:', RATIO.replace('0.01', '0.01, phi: 0.5')), 3, 'from 1 to 10000, or auto'],
    ['another word as phi', file('metrics:', RATIO.replace('0.01', '0.01, phi: none')), 3, 'from 1 to 10000, or auto'],
    ['phi of the share by itself', file('share: {phi: auto}', ...METRICS), 2, 'share.phi must be a number from 1'],
    ['slo of 1', file('metrics:', RATIO.replace('0.01', '1')), 3, 'slo must be below 1'],
    [
      'a ratio metric with the slo of latency',
      file('metrics:', RATIO.replace('0.01', '{le: 1, max: 0.1}')),
      3,
      'slo must be a number',
    ],
    [
      'nothing that could pass',
      file('metrics:', RATIO.replace('}', ', mode: observe}')),
      3,
      'nothing could ever show health',
    ],
    ['cpu alone, and no requests', file('metrics: [{name: cpu, kind: cpu}]'), 2, 'nothing else here counts requests'],
    ['a key twice', file('alpha: 0.01', 'alpha: 0.02', ...METRICS), 3, 'unique'],
    ['broken YAML', file('metrics: [', RATIO), 3, 'line'],
    ['two documents', file(...METRICS, '---', 'version: 1'), 4, 'multiple documents'],
    ['a list', '- 1\n', 1, 'the file'],
    ['nothing', '', 1, 'the file'],
    ['a prototype', file('__proto__: {alpha: 1}', ...METRICS), 2, 'unknown key __proto__'],
  ])('%s', (_, text, line, message) => {
    const error = refused(text);
    expect(error).toMatchObject({ code: 'E_CONFIG_INVALID', facts: { at: { file: '.canary.yaml', line } } });
    expect(error.message).toContain(message);
    expect(error.message).toContain(`line ${line}`);
  });

  test('several mistakes are told together, five of them in full', () => {
    const error = refused(file('alpha: 0', 'beta: 1', 'interval: 1', 'warmup: 1', 'settle: 1', 'blind: 1', ...METRICS));
    expect(error.message.match(/line \d+: /g)).toHaveLength(5);
    expect(error.message).toContain('; 1 more');
  });
});

describe('hostile files', () => {
  test('an alias bomb', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i}, `.repeat(9)}]`);
    const error = refused(`x0: &x0 [boom]\n${levels.join('\n')}\n`);
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.message).toMatch(/alias/i);
  });

  test('brackets 100,000 deep', () => {
    expect(refused('['.repeat(100_000)).code).toBe('E_CONFIG_INVALID');
  });

  test('a key that would write into the log', () => {
    const { message } = refused(file('"a\\n::error::x": 1', ...METRICS));
    expect(message).not.toContain('\n');
  });
});

describe('the file on disk', () => {
  test('missing, a folder, too large', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'canary-config-'));
    try {
      await expect(readConfig(join(folder, 'gone'), 'gone')).rejects.toMatchObject({
        code: 'E_CONFIG_MISSING',
        message: expect.stringContaining('there is no such file'),
      });
      await expect(readConfig(folder, 'x')).rejects.toMatchObject({ code: 'E_CONFIG_MISSING' });
      await writeFile(join(folder, 'big'), `${file(...METRICS)}# ${'x'.repeat(256 * 1024)}\n`);
      await expect(readConfig(join(folder, 'big'), 'big')).rejects.toMatchObject({
        code: 'E_CONFIG_INVALID',
        message: expect.stringContaining('larger than 256 KiB'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what a file means', () => {
  test('defaults, and the selectors they stand for', () => {
    const config = parseConfig(file('metrics:', RATIO, LATENCY, '  - {name: cpu, kind: cpu}'), 'x');
    expect(config).toMatchObject({ interval: 15, lag: 25, warnings: [] });
    expect(config.judge).toMatchObject({ alpha: 0.01, beta: 0.05, warmup: 60, settle: 120, blind: 300, silent: 120 });
    expect(selectorText(config.traffic)).toBe('r_total');
    expect(config.sources).toMatchObject([
      { kind: 'ratio' },
      { kind: 'latency', buckets: { name: 'd_seconds_bucket' }, le: [0.25, 0.5] },
      { kind: 'cpu', cpu: { name: 'process_cpu_seconds_total' }, total: { name: 'r_total' } },
    ]);
  });

  // The same file serves every stage of a delivery, also those where the canary has all the traffic: the run names the mode.
  test('a step at 100 % stands beside the others', () => {
    const { judge } = parseConfig(file('steps: [{weight: 50}, {weight: 100, min: 4m}]', ...METRICS), 'x');
    expect(judge).toMatchObject({ mode: 'concurrent', steps: [{ weight: 50 }, { weight: 100, min: 240 }] });
  });

  test('phi auto, a mode without a stable arm, and a step at 100 % in it', () => {
    const auto = RATIO.replace('slo', 'phi: auto, slo');
    const lines = ['mode: before-after', 'baseline: 1h', 'steps: [{weight: 100, max: 40m}]', 'metrics:', auto, LATENCY];
    const { judge } = parseConfig(file(...lines), 'x');
    expect(judge).toMatchObject({ mode: 'before-after', baseline: 3600, steps: [{ weight: 100, max: 2400 }] });
    expect(judge.metrics).toMatchObject([
      { phi: 1, phiFrom: 'default' },
      { phi: 3, phiFrom: 'config' },
    ]);
    expect([needsBaseline(judge), needsBaseline(parseConfig(file(...METRICS), 'x').judge)]).toEqual([true, false]);
    expect(needsBaseline(parseConfig(file('metrics:', auto), 'x').judge)).toBe(true);
  });

  test.each([
    ['the total of the first ratio metric', ['metrics:', LATENCY, RATIO], 'r_total'],
    ['else _count of the first histogram', ['metrics:', LATENCY], 'd_seconds_count'],
    ['its own', ['traffic: \'a{b="c"}\'', ...METRICS], 'a{b="c"}'],
  ])('traffic is %s', (_, lines, expected) => {
    expect(selectorText(parseConfig(file(...lines), 'x').traffic)).toBe(expected);
  });

  test('durations, and lag follows the interval', () => {
    const config = parseConfig(file('interval: 1500ms', 'warmup: 0s', 'blind: 1h', ...METRICS), 'x');
    expect([config.interval, config.lag, config.judge.warmup, config.judge.blind]).toEqual([1.5, 11.5, 0, 3600]);
  });

  test('a ratio metric without slo is warned of once, an observed one is not', () => {
    const bare = RATIO.replace(', slo: 0.01', '');
    const observed = bare.replace('errors', 'other').replace('}', ', mode: observe}');
    const { warnings } = parseConfig(file('metrics:', bare, observed), 'x');
    expect(warnings).toEqual([expect.stringContaining('metric errors has no slo')]);
  });

  test('the digest is of what decides: layout and comments do not count, every value does', () => {
    const digest = (text: string): string => parseConfig(text, 'x').digest;
    const plain = digest(file(...METRICS));
    expect(plain).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digest(file('# a comment', 'alpha: 0.01', ...METRICS))).toBe(plain);
    for (const other of [
      'alpha: 0.02',
      'interval: 20s',
      'lag: 1m',
      'mode: before-after',
      'baseline: 1h',
      'traffic: x_total',
      'steps: [{weight: 5}]',
    ]) {
      expect(digest(file(other, ...METRICS))).not.toBe(plain);
    }
    expect(digest(file('metrics:', RATIO.replace('e_total', 'f_total')))).not.toBe(plain);
  });
});

describe('templates among the metrics', () => {
  test('an entry stands for its metrics, beside others', () => {
    const text = file('metrics:', RATIO.replace('errors', 'own'), '  - {template: app, slo: 0.01}');
    const names = parseConfig(text, '.canary.yaml').sources.map((source) => source.name);
    expect(names).toEqual(['own', 'errors', 'latency']);
  });
  test.each([
    ['an unknown template', '{template: istoi}', 'istio'],
    ['an unknown parameter', '{template: app, reqests: x_total}', 'requests'],
    ['a name that the file has already', '{template: app}', 'errors'],
  ])('%s is told with the line of its entry', (_what, entry, said) => {
    const error = refused(file('metrics:', RATIO, `  - ${entry}`));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(error.message).toContain('line 4: ');
    expect(error.message).toContain(said);
  });
});
