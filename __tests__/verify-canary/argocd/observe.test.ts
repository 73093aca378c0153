/** While the canary is judged: what Argo CD says meanwhile, and what it is when it says nothing. */
import { describe, expect, test } from '@jest/globals';
import { ARGO_INPUTS, IMAGE, LATER, OLD, OURS, podNode, STABLE_IMAGE, Town } from '../support/argocd.ts';
import { replay, rules, watch } from '../support/world.ts';

// A pass is far away: errors without an objective.
const BARE = '{name: errors, kind: ratio, events: \'http_requests_total{code=~"5.."}\', total: http_requests_total}';
const LONG = rules([BARE], ['interval: 5s', 'steps: [{weight: 20, min: 30s, max: 3m}]']);
const SHORT = rules(undefined, ['interval: 5s', 'steps: [{weight: 20, min: 30s, max: 3m}]']);

async function go(town: Town, config = LONG, inputs: Record<string, string> = {}) {
  const outcome = await watch(
    { 'expected-weight': '20', ...town.targets, ...ARGO_INPUTS, ...inputs },
    { config, clock: town.clock, openHttp: town.openHttp },
  );
  const events = outcome.lines.filter((line) => 'type' in line && line.type === 'event');
  const warnings = outcome.log.annotations.filter((a) => a.level === 'warning');
  return { ...outcome, events, warnings, word: `${outcome.verdict.verdict} ${outcome.verdict.reason}` };
}

const at60 = (change: (town: Town) => void): Town =>
  new Town((town, seconds) => {
    if (seconds >= 60 && seconds < 65) change(town);
  });

describe('an end that Argo CD knows of', () => {
  test.each<[string, (town: Town) => void, string, string]>([
    [
      'another version is wanted and runs',
      ({ argo }) => Object.assign(argo, { revision: LATER, images: [STABLE_IMAGE, 'r.example/shop:1.3'] }),
      'superseded superseded',
      'Argo CD goes to 2222222',
    ],
    [
      'somebody went back by hand: the newest of the history is another',
      ({ argo }) => Object.assign(argo, { history: [OLD, OURS, OLD], images: [STABLE_IMAGE], sync: 'OutOfSync' }),
      'superseded superseded',
      'a newer version took over',
    ],
    [
      'Degraded',
      ({ argo }) => Object.assign(argo, { health: 'Degraded', healthMessage: 'quota exceeded' }),
      'hold degraded',
      'Argo CD says Degraded: quota exceeded',
    ],
    [
      'Degraded, and only the resource tree says so',
      ({ argo }) =>
        Object.assign(argo, {
          health: undefined,
          nodes: [{ kind: 'Deployment', name: 'shop', health: { status: 'Degraded', message: 'no quota' } }],
        }),
      'hold degraded',
      'Deployment shop: no quota',
    ],
    [
      'a canary pod crashes again and again',
      ({ argo }) => Object.assign(argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'CrashLoopBackOff')] }),
      'fail crashloop',
      'pod shop-canary-1 is in CrashLoopBackOff',
    ],
  ])('%s', async (_name, change, word, said) => {
    const outcome = await go(at60(change));
    expect(outcome.word).toBe(word);
    expect(outcome.result.message).toContain(said);
    // Noticed within two intervals, and the trace tells it: its replay says the same.
    const end = outcome.lines.at(-1);
    expect(end).toMatchObject({ type: 'event' });
    expect(outcome.intervals.at(-1)?.end).toBeLessThanOrEqual(1_700_000_080);
    expect((await replay(outcome.text, LONG)).result.json).toBe(outcome.result.json);
  });

  test('without an image, somebody went back by hand: ours is still wanted, and no longer applied', async () => {
    const outcome = await go(
      at60(({ argo }) => Object.assign(argo, { history: [OLD, OURS, OLD], sync: 'OutOfSync' })),
      LONG,
      { image: '' },
    );
    expect(outcome.word).toBe('superseded superseded');
    expect(outcome.lines.at(-1)).toMatchObject({ detail: 'Argo CD goes to 0000000' });
  });

  test('without an image, any other commit is another version', async () => {
    const outcome = await go(
      at60(({ argo }) => (argo.revision = LATER)),
      LONG,
      { image: '' },
    );
    expect(outcome.word).toBe('superseded superseded');
  });
});

describe('what is no end', () => {
  test.each<[string, (town: Town) => void]>([
    [
      'a commit about something else: our image runs on',
      ({ argo }) => Object.assign(argo, { revision: LATER, history: [OLD, OURS, LATER] }),
    ],
    ['a pod is replaced: the image is away for a moment', ({ argo }) => (argo.images = [STABLE_IMAGE])],
    ['Progressing', ({ argo }) => (argo.health = 'Progressing')],
    [
      'a stable pod crashes',
      ({ argo }) => Object.assign(argo, { health: 'Progressing', nodes: [podNode(STABLE_IMAGE, 'CrashLoopBackOff')] }),
    ],
    [
      'a restarting pod that is not in back-off',
      ({ argo }) => Object.assign(argo, { health: 'Progressing', nodes: [podNode(IMAGE, 'Error')] }),
    ],
  ])('%s', async (_name, change) => {
    const { word, warnings, events } = await go(at60(change), SHORT);
    expect(word).toBe('pass healthy');
    expect([warnings, events.length]).toEqual([[], 1]);
  });

  test.each<[string, (town: Town) => void, string]>([
    ['down', ({ argo }) => (argo.fault = 'down'), 'ECONNREFUSED'],
    ['in trouble', ({ argo }) => (argo.fault = { status: 502 }), '502'],
    ['no longer taking the token', ({ argo }) => (argo.token = 'another'), 'takes the token for none of its own'],
    ['a login page', ({ argo }) => (argo.fault = { status: 200, body: '<html>' }), 'in place of JSON'],
  ])('Argo CD %s: one warning, and the judging goes on to its end', async (_name, change, said) => {
    const town = at60(change);
    const outcome = await go(town, LONG);
    expect(outcome.word).toBe('hold deadline');
    expect(outcome.intervals.every((line) => line.gap === undefined)).toBe(true);
    expect(outcome.warnings.map((w) => w.code)).toEqual(['W_ARGOCD_UNAVAILABLE']);
    expect(outcome.warnings[0]?.message).toContain(said);
  });

  test('down from there on and no end of it, a pass is a pass', async () => {
    const outcome = await go(
      at60(({ argo }) => (argo.fault = 'down')),
      SHORT,
    );
    expect(outcome.word).toBe('pass healthy');
  });
});

test('it is asked once an interval at most', async () => {
  const town = new Town();
  const { intervals } = await go(town);
  const applications = town.argo.asked.filter((line) => !line.includes('resource'));
  expect(intervals.length).toBeGreaterThan(20);
  expect(applications.length).toBeLessThanOrEqual(intervals.length + 2);
  expect(town.argo.asked.every((line) => line.startsWith('GET '))).toBe(true);
});

test('nothing passes while Argo CD says that it is broken: it is asked right before', async () => {
  // Slow looks: without the last one, this would be seen only after the pass.
  const config = rules(undefined, ['interval: 30s', 'steps: [{weight: 20, min: 30s, max: 3m}]']);
  const passed = await go(new Town(), config);
  const end = (passed.intervals.at(-1)?.end ?? 0) - 1_700_000_000;
  const town = new Town(({ argo }, seconds) => {
    if (seconds >= end) argo.health = 'Degraded';
  });
  expect([passed.word, (await go(town, config)).word]).toEqual(['pass healthy', 'hold degraded']);
});

test('a secret that Argo CD repeats is in no file', async () => {
  const town = at60(({ argo }) =>
    Object.assign(argo, { health: 'Degraded', healthMessage: `bad header ${argo.token}` }),
  );
  const { text, result } = await go(town);
  for (const file of [text, result.json, result.html, result.summary]) {
    expect(file).not.toContain(town.argo.token);
    expect(file).toContain('bad header');
  }
});
