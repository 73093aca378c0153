import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_LAYOUT, parseLayout, readCurrent } from '../../src/plan-delivery/layout.ts';
import { planRevert } from '../../src/plan-delivery/revert.ts';
import { leftover, planStages } from '../../src/plan-delivery/stages.ts';
import type { StagePlanInput, Strategy } from '../../src/plan-delivery/types.ts';
import { parseWeights } from '../../src/plan-delivery/weights.ts';

const OLD = `sha256:${'a'.repeat(64)}`;
const NEW = `sha256:${'b'.repeat(64)}`;
const VALUES = `
image: { repository: r/app, tag: sha-1, digest: "${OLD}", revision: ${'1'.repeat(40)} }
canary:
  weight: 0
  image: { repository: "", tag: "", digest: "", revision: "" }
`;
const input = (over: Partial<StagePlanInput> = {}): StagePlanInput => ({
  strategy: 'canary',
  weights: [5, 50, 100],
  file: 'env/values.yaml',
  layout: DEFAULT_LAYOUT,
  image: 'r/app',
  tag: 'sha-2',
  digest: NEW,
  evidence: true,
  router: 'gateway',
  rollout: 'app',
  labels: { app: 'app', stable: '', canary: '' },
  records: 'canary-x',
  stageMinutes: 45,
  ...over,
});
const read = (text: string, strategy: Strategy = 'canary') =>
  readCurrent(text, 'env/values.yaml', DEFAULT_LAYOUT, strategy);

describe('trap 3: weights', () => {
  test.each([
    ['[5,5,100]', 'entry 2 (5) is not above the one before it (5)'],
    ['[10,5]', 'entry 2 (5) is not above'],
    ['[5,50]', 'the last entry (50) is not 100'],
    ['[0,100]', 'entry 1 (0) is not a whole number from 1 to 100'],
    ['"5,10"', 'is not a list'],
    ['5,10', 'is not JSON'],
    ['[5,"10",100]', 'entry 2 ("10") is not'],
    ['[]', 'at least one'],
    ['[1.5,100]', 'entry 1 (1.5)'],
    ['[5,101]', 'entry 2 (101)'],
  ])('%s is refused', (text, message) => {
    expect(() => parseWeights(text)).toThrow(
      expect.objectContaining({ code: 'E_PLAN_WEIGHTS', message: expect.stringContaining(message) }),
    );
  });
  test('good ones are kept', () => {
    expect(parseWeights('[5,10,25,50,100]')).toEqual([5, 10, 25, 50, 100]);
    expect(parseWeights('[100]')).toEqual([100]);
  });
});

describe('stages', () => {
  test('canary: each weight, then finish; each guarded by what the one before left', () => {
    const stages = planStages(input(), read(VALUES));
    expect(stages.map((s) => [s.name, s.weight, s.verify?.mode, s.verify?.weight, s.history, s.final])).toEqual([
      ['5%', 5, 'concurrent', 5, '', false],
      ['50%', 50, 'concurrent', 50, 'canary-x-0', false],
      ['100%', 100, 'before-after', 100, '', false],
      ['finish', 100, 'post-promotion', 100, '', true],
    ]);
    const asRead = { 'canary.weight': '0', 'canary.image.digest': '' };
    expect(stages[0]?.updates).toEqual([
      { file: 'env/values.yaml', image: 'canary.image', ref: `r/app:sha-2@${NEW}`, 'only-if': asRead },
      { file: 'env/values.yaml', path: 'canary.weight', value: 5, type: 'number', 'only-if': asRead },
    ]);
    expect(stages[1]?.updates).toEqual([
      {
        file: 'env/values.yaml',
        path: 'canary.weight',
        value: 50,
        type: 'number',
        'only-if': { 'canary.weight': '5', 'canary.image.digest': NEW },
      },
    ]);
    const atEnd = { 'canary.weight': '100', 'canary.image.digest': NEW };
    expect(stages[3]?.updates.map((u) => ('image' in u ? ['image', u.ref] : [u.path, u.value]))).toEqual([
      ['image', `r/app:sha-2@${NEW}`],
      ['canary.image.repository', ''],
      ['canary.image.tag', ''],
      ['canary.image.digest', ''],
      ['canary.image.revision', ''],
      ['canary.weight', 0],
    ]);
    expect(stages[3]?.updates.every((u) => JSON.stringify(u['only-if']) === JSON.stringify(atEnd))).toBe(true);
  });
  test('rolling: one stage', () => {
    const stages = planStages(input({ strategy: 'rolling' }), read(`image: { tag: x, digest: "${OLD}" }`, 'rolling'));
    expect(stages.map((s) => s.name)).toEqual(['roll']);
    expect(stages[0]?.updates[0]).toMatchObject({ image: 'image', 'only-if': { 'image.digest': OLD } });
  });
  test('recreate: one stage too', () => {
    const now = read(`image: { tag: x, digest: "${OLD}" }`, 'recreate');
    expect(planStages(input({ strategy: 'recreate' }), now).map((s) => s.name)).toEqual(['roll']);
  });
  test('trap 41: the stable digest already: no stage', () => {
    expect(planStages(input({ digest: OLD }), read(VALUES))).toEqual([]);
  });
  test('no stable version yet: install', () => {
    const now = read('image: { tag: "", digest: "" }\ncanary: { weight: 0, image: { tag: "", digest: "" } }');
    expect(planStages(input(), now).map((s) => s.name)).toEqual(['install']);
    expect(planRevert(input(), now).revertFinished).toEqual([]);
  });
  test('a leftover canary is replaced, guarded as it was read, and said', () => {
    const now = read(
      VALUES.replace('weight: 0', 'weight: 25').replace(
        'tag: "", digest: ""',
        `tag: sha-9, digest: "sha256:${'c'.repeat(64)}"`,
      ),
    );
    expect(leftover(input(), now)).toEqual({ digest: `sha256:${'c'.repeat(64)}`, weight: '25' });
    expect(planStages(input(), now)[0]?.updates[0]?.['only-if']).toEqual({
      'canary.weight': '25',
      'canary.image.digest': `sha256:${'c'.repeat(64)}`,
    });
    expect(planStages(input({ digest: OLD }), now).map((s) => s.name)).toEqual(['clear']);
  });
  test('the JSON for a matrix stays small for any weights', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 49 }), (list) => {
        const weights = [...list.sort((a, b) => a - b), 100];
        const stages = planStages(input({ weights: parseWeights(JSON.stringify(weights)) }), read(VALUES));
        expect(stages).toHaveLength(weights.length + 1);
        expect(Buffer.byteLength(JSON.stringify(stages))).toBeLessThan(64 * 1024);
      }),
    );
  });
});

describe('blueGreen', () => {
  const slotsOf = (active: string, blue: string, green: string): string => `
blueGreen:
  active: ${active}
  blue: { image: { repository: r/app, tag: b, digest: "${blue}", revision: "" } }
  green: { image: { repository: "", tag: g, digest: "${green}", revision: "" } }
`;
  const plan = (text: string, over: Partial<StagePlanInput> = {}) => {
    const now = read(text, 'blueGreen');
    const given = input({ strategy: 'blueGreen', ...over });
    return { stages: planStages(given, now), ...planRevert(given, now) };
  };

  test.each([
    ['blue', 'green'],
    ['green', 'blue'],
  ])('active %s: preview in %s, then the switch, each guarded by what it found', (active, target) => {
    const old = `sha256:${'d'.repeat(64)}`;
    const { stages } = plan(active === 'blue' ? slotsOf('blue', OLD, old) : slotsOf('green', old, OLD));
    expect(stages.map((s) => [s.name, s.weight, s.verify?.mode, s.history, s.final])).toEqual([
      ['preview', 0, 'pre-promotion', '', false],
      ['switch', 100, 'post-promotion', 'canary-x-0', true],
    ]);
    expect(stages[0]?.updates).toEqual([
      {
        file: 'env/values.yaml',
        image: `blueGreen.${target}.image`,
        ref: `r/app:sha-2@${NEW}`,
        'only-if': { 'blueGreen.active': active, [`blueGreen.${target}.image.digest`]: old },
      },
    ]);
    expect(stages[1]?.updates).toEqual([
      {
        file: 'env/values.yaml',
        path: 'blueGreen.active',
        value: target,
        type: 'string',
        'only-if': { 'blueGreen.active': active, [`blueGreen.${target}.image.digest`]: NEW },
      },
    ]);
    expect(stages[1]?.verify).toMatchObject({
      stable: `app="app",slot="${active}"`,
      canary: `app="app",slot="${target}"`,
    });
  });

  test('the way back is one commit: the requests and the slot as they were, only over our own digest', () => {
    const { revert, revertFinished } = plan(slotsOf('blue', OLD, ''));
    expect(revertFinished).toEqual([]);
    expect(revert.map((u) => ('path' in u ? [u.path, u.value] : []))).toEqual([
      ['blueGreen.green.image.repository', ''],
      ['blueGreen.green.image.tag', 'g'],
      ['blueGreen.green.image.digest', ''],
      ['blueGreen.green.image.revision', ''],
      ['blueGreen.active', 'blue'],
    ]);
    for (const update of revert) expect(update['only-if']).toEqual({ 'blueGreen.green.image.digest': NEW });
  });

  test('trap 24: the first delivery has no active image: preview, then switch, nothing to judge by, no way back', () => {
    const { stages, revert } = plan(slotsOf('blue', '', '').replaceAll(/tag: [bg]/g, 'tag: ""'));
    expect(stages.map((s) => [s.name, s.verify])).toEqual([
      ['preview', undefined],
      ['switch', undefined],
    ]);
    expect(revert).toEqual([]);
  });

  test('without evidence it is handed off and not judged; the active digest already: no stage', () => {
    expect(plan(slotsOf('blue', OLD, ''), { evidence: false }).stages.map((s) => s.verify)).toEqual([
      undefined,
      undefined,
    ]);
    expect(plan(slotsOf('green', OLD, NEW)).stages).toEqual([]);
  });

  test('a file without the block, or with an unknown slot, lists what is missing', () => {
    expect(() => read('image: { tag: "", digest: "" }', 'blueGreen')).toThrow(
      expect.objectContaining({
        code: 'E_PLAN_LAYOUT',
        message: expect.stringContaining(
          'blueGreen.active (blue or green), blueGreen.blue.image, blueGreen.green.image',
        ),
      }),
    );
    expect(() => read(slotsOf('red', OLD, ''), 'blueGreen')).toThrow('blueGreen.active (blue or green)');
  });
});

describe('the way back', () => {
  test('clears our canary, and brings the old stable image back', () => {
    const { revert, revertFinished } = planRevert(input(), read(VALUES));
    expect(revert.map((u) => ('path' in u ? [u.path, u.value] : []))).toEqual([
      ['canary.image.repository', ''],
      ['canary.image.tag', ''],
      ['canary.image.digest', ''],
      ['canary.image.revision', ''],
      ['canary.weight', 0],
    ]);
    expect(revert[0]?.['only-if']).toEqual({ 'canary.image.digest': NEW });
    expect(revertFinished.map((u) => ('path' in u ? [u.path, u.value] : []))).toEqual([
      ['image.repository', 'r/app'],
      ['image.tag', 'sha-1'],
      ['image.digest', OLD],
      ['image.revision', '1'.repeat(40)],
    ]);
    expect(revertFinished[0]?.['only-if']).toEqual({ 'image.digest': NEW });
  });
});

describe('values and layout', () => {
  test('missing keys are all listed', () => {
    expect(() => read('image: { tag: x }')).toThrow(
      expect.objectContaining({
        code: 'E_PLAN_LAYOUT',
        message: expect.stringContaining('image.digest, canary.image, canary.weight'),
      }),
    );
  });
  test.each(['a: {{ .Values.x }}\n{', 'a: 1\n---\nb: 2\n', '\t- x: ['])('unfit file %#', (text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^E_PLAN_(FILE|LAYOUT)$/) }),
    );
  });
  test('texts stay texts: an unquoted tag that looks like a number, a null', () => {
    const now = read('image: { tag: 1.10, digest: ~ }\ncanary: { weight: 5, image: { tag: , digest: null } }');
    expect([now.stable.tag, now.stable.digest, now.canary?.weight, now.canary?.image.digest]).toEqual([
      '1.10',
      '',
      '5',
      '',
    ]);
  });
  test('a layout names paths of another chart; unknown names say the nearest', () => {
    expect(parseLayout('canary.weight: rollout.weight')).toEqual({
      ...DEFAULT_LAYOUT,
      'canary.weight': 'rollout.weight',
    });
    expect(() => parseLayout('canary.wieght: x')).toThrow('did you mean "canary.weight"');
    expect(() => parseLayout('- a')).toThrow('not a map');
    expect(() => parseLayout('image: a[0].b')).toThrow('keys joined by dots');
  });
});
