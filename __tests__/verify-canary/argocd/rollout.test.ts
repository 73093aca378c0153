/** Following a Rollout whose controller moves the weights. */
import { describe, expect, test } from '@jest/globals';
import { isThrough, readRollout, stepOf } from '../../../src/verify-canary/argocd/rollout.ts';
import { trackRollout } from '../../../src/verify-canary/argocd/track.ts';
import type { Interval } from '../../../src/verify-canary/core/index.ts';
import { ARGO_INPUTS, type RolloutFacts, rolloutJson, rolloutNode, Town } from '../support/argocd.ts';
import { replay, rules, watch } from '../support/world.ts';

const read = (facts: RolloutFacts) => {
  const rollout = readRollout(rolloutJson(facts));
  if (rollout === undefined) throw new Error('no Rollout');
  return rollout;
};
const STEPS = [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }, { pause: { duration: '5m' } }];
const PAUSED = [{ reason: 'CanaryPauseStep', startTime: '2026-01-01T00:00:00Z' }];

describe('readRollout', () => {
  test('the weight of its route', () => {
    expect(read({ weight: 10 })).toMatchObject({ current: 'bbb', stable: 'aaa', weight: 10, routed: true });
    expect(stepOf(read({ weight: 10 }))).toEqual({ step: '10', weight: 10 });
  });
  test('a route that counts to a thousand', () => {
    expect(stepOf(read({ weight: 25, routing: { maxTrafficWeight: 1000 } }))).toEqual({ step: '2.5', weight: 2.5 });
  });
  test('without a route: the step that it asked for, and no share to hold it to', () => {
    expect(stepOf(read({ steps: STEPS, at: 3 }))).toEqual({ step: '50', weight: null });
    expect(stepOf(read({ steps: STEPS, at: 1 }))).toEqual({ step: '10', weight: null });
    expect(stepOf(read({ steps: STEPS }))).toBeNull();
  });
  test.each<[string, RolloutFacts]>([
    ['nothing yet', { weight: 0 }],
    ['all of it', { weight: 100 }],
    ['one version alone', { weight: 10, stable: 'bbb' }],
    ['aborted', { weight: 10, abort: true }],
  ])('%s is nothing to compare', (_name, facts) => expect(stepOf(read(facts))).toBeNull());
  test.each<[string, RolloutFacts, boolean]>([
    ['a pause without a duration', { steps: STEPS, at: 1, pauses: PAUSED }, true],
    ['a pause with one', { steps: STEPS, at: 3, pauses: PAUSED }, false],
    [
      'an analysis that came to nothing',
      { steps: STEPS, at: 3, pauses: [{ reason: 'InconclusiveAnalysisRun' }] },
      true,
    ],
    ['no pause', { steps: STEPS, at: 1 }, false],
  ])('%s', (_name, facts, waiting) => expect(read(facts).waiting).toBe(waiting));
  test('through: the new version is the stable one, and healthy', () => {
    expect(isThrough(read({ stable: 'bbb', phase: 'Healthy' }))).toBe(true);
    expect(isThrough(read({ stable: 'bbb', phase: 'Progressing' }))).toBe(false);
    expect(isThrough(read({ current: '', stable: '', phase: 'Healthy' }))).toBe(false);
  });
  test('its controller has yet to see the change', () => {
    expect(read({ generation: 4, observed: '3' }).observed).toBe(false);
    expect(read({ generation: 4, observed: '4' }).observed).toBe(true);
  });
  test.each([undefined, null, {}, { kind: 'Deployment' }, { kind: 'Rollout', spec: { strategy: { blueGreen: {} } } }])(
    '%j is none with a canary',
    (manifest) => expect(readRollout(manifest)).toBeUndefined(),
  );
});

describe('the track', () => {
  const line = (start: number, end: number): Interval => ({ v: 1, step: 'x', weight: 0, start, end });
  test('a line belongs to the weight at its end', () => {
    const track = trackRollout(100, read({ weight: 10 }));
    track.note(120, read({ weight: 10 }));
    track.note(130, read({ weight: 50 }));
    expect(track.assign(line(90, 95))).toMatchObject({ step: '10', weight: 10 });
    expect(track.assign(line(110, 120))).toMatchObject({ step: '10', weight: 10 });
    expect(track.assign(line(120, 130))).toMatchObject({ step: '10', weight: 10 });
    expect(track.assign(line(125, 135))).toMatchObject({ step: '50', weight: 50 });
    expect([track.now(), track.idle(200)]).toEqual(['50', 0]);
  });
  test('at 0 and at 100 a line belongs to no step', () => {
    const track = trackRollout(0, read({ weight: 0 }));
    track.note(10, read({ weight: 20 }));
    track.note(20, read({ weight: 0, stable: 'bbb', phase: 'Healthy' }));
    expect(track.assign(line(0, 5))).toMatchObject({ step: null, weight: null });
    expect(track.assign(line(20, 25))).toMatchObject({ step: null, weight: null });
    expect([track.throughSince(), track.now(), track.idle(80)]).toEqual([20, null, 60]);
  });
});

const CONFIG = rules(undefined, [
  'interval: 5s',
  'settle: 30s',
  'steps: [{weight: 20, min: 30s, max: 5m}, {weight: 50, min: 30s, max: 5m}]',
]);
const INPUTS = { ...ARGO_INPUTS, 'argocd-rollout': 'shop' };

async function go(town: Town, inputs: Record<string, string> = {}, config = CONFIG) {
  const outcome = await watch(
    { ...town.targets, ...INPUTS, ...inputs },
    { config, clock: town.clock, openHttp: town.openHttp },
  );
  const steps = outcome.verdict.steps.map(({ step, verdict }) => `${step} ${verdict}`);
  const warnings = outcome.log.annotations.filter((a) => a.level === 'warning').map((w) => w.code);
  return { ...outcome, steps, warnings, word: `${outcome.verdict.verdict} ${outcome.verdict.reason}` };
}

/** 20 % for two minutes, 50 % for two minutes, then all of it. */
function moving(more: (town: Town, seconds: number) => void = () => {}): Town {
  const town = new Town((t, seconds) => {
    const weight = seconds < 120 ? 20 : seconds < 240 ? 50 : 0;
    t.share = weight === 0 ? 0.99 : weight / 100;
    t.argo.health = weight === 0 ? 'Healthy' : 'Suspended';
    t.argo.rollout =
      weight === 0
        ? { weight: 0, stable: 'bbb', phase: 'Healthy' }
        : {
            weight,
            phase: 'Paused',
            steps: [{ setWeight: weight }, { pause: { duration: 120 } }],
            at: 1,
            pauses: PAUSED,
          };
    more(t, seconds);
  });
  town.argo.health = 'Suspended';
  town.argo.rollout = { weight: 20, phase: 'Paused', steps: STEPS, at: 3, pauses: PAUSED };
  return town;
}

describe('watching', () => {
  test('each weight is a step of its own; it is over when the new version is the stable one', async () => {
    const town = moving();
    const { word, steps, warnings, intervals, text, result } = await go(town);
    expect([word, steps, warnings]).toEqual(['pass healthy', ['20 pass', '50 pass'], []]);
    expect(intervals.at(-1)).toMatchObject({ step: null, weight: null });
    expect(town.argo.asked.filter((line) => !line.startsWith('GET '))).toEqual([]);
    expect(town.argo.asked).toContain(
      'GET /api/v1/applications/shop/resource?resourceName=shop&group=argoproj.io&version=v1alpha1&kind=Rollout&namespace=shop',
    );
    expect((await replay(text, CONFIG)).result.json).toBe(result.json);
  });

  test('a worse canary fails at the weight where it shows', async () => {
    const town = moving((t, seconds) => (t.errors = seconds > 130 ? 0.5 : 0));
    const { word, steps } = await go(town);
    expect([word, steps]).toEqual(['fail worse:errors', ['20 pass', '50 fail']]);
  });

  test('it waits for somebody: a pass ends the run, so that a workflow may promote it', async () => {
    const town = new Town();
    town.argo.health = 'Suspended';
    town.argo.rollout = {
      weight: 20,
      phase: 'Paused',
      steps: [{ setWeight: 20 }, { pause: {} }],
      at: 1,
      pauses: PAUSED,
    };
    const { word, steps, result, text } = await go(town);
    expect([word, steps]).toEqual(['pass healthy', ['20 pass']]);
    expect(result.outputs).toMatchObject({ step: '20', weight: 20, 'next-weight': 50 });
    expect((await replay(text, CONFIG)).result.json).toBe(result.json);
  });

  test('it went through before there was evidence: no pass, and a warning', async () => {
    const town = moving((t, seconds) => {
      t.rate = 0.2;
      if (seconds > 20)
        Object.assign(t.argo, { health: 'Healthy', rollout: { weight: 0, stable: 'bbb', phase: 'Healthy' } });
    });
    const { word, warnings, text, result } = await go(town);
    expect([word, warnings]).toEqual(['hold trace-ended', ['W_ROLLOUT_THROUGH']]);
    expect((await replay(text, CONFIG)).result.json).toBe(result.json);
  });

  test('its pods are of another version now: superseded', async () => {
    const town = moving((t, seconds) => {
      if (seconds > 60) t.argo.rollout = { weight: 20, current: 'ccc', phase: 'Progressing' };
    });
    const { word, result } = await go(town);
    expect(word).toBe('superseded superseded');
    expect(result.message).toContain('goes to pods ccc in place of bbb');
  });

  test('somebody aborted it: hold degraded', async () => {
    const town = moving((t, seconds) => {
      if (seconds > 60)
        t.argo.rollout = { weight: 0, abort: true, phase: 'Degraded', message: 'RolloutAborted: by hand' };
    });
    const { word, result } = await go(town);
    expect(word).toBe('hold degraded');
    expect(result.message).toContain('the Rollout was aborted: RolloutAborted: by hand');
  });

  test('a pod of the canary that crashes is known by its hash, also without a digest', async () => {
    const pod = (hash: string): object => ({
      kind: 'Pod',
      name: `shop-${hash}`,
      info: [{ name: 'Status Reason', value: 'CrashLoopBackOff' }],
      networkingInfo: { labels: { 'rollouts-pod-template-hash': hash } },
    });
    const crash = (hash: string) =>
      moving((t, seconds) => {
        if (seconds > 30) t.argo.nodes = [pod(hash)];
      });
    expect((await go(crash('bbb'), { image: '' })).word).toBe('fail crashloop');
    expect((await go(crash('aaa'), { image: '' })).word).toBe('pass healthy');
  });

  test('it waits for the first weight, and no longer than it may', async () => {
    const late = new Town(({ argo }, seconds) => {
      if (seconds > 30) argo.rollout = { weight: 20, phase: 'Paused', steps: STEPS, at: 1, pauses: PAUSED };
    });
    late.argo.rollout = { weight: 0 };
    const { word, intervals } = await go(late);
    expect([word, intervals[0]?.step]).toEqual(['pass healthy', '20']);
    const never = new Town();
    never.argo.rollout = { weight: 0 };
    expect((await go(never, { 'sync-timeout': '1m' })).word).toBe('hold sync-timeout');
  });

  test('it stands at nothing to compare: hold sync-timeout', async () => {
    const town = moving((t, seconds) => {
      if (seconds > 90) t.argo.rollout = { weight: 100, phase: 'Progressing' };
    });
    const { word, result } = await go(town, { 'sync-timeout': '1m' });
    expect(word).toBe('hold sync-timeout');
    expect(result.message).toContain('no weight between 0 and 100');
  });

  test('an older change that its controller has not seen is not judged', async () => {
    const town = new Town(({ argo }, seconds) => {
      if (seconds > 30 && argo.rollout !== undefined) Object.assign(argo.rollout, { observed: '3' });
    });
    town.argo.rollout = { weight: 20, observed: '2', steps: STEPS, at: 1, pauses: PAUSED };
    expect((await go(town)).intervals[0]?.start).toBeGreaterThan(1_700_000_030);
  });
});

describe('what is refused', () => {
  test.each<[string, Record<string, string>, string, string]>([
    [
      'Git writes the weights too',
      { 'expected-weight': '20' },
      'E_WEIGHT_INVALID',
      'on one route only one of them may',
    ],
    ['a step', { step: '20' }, 'E_STEP_INVALID', 'each weight is a step of its own'],
    ['a mode without weights', { mode: 'before-after' }, 'E_INPUT', 'mode before-after has none'],
    ['no name', { 'argocd-rollout': 'Shop!' }, 'E_INPUT', 'no name of a Rollout'],
    ['no Argo CD', { 'argocd-url': '' }, 'E_INPUT', 'argocd-url: is required with'],
  ])('%s', async (_name, inputs, code, said) => {
    const town = moving();
    const error = await go(town, inputs).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, message: expect.stringContaining(said) });
    expect(town.argo.asked).toEqual([]);
  });

  test('a Rollout that is not there', async () => {
    const { error } = await go(moving(), { 'argocd-rollout': 'shep' });
    expect(error).toMatchObject({
      code: 'E_ROLLOUT_MISSING',
      message: expect.stringContaining('no Rollout shep; it has shop'),
    });
  });

  test('two of that name', async () => {
    const town = moving();
    town.argo.nodes = [{ ...rolloutNode, namespace: 'other' }];
    expect((await go(town)).error).toMatchObject({
      code: 'E_ROLLOUT_MISSING',
      message: expect.stringContaining('2 Rollouts'),
    });
  });
});
