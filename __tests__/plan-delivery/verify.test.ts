/** What each stage of each strategy is judged by, and why some are not. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_LAYOUT, readCurrent } from '../../src/plan-delivery/layout.ts';
import { planRevert } from '../../src/plan-delivery/revert.ts';
import { readBefore } from '../../src/plan-delivery/rollback.ts';
import { planStages } from '../../src/plan-delivery/stages.ts';
import type { Router, StagePlanInput, Strategy } from '../../src/plan-delivery/types.ts';
import { judgeRollback } from '../../src/plan-delivery/verify.ts';
import { parseMatchers } from '../../src/verify-canary/collect/selector.ts';

const OLD = `sha256:${'a'.repeat(64)}`;
const NEW = `sha256:${'b'.repeat(64)}`;
const VALUES = `
image: { repository: r/app, tag: v1, digest: "${OLD}", revision: ${'1'.repeat(40)} }
canary: { weight: 0, image: { repository: "", tag: "", digest: "", revision: "" } }
`;
const SLOTS = `
blueGreen:
  active: blue
  blue: { image: { repository: r/app, tag: v1, digest: "${OLD}", revision: "" } }
  green: { image: { repository: r/app, tag: v0, digest: "", revision: "" } }
`;
const LABELS = { app: 'shop', stable: '', canary: '' };
const read = (text: string, strategy: Strategy, router: Router = 'gateway') =>
  readCurrent(text, 'v.yaml', DEFAULT_LAYOUT, strategy, router);
const input = (strategy: Strategy, over: Partial<StagePlanInput> = {}): StagePlanInput => ({
  strategy,
  weights: [50, 100],
  file: 'v.yaml',
  layout: DEFAULT_LAYOUT,
  image: 'r/app',
  tag: 'v2',
  digest: NEW,
  evidence: true,
  router: 'gateway',
  rollout: 'shop',
  labels: LABELS,
  records: 'canary-x',
  stageMinutes: 45,
  ...over,
});
const plan = (strategy: Strategy, text: string, over: Partial<StagePlanInput> = {}) =>
  planStages(input(strategy, over), read(text, strategy, over.router));

describe('canary', () => {
  // At 100 % and finished: the load of before was that of both versions together.
  test('by track; at 100 % and finished, against both of the time before', () => {
    const stages = plan('canary', VALUES);
    const [stable, canary] = ['app="shop",track="stable"', 'app="shop",track="canary"'];
    const both = 'app="shop",track=~"stable|canary"';
    expect(stages.map((s) => s.verify)).toEqual([
      { mode: 'concurrent', weight: 50, step: '', stable, canary, rollout: '' },
      { mode: 'before-after', weight: 100, step: '', stable: both, canary, rollout: '' },
      { mode: 'post-promotion', weight: 100, step: 'finish', stable: both, canary: stable, rollout: '' },
    ]);
    // A trace holds one kind of comparison.
    expect(stages.map((s) => s.history)).toEqual(['', '', '']);
    expect(stages.map((s) => s['timeout-minutes'])).toEqual([45, 45, 45]);
  });

  test('labels of another chart: each version by its own tag, in every stage', () => {
    const labels = { app: 'shop', stable: 'job="a",version="{tag}"', canary: 'job="b",version="{tag}"' };
    const pairs = plan('canary', VALUES, { labels }).map((s) => [s.verify?.stable, s.verify?.canary]);
    const both = ['job="a",version="v1"', 'job="b",version="v2"'];
    expect(pairs).toEqual([both, both, ['job="b",version="v2"', 'job="a",version="v2"']]);
  });
});

describe('canary whose weights a Rollout moves', () => {
  const bare = VALUES.replace(/canary:.*\n/, '');

  test('one stage that writes the image and watches; the way back is the old image', () => {
    const [stage, ...more] = plan('canary', bare, { router: 'rollouts' });
    expect(more).toEqual([]);
    expect(stage).toMatchObject({
      name: 'roll',
      'timeout-minutes': 180,
      updates: [{ image: 'image', 'only-if': { 'image.digest': OLD } }],
      verify: { mode: 'concurrent', weight: '', step: '', rollout: 'shop', canary: 'app="shop",track="canary"' },
    });
    const back = planRevert(input('canary', { router: 'rollouts' }), read(bare, 'canary', 'rollouts'));
    expect(back.revert).toEqual([]);
    expect(back.revertFinished.map((u) => u['only-if'])).toEqual(Array(4).fill({ 'image.digest': NEW }));
  });

  test('a chart that can do both keeps its empty canary; nobody writes it', () => {
    expect(plan('canary', VALUES, { router: 'rollouts' }).map((s) => s.name)).toEqual(['roll']);
    expect(planRevert(input('canary', { router: 'rollouts' }), read(VALUES, 'canary')).revert).toEqual([]);
  });
});

describe.each(['rolling', 'recreate'] as const)('%s', (strategy) => {
  test('before and after, by the version on the series', () => {
    expect(plan(strategy, VALUES).map((s) => s.verify)).toEqual([
      {
        mode: 'before-after',
        weight: 100,
        step: '',
        stable: 'app="shop",app_kubernetes_io_version="v1"',
        canary: 'app="shop",app_kubernetes_io_version="v2"',
        rollout: '',
      },
    ]);
  });

  test.each<[string, string, Partial<StagePlanInput>]>([
    ['there is no prometheus-url', VALUES, { evidence: false }],
    ['there is no stable version to compare with', VALUES.replace('v1', '""').replace(OLD, ''), {}],
    ['both versions have the same tag, and nothing else tells their series apart', VALUES, { tag: 'v1' }],
  ])('not judged, and it says so: %s', (why, text, over) => {
    const [stage] = plan(strategy, text, over);
    expect(stage).toMatchObject({ unjudged: why, 'timeout-minutes': 10 });
    expect(stage?.verify).toBeUndefined();
  });

  test('a tag becomes a label as the chart makes it', () => {
    const [stage] = plan(strategy, VALUES, { tag: `_${'x'.repeat(61)}.yz` });
    expect(stage?.verify?.canary).toBe(`app="shop",app_kubernetes_io_version="${'x'.repeat(61)}"`);
  });
});

test('blueGreen: the slots; a trace of both, since both compare with the same time before', () => {
  const stages = plan('blueGreen', SLOTS);
  expect(stages.map((s) => [s.verify?.mode, s.verify?.weight, s.verify?.stable, s.verify?.canary, s.history])).toEqual([
    ['pre-promotion', 0, 'app="shop",slot="blue"', 'app="shop",slot="green"', ''],
    ['post-promotion', 100, 'app="shop",slot="blue"', 'app="shop",slot="green"', 'canary-x-0'],
  ]);
  const labels = { app: '', stable: 'color="{slot}"', canary: 'color="{slot}"' };
  expect(plan('blueGreen', SLOTS, { labels })[0]?.verify).toMatchObject({
    stable: 'color="blue"',
    canary: 'color="green"',
  });
});

describe('after a rollback', () => {
  const image = (tag: string, digest: string): string =>
    `image: { repository: r/app, tag: ${tag}, digest: "${digest}" }`;
  const asRead = (text: string, strategy: Strategy) => readBefore(JSON.stringify(read(text, strategy)));

  test('the version that is back against the one that was taken back', () => {
    const now = read(image('v0', OLD), 'rolling');
    expect(judgeRollback(LABELS, asRead(image('v1', NEW), 'rolling'), now)).toEqual({
      verify: {
        mode: 'post-promotion',
        weight: 100,
        step: 'rollback',
        stable: 'app="shop",app_kubernetes_io_version="v1"',
        canary: 'app="shop",app_kubernetes_io_version="v0"',
        rollout: '',
      },
    });
  });

  test('the other slot against the one that had the requests', () => {
    const now = read(SLOTS.replace('active: blue', 'active: green'), 'blueGreen');
    expect(judgeRollback(LABELS, asRead(SLOTS, 'blueGreen'), now)).toMatchObject({
      verify: { stable: 'app="shop",slot="blue"', canary: 'app="shop",slot="green"' },
    });
  });

  test('only a canary was ended: nothing to judge', () => {
    const now = read(image('v1', OLD), 'rolling');
    expect(judgeRollback(LABELS, now, now)).toEqual({ unjudged: 'the stable version is the same as before' });
  });

  test('something else than values of before is refused', () => {
    for (const text of ['', '{', '[]', '{"stable":1}'])
      expect(() => readBefore(text)).toThrow(expect.objectContaining({ code: 'E_INPUT' }));
  });
});

test('trap 19: whatever the name of the service, the selector is one matcher of exactly that name', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (app) => {
      for (const { verify } of plan('canary', VALUES, { labels: { app, stable: '', canary: '' } })) {
        const [first, ...rest] = parseMatchers(verify?.stable ?? '');
        expect([first?.label, first?.value, rest.length]).toEqual(['app', app, 1]);
      }
    }),
  );
});
