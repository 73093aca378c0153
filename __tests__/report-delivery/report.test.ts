import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { checkGate } from '../../src/report-delivery/gate.ts';
import { type Needs, parseNeeds } from '../../src/report-delivery/needs.ts';
import { judgeDelivery, type StageResult } from '../../src/report-delivery/result.ts';
import { checkStale, recordStage } from '../../src/report-delivery/stage.ts';
import { runAction } from '../support/bundle.ts';

const dir = mkdtempSync(join(tmpdir(), 'report-'));
afterAll(() => rmSync(dir, { recursive: true }));

const needs = (results: Record<string, string>, outputs: Record<string, Record<string, string>> = {}): Needs =>
  parseNeeds(
    JSON.stringify(
      Object.fromEntries(
        Object.entries(results).map(([job, result]) => [job, { result, outputs: outputs[job] ?? {} }]),
      ),
    ),
  );

const stage = (index: number, result = 'committed', verdict?: [string, string]): StageResult => ({
  record: {
    version: 1,
    index,
    name: `s${index}`,
    weight: 5,
    final: false,
    result: result as 'committed',
    'commit-sha': `${index}`.repeat(40),
    'commit-url': '',
    'superseded-by': result === 'superseded' ? 'f'.repeat(40) : '',
  },
  verdict: verdict && {
    verdict: verdict[0] as 'pass',
    reason: verdict[1],
    message: `${verdict[0].toUpperCase()} because`,
  },
});

describe('gate', () => {
  test.each([
    [{ a: 'success', b: 'success' }, [], true],
    [{ a: 'success', b: 'failure' }, [], false],
    [{ a: 'success', b: 'cancelled' }, ['b'], false],
    [{}, [], false],
  ])('%j allowing %j is green: %s', (results, allow, green) => {
    const check = (): void => checkGate(needs(results as Record<string, string>), allow as string[]);
    if (green) check();
    else expect(check).toThrow(expect.objectContaining({ code: 'E_GATE' }));
  });
  test('trap 1: a skipped job turns the gate red', () => {
    expect(() => checkGate(needs({ test: 'skipped', build: 'success' }), [])).toThrow('test is skipped');
  });
  test('trap 2: with `test: none` the skipped test is allowed', () => {
    checkGate(needs({ test: 'skipped', build: 'success' }), ['test']);
  });
});

describe('stage', () => {
  const planned = JSON.stringify({
    index: 1,
    name: '10%',
    weight: 10,
    final: false,
    'timeout-minutes': 45,
    updates: [],
  });
  const handoff = (result: string, by = ''): string =>
    JSON.stringify({ result, 'commit-sha': 'a'.repeat(40), 'superseded-by': by, changed: true });
  test('is recorded', () => {
    expect(recordStage(planned, handoff('committed'))).toMatchObject({
      index: 1,
      name: '10%',
      result: 'committed',
      'commit-sha': 'a'.repeat(40),
    });
    expect(() => recordStage(planned, '')).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
  test('trap 11: values that are nobody newer’s are stale, a newer build is not', () => {
    const mine = 'b'.repeat(40);
    expect(() => checkStale(recordStage(planned, handoff('superseded')), mine)).toThrow(
      expect.objectContaining({ code: 'E_STALE_STAGE' }),
    );
    expect(() => checkStale(recordStage(planned, handoff('superseded', mine)), mine)).toThrow(
      expect.objectContaining({ code: 'E_STALE_STAGE' }),
    );
    checkStale(recordStage(planned, handoff('superseded', 'c'.repeat(40))), mine);
    checkStale(recordStage(planned, handoff('unchanged')), mine);
  });
});

describe('result', () => {
  const done = { plan: 'success', approve: 'skipped', stage: 'success', revert: 'skipped' };
  const red = { ...done, stage: 'failure', revert: 'success' };
  const plan = { plan: { count: '3' } };
  const reverted = { ...plan, revert: { 'canary-result': 'committed', 'canary-commit': 'd'.repeat(40) } };
  test.each<[string, Needs, StageResult[], object]>([
    [
      'all stages done',
      needs(done, plan),
      [stage(0, 'committed', ['pass', 'healthy']), stage(1)],
      { verdict: 'pass', green: true, commitSha: '1'.repeat(40) },
    ],
    [
      'nothing to do',
      needs({ ...done, stage: 'skipped' }, { plan: { count: '0' } }),
      [],
      { verdict: 'pass', reason: 'already-delivered', green: true },
    ],
    ['superseded', needs(done, plan), [stage(0, 'superseded')], { verdict: 'superseded', green: true }],
    [
      'plan failed',
      needs({ ...done, plan: 'failure', stage: 'skipped' }),
      [],
      { verdict: 'hold', reason: 'plan', green: false },
    ],
    [
      'not approved',
      needs({ ...done, approve: 'failure', stage: 'skipped' }, plan),
      [],
      { verdict: 'hold', reason: 'not-approved', green: false },
    ],
    [
      'worse',
      needs(red, reverted),
      [stage(0, 'committed', ['fail', 'worse:errors'])],
      { verdict: 'fail', reason: 'worse:errors', reverted: 'yes', commitSha: 'd'.repeat(40), green: false },
    ],
    [
      'stale',
      needs(red, { ...plan, revert: { 'canary-result': 'superseded' } }),
      [{ ...stage(1, 'superseded') }],
      { verdict: 'hold', reason: 'stale', reverted: 'not-needed', green: false },
    ],
    [
      'cancelled',
      needs({ ...red, stage: 'cancelled' }, reverted),
      [stage(0)],
      { verdict: 'hold', reason: 'cancelled', green: false },
    ],
    ['runner lost', needs(red, reverted), [stage(0)], { verdict: 'hold', reason: 'stage-lost', green: false }],
    [
      'revert failed',
      needs({ ...red, revert: 'failure' }, plan),
      [stage(0, 'committed', ['fail', 'worse:cpu'])],
      { verdict: 'fail', reverted: 'failed', green: false },
    ],
  ])('%s', (_name, jobs, stages, wanted) => {
    expect(judgeDelivery(jobs, stages)).toMatchObject(wanted);
  });
});

describe('as an action', () => {
  test('gate: red with one annotation', async () => {
    const run = await runAction('report-delivery', {
      mode: 'gate',
      needs: JSON.stringify({ test: { result: 'skipped', outputs: {} } }),
    });
    expect(run.code).toBe(1);
    expect(run.log).toBe(
      '::error title=E_GATE::report-delivery: gate: test is skipped. Nothing merges and nothing ships until these jobs succeed: see their logs. [E_GATE]\n',
    );
  });
  test.each([
    ['one artifact, which is downloaded without a folder of its own', ''],
    ['one artifact in its folder', 'canary-x-0'],
  ])('result: %s', async (_name, folder) => {
    const stagesDir = join(dir, `stages-${folder}`);
    const needs = JSON.stringify({
      plan: { result: 'success', outputs: { count: '1' } },
      stage: { result: 'success', outputs: {} },
    });
    const given = { mode: 'result', needs, 'stages-dir': stagesDir, app: 'shop', 'delivery-id': 'org/shop/1' };
    const lost = await runAction('report-delivery', given);
    expect([lost.code, lost.outputs.verdict, lost.outputs.reason]).toEqual([1, 'hold', 'stage-lost']);
    await runAction('report-delivery', {
      mode: 'stage',
      stage: JSON.stringify({ index: 0, name: 'roll', weight: 100, final: true }),
      handoff: JSON.stringify({ result: 'superseded', 'superseded-by': 'c'.repeat(40) }),
      revision: 'b'.repeat(40),
      'report-dir': join(stagesDir, folder),
    });
    const result = await runAction('report-delivery', given);
    expect([result.code, result.outputs.verdict, result.outputs.superseded]).toEqual([0, 'superseded', 'true']);
  });
  test('stage then result: record on disk, verdict, summary; red with the way back by hand when the revert failed', async () => {
    const stagesDir = join(dir, 'stages');
    const run = await runAction('report-delivery', {
      mode: 'stage',
      stage: JSON.stringify({ index: 0, name: '5%', weight: 5, final: false }),
      handoff: JSON.stringify({
        result: 'committed',
        'commit-sha': 'a'.repeat(40),
        'commit-url': 'https://forge.example/c/a',
      }),
      'report-dir': join(stagesDir, 'canary-0'),
    });
    expect(run.code).toBe(0);
    expect(JSON.parse(readFileSync(join(stagesDir, 'canary-0/stage.json'), 'utf8'))).toMatchObject({ name: '5%' });
    writeFileSync(
      join(stagesDir, 'canary-0/verdict.json'),
      JSON.stringify({ verdict: 'fail', reason: 'worse:errors', message: 'FAIL after 4 s | <b>', from: 1, to: 5 }),
    );
    mkdirSync(join(stagesDir, 'canary-1'));
    const result = await runAction('report-delivery', {
      mode: 'result',
      needs: JSON.stringify({
        plan: { result: 'success', outputs: { count: '2' } },
        stage: { result: 'failure', outputs: {} },
        revert: { result: 'failure', outputs: {} },
      }),
      'stages-dir': stagesDir,
      app: 'shop',
      revision: 'b'.repeat(40),
      'config-repository': 'org/config',
      'config-branch': 'main',
      'values-file': "env/'; rm -rf ~",
      'delivery-id': 'org/shop/1',
    });
    expect(result.code).toBe(1);
    expect(result.outputs).toMatchObject({
      verdict: 'fail',
      reason: 'worse:errors',
      superseded: 'false',
      'delivery-id': 'org/shop/1',
    });
    expect(result.summary).toContain(
      '| 5% | fail (worse:errors) | 4.0 s | [aaaaaaaaaaaa](<https://forge.example/c/a>) |',
    );
    expect(result.summary).not.toContain('<b>');
    expect(result.summary).toContain("-- 'env/???rm?-rf??'");
    expect(result.log).toContain('[E_REVERT_FAILED]');
  });
  test.each([
    { mode: 'gates' },
    {},
    { mode: 'gate', needs: '[1]' },
    { mode: 'gate', needs: '{"a":{"result":"great"}}' },
    { mode: 'stage', stage: '{}', handoff: '{}' },
    { mode: 'result', needs: 'x' },
  ])('bad input %#: one message, red', async (inputs) => {
    const run = await runAction('report-delivery', inputs as Record<string, string>);
    expect(run.code).toBe(1);
    expect(run.log.match(/^::error title=E_INPUT::/gm)).toHaveLength(1);
  });
});
