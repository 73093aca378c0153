/** Recorded traces through the action. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { root } from '../../support/bundle.ts';
import { type Done, G1, G2, G3, lines, type Workspace, workspace } from '../support/action.ts';

let work: Workspace;
beforeAll(() => {
  work = workspace({ 'g1.jsonl': lines(G1), 'g2.jsonl': lines(G2), 'g3.jsonl': lines(G3) });
});
afterAll(() => work[Symbol.dispose]());

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('T01 golden traces', () => {
  let done: Done;

  test('G1 fails with its numbers, red', async () => {
    done = await work.act({ replay: 'g1.jsonl' });
    expect(done.code).toBe(1);
    expect(done.outputs).toMatchObject({
      verdict: 'fail',
      reason: 'worse:errors',
      step: '5',
      weight: '',
      'next-weight': '',
      culprits: '["errors"]',
    });
    const verdict = JSON.parse(done.verdict) as Record<string, never>;
    expect(verdict).toMatchObject({
      schema: 1,
      tool: 'verify-canary',
      from: 0,
      to: 360,
      intervals: 6,
      'log-e': 5.02155,
      p: 0.00659427,
      metrics: [{ name: 'errors', ratio: 3.74147, ci: [1.42125, 10.6632], excess: 0.0136627 }],
    });
    expect(done.errors).toEqual([
      expect.stringMatching(/verify-canary: fail \(worse:errors\): FAIL after .*\[E_VERDICT\]$/),
    ]);
    expect(done.log).toContain('[W_CULPRIT]');
  });

  test('outputs, files and summary say the same', () => {
    const declared = load(readFileSync(join(root, 'actions/verify-canary/action.yml'), 'utf8')) as { outputs: object };
    expect(Object.keys(done.outputs).sort()).toEqual(Object.keys(declared.outputs).sort());
    const verdict = JSON.parse(done.verdict) as Record<string, unknown>;
    expect(JSON.parse(done.outputs.json ?? '')).toEqual(verdict);
    expect(done.outputs['trace-digest']).toBe(sha256(done.trace));
    expect(verdict['trace-digest']).toBe(done.outputs['trace-digest']);
    expect(done.outputs.message).toBe(verdict.message);
    expect(done.outputs['trace-path']).toBe(join(work.root, 'out/trace.jsonl'));
    expect(done.summary).toContain('verify-canary: fail');
    expect(done.report).toContain('<!doctype html>');
  });

  test('G2 passes, green', async () => {
    const { code, outputs, errors, log } = await work.act({ replay: 'g2.jsonl' });
    expect([code, outputs.verdict, outputs.reason, outputs.weight, errors]).toEqual([0, 'pass', 'healthy', '5', []]);
    expect(JSON.parse(outputs.json ?? '')).toMatchObject({ to: 300, share: { 'log-e': -13.2876, state: 'ok' } });
    expect(log).toMatch(/^::notice title=verify-canary::PASS after 5 min at 5 %25: no worse than stable/m);
  });

  test('G3 holds, red', async () => {
    const { code, outputs } = await work.act({ replay: 'g3.jsonl' });
    expect([code, outputs.verdict, outputs.reason]).toEqual([1, 'hold', 'routing-not-applied']);
    expect(JSON.parse(outputs.json ?? '')).toMatchObject({ to: 120, share: { 'log-e': 5.30251, state: 'wrong' } });
  });
});

test('the next weight is told after a pass, and none after the last', async () => {
  const rules = readFileSync(join(work.root, '.canary.yaml'), 'utf8');
  work.write('steps.yaml', `${rules}steps: [{weight: 5}, {weight: 10}]\n`);
  work.write('last.yaml', `${rules}steps: [{weight: 5}]\n`);
  const [next, last] = [
    await work.act({ replay: 'g2.jsonl', 'config-file': 'steps.yaml' }),
    await work.act({ replay: 'g2.jsonl', 'config-file': 'last.yaml' }),
  ];
  expect([next.outputs['next-weight'], last.outputs['next-weight']]).toEqual(['10', '']);
});

test('T44 observe: a fail is green, and the outputs say fail', async () => {
  const { code, outputs, errors, log, report } = await work.act({ replay: 'g1.jsonl', observe: 'true' });
  expect([code, outputs.verdict, outputs.reason, errors]).toEqual([0, 'fail', 'worse:errors', []]);
  expect(log).toMatch(/^::notice .*FAIL after .*observe: the step stays green/m);
  expect(report).not.toBe('');
});

test('T46 lines after the verdict are not consumed, nor digested', async () => {
  const more = G1.map((line) => ({ ...line, start: line.start + 360, end: line.end + 360 }));
  work.write('long.jsonl', lines([...G1, ...more]));
  const [short, long] = [await work.act({ replay: 'g1.jsonl' }), await work.act({ replay: 'long.jsonl' })];
  expect(long.verdict).toBe(short.verdict);
  expect([long.trace, long.outputs['trace-digest']]).toEqual([short.trace, sha256(short.trace)]);
});

test('T31 a trace killed in the middle of a line is judged without it', async () => {
  work.write('cut.jsonl', `${lines(G2)}{"v":1,"step":"5","weight":5,"sta`);
  const [whole, cut] = [await work.act({ replay: 'g2.jsonl' }), await work.act({ replay: 'cut.jsonl' })];
  expect(cut.verdict).toBe(whole.verdict);
  expect(cut.log.match(/\[W_TRACE_CUT\]/g)).toHaveLength(1);
});

test('a superseded rollout is green, a cancelled one is not', async () => {
  for (const [event, code] of [
    ['superseded', 0],
    ['cancelled', 1],
  ] as const) {
    work.write('event.jsonl', lines([...G2.slice(0, 2), { v: 1, type: 'event', at: 120, event }]));
    const done = await work.act({ replay: 'event.jsonl' });
    expect([done.code, done.outputs.reason]).toEqual([code, event]);
  }
});
