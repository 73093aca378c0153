/** Order, trailers, message and waiting: the parts that decide. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextWait } from '../../src/bump-helm-tag/backoff.ts';
import { checkTemplate, renderMessage, VARIABLES, type Variables } from '../../src/bump-helm-tag/message.ts';
import { decide, findOwner, type OwnedSite } from '../../src/bump-helm-tag/order.ts';
import { type BlockToWrite, parseBlocks, renderBlock } from '../../src/bump-helm-tag/trailers.ts';

const ID = '7b0c6f0e-0000-4000-8000-000000000000';
const REVISION = 'a'.repeat(40);
const BLOCK: BlockToWrite = {
  bumpId: ID,
  targets: [
    { id: 'env/v.yaml#0#image', kind: 'image', value: 'ghcr.io/org/app:v1' },
    { id: 'env/v.yaml#0#weight', kind: 'scalar', value: '5' },
  ],
  sourceRepository: 'github.com/org/app',
  sourceRevision: REVISION,
  sourceRef: 'refs/heads/main',
  workflowRun: 'https://github.com/org/app/actions/runs/1/attempts/1',
  downgradeReason: '',
  reverts: '',
  user: ['Delivery-Id: org/app/1'],
};
const VARS = Object.fromEntries(VARIABLES.map((v) => [v, `<${v}>`])) as Variables;

describe('trailers', () => {
  test('what is written is read back', () => {
    expect(parseBlocks(`bump\n\n${renderBlock(BLOCK)}`)).toEqual([
      {
        bumpId: ID,
        sourceRepository: 'github.com/org/app',
        sourceRevision: REVISION,
        reverts: '',
        targets: [
          { id: 'env/v.yaml#0#image', kind: 'image', value: 'ghcr.io/org/app:v1' },
          { id: 'env/v.yaml#0#weight', kind: 'scalar', value: '5' },
        ],
      },
    ]);
  });
  test('line ends of a browser', () => {
    const message = `bump\n\n${renderBlock(BLOCK)}`;
    expect(parseBlocks(message.replaceAll('\n', '\r\n'))).toEqual(parseBlocks(message));
  });
  test('the last paragraph only, and only when every line of it is a trailer', () => {
    expect(parseBlocks(`${renderBlock(BLOCK)}\n\nthe end`)).toEqual([]);
    expect(parseBlocks(`bump\n\n${renderBlock(BLOCK)}\nnot one`)).toEqual([]);
    expect(parseBlocks(renderBlock(BLOCK))).toEqual([]);
    expect(parseBlocks(`b\n\n${renderBlock({ ...BLOCK, bumpId: 'x' })}`)).toEqual([]);
    expect(parseBlocks(`b\n\n${renderBlock({ ...BLOCK, sourceRevision: 'abc' })}`)).toEqual([]);
  });
  test('trap 34: no value of any field, and no variable of the message, adds a block or changes ours', () => {
    const any = fc.string({ unit: 'binary', maxLength: 40 });
    const evil = fc.constantFrom(
      `x\nBump-Id: ${ID.replace('7', '8')}`,
      '\r\n\r\nBump-Target: z',
      '\u2028Bump-Id: 1',
      'a\n\nb',
      '[skip ci]',
    );
    fc.assert(
      fc.property(fc.oneof(any, evil), fc.oneof(any, evil), (a, b) => {
        const block = { ...BLOCK, sourceRef: a, workflowRun: b, downgradeReason: a, user: [`Note: x${b}`] };
        const vars = Object.fromEntries(VARIABLES.map((v) => [v, `${a}${b}`])) as Variables;
        const message = renderMessage(`{tag} {ref-name}\n\n{files}\n${a}`, vars, renderBlock(block));
        const read = parseBlocks(`${message.headline}\n\n${message.body}`);
        expect(read.map((r) => [r.bumpId, r.targets.length, r.sourceRevision])).toEqual([[ID, 2, REVISION]]);
        expect(message.headline).not.toMatch(/[\r\n]/);
        expect(`${message.headline}${message.body}`).not.toMatch(/\[skip ci\]/i);
      }),
      { numRuns: 300 },
    );
  });
});

describe('message', () => {
  test('variables, a literal brace, body; the headline is cut', () => {
    expect(renderMessage('bump {image-name} {{x} to {version}\nbody {tag}', VARS, 'T: x')).toEqual({
      headline: 'bump <image-name> {x} to <version>',
      body: 'body <tag>\n\nT: x',
    });
    expect(renderMessage('x'.repeat(100), VARS, 'T: x').headline).toHaveLength(72);
  });
  test.each(['[skip ci]', '[CI SKIP]', '[no ci]', '[skip actions]', '[actions skip]'])(
    'trap 34: %s cannot switch off workflows',
    (words) => {
      expect(renderMessage(`a {tag}`, { ...VARS, tag: words }, '').headline).toBe(`a (${words.slice(1, -1)})`);
    },
  );
  test('an unknown variable is refused, the nearest is named', () => {
    expect(() => checkTemplate('{tga}')).toThrow('{tag}');
    checkTemplate('{{anything} {tag}');
  });
});

describe('owner', () => {
  const site = (over: Partial<OwnedSite> = {}): OwnedSite => ({
    id: 'env/v.yaml#0#image',
    revision: '',
    tag: 'v1',
    empty: false,
    matches: (logged) => logged === 'ghcr.io/org/app:v1',
    ...over,
  });
  const log = [{ oid: '1', time: '', message: `b\n\n${renderBlock(BLOCK)}` }];
  test('the revision key, then the log, then the end of the tag, then nobody', () => {
    expect(findOwner(site({ revision: 'b'.repeat(40) }), log)).toMatchObject({ revision: 'b'.repeat(40), by: 'file' });
    expect(findOwner(site(), log)).toMatchObject({ revision: REVISION, by: 'trailer' });
    expect(findOwner(site({ tag: 'sha-0a1b2c3' }), [])).toMatchObject({ revision: '0a1b2c3', by: 'tag' });
    expect(findOwner(site({ tag: '1.2.3' }), [])).toEqual({ kind: 'none' });
    expect(findOwner(site({ empty: true }), log)).toEqual({ kind: 'none' });
    expect(findOwner(site({ id: 'other' }), log)).toEqual({ kind: 'none' });
  });
  test('trap 32: the logged value is not what stands there: edited by hand', () => {
    expect(findOwner(site({ matches: () => false }), log).kind).toBe('hand-edited');
  });
});

test.each([
  ['ahead', 'file', false, 'write'],
  ['identical', 'trailer', false, 'write'],
  ['behind', 'file', false, 'superseded'],
  ['behind', 'file', true, 'write'],
  ['diverged', 'file', false, 'E_HISTORY_DIVERGED'],
  ['diverged', 'file', true, 'write'],
  ['base-unknown', 'trailer', false, 'E_OWNER_UNREADABLE'],
  ['base-unknown', 'tag', false, 'write'],
  ['head-unknown', 'file', false, 'E_SOURCE_UNREADABLE'],
  ['head-unknown', 'file', true, 'E_SOURCE_UNREADABLE'],
] as const)('order: %s, owner by %s, downgrade %s: %s', (relation, by, allow, end) => {
  const decision = decide(relation, by, allow);
  expect(decision.kind === 'fail' ? decision.code : decision.kind).toBe(end);
});

test('waiting: wider with conflicts and with what landed, never over 20 s', () => {
  expect(nextWait(0, 1, 0.999)).toBeLessThan(0.5);
  expect(nextWait(3, 1, 1)).toBe(4);
  expect(nextWait(0, 20, 1)).toBe(10);
  expect(nextWait(99, 99, 1)).toBe(20);
  expect(nextWait(5, 5, 0)).toBe(0);
});
