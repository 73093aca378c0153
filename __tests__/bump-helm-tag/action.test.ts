/** The action as a runner starts it, against the forge, through both transports. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { codeOf, expectRed, image, putAll, TRANSPORTS, writes } from './kit.ts';
import { DIGEST, startWorld, VALUES, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

describe.each(TRANSPORTS)('transport %s', (transport) => {
  test('one commit, one parent, only the named scalars changed; a second run changes nothing', async () => {
    const base = await world.head();
    const first = await world.bump({ ...image('b'), transport });
    expect(first.log).toContain('::notice');
    expect(first.code).toBe(0);
    expect(first.outputs).toMatchObject({
      result: 'committed',
      changed: 'true',
      'base-sha': base,
      attempts: '1',
      conflicts: '0',
      verified: String(transport === 'github'),
    });
    expect(await world.read()).toBe(
      VALUES.replace('tag: ""   # keep', 'tag: "sha-b"   # keep')
        .replace('digest: ""\n', `digest: "${DIGEST('b')}"\n`)
        .replace('revision: ""\n', `revision: "${world.revisions.c}"\n`),
    );
    expect((await world.log('%P'))[0]).toBe(base);
    const [block] = parseBlocks((await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString());
    expect(block).toMatchObject({
      bumpId: first.outputs['bump-id'],
      sourceRevision: world.revisions.c,
      targets: [{ id: 'env/v.yaml#0#image', value: `ghcr.io/org/app:sha-b@${DIGEST('b')}` }],
    });

    world.forge.clearRequests();
    const second = await world.bump({ ...image('b'), transport });
    expect([second.code, second.outputs.result, second.outputs['commit-sha']]).toEqual([
      0,
      'unchanged',
      first.outputs['commit-sha'],
    ]);
    if (transport === 'github') expect(world.forge.requests()).toHaveLength(1);
  });

  test('typed scalars and only-if move a canary weight; a mismatch writes nothing', async () => {
    const entry = (value: number, onlyIf: string): Record<string, string> => ({
      transport,
      updates: `- {file: env/v.yaml, path: canary.weight, value: ${value}, type: number, only-if: {canary.weight: "${onlyIf}"}}`,
    });
    expect((await world.bump(entry(5, '0'))).outputs.result).toBe('committed');
    const before = await world.head();
    const wrong = await world.bump(entry(25, '10'));
    expect([wrong.code, wrong.outputs.result, wrong.outputs['superseded-by'], wrong.outputs['commit-sha']]).toEqual([
      0,
      'superseded',
      '',
      '',
    ]);
    expect(wrong.log).toContain('canary.weight is "5", expected "10"');
    expect(await world.head()).toBe(before);
    expect((await world.bump(entry(10, '5'))).outputs.result).toBe('committed');
    expect(await world.read()).toBe(VALUES.replace('weight: 0', 'weight: 10'));
  });

  test('trap 31: an older build is superseded, by name; trap 33: a diverged one is red, and written with a reason', async () => {
    const { a, b, side } = world.revisions;
    await world.bump({ ...image('b'), transport, 'source-revision': b });
    const older = await world.bump({ ...image('a'), transport, 'source-revision': a });
    expect([older.code, older.outputs.result, older.outputs['superseded-by']]).toEqual([0, 'superseded', b]);
    const diverged = await world.bump({ ...image('e'), transport, 'source-revision': side });
    expect([diverged.code, codeOf(diverged.log)]).toEqual([1, 'E_HISTORY_DIVERGED']);
    const forced = await world.bump({
      ...image('e'),
      transport,
      'source-revision': side,
      'allow-downgrade': 'true',
      reason: 'the fix is there',
    });
    expect(forced.outputs.result).toBe('committed');
    expect((await git(world.path, ['log', '-1', '--format=%B', 'main'])).toString()).toContain(
      'Downgrade-Reason: the fix is there',
    );
  });

  test('an older build learns who stands there also when its only-if does not hold', async () => {
    const { b, c } = world.revisions;
    await world.bump({
      transport,
      'source-revision': c,
      updates: `- {file: env/v.yaml, image: canary.image, ref: "ghcr.io/org/app:sha-c@${DIGEST('c')}"}`,
    });
    const late = await world.bump({
      transport,
      'source-revision': b,
      updates: `- {file: env/v.yaml, image: canary.image, ref: "ghcr.io/org/app:sha-b@${DIGEST('b')}", only-if: {canary.image.digest: "${DIGEST('b')}"}}`,
    });
    expect([late.outputs.result, late.outputs['superseded-by']]).toEqual(['superseded', c]);
  });

  test('trap 26: our commit landed and the answer was lost: it is found, and written once', async () => {
    world.forge.faults.add({ match: writes(transport), reset: 'after' });
    const run = await world.bump({ ...image('b'), transport });
    expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
    expect(await world.head()).toBe(run.outputs['commit-sha']);
    expect(await world.log()).toHaveLength(2);
  });

  test('trap 27: the answer was lost before the effect: sent again, one commit', async () => {
    world.forge.faults.add({ match: writes(transport), reset: 'before' });
    const run = await world.bump({ ...image('b'), transport });
    expect([run.code, run.outputs.result]).toEqual([0, 'committed']);
    expect(await world.log()).toHaveLength(2);
  });

  test('several files and targets: one commit; one unfit target: none', async () => {
    const more = await startWorld({
      'a.yaml': 'image: {tag: v1}\nx: 1\n',
      'b.yaml': 'tag: v1 # t\n',
      'c.yaml': '{{ bad }}\n',
    });
    try {
      const good =
        '- {files: [a.yaml], image: image, ref: "r.io/o/x:v2"}\n- {file: b.yaml, path: tag, value: v2}\n- {file: a.yaml, path: x, value: 2, type: number}\n';
      const red = await more.bump({ transport, updates: `${good}- {file: c.yaml, path: a, value: b}\n` });
      expect([red.code, codeOf(red.log), (await more.log()).length]).toEqual([1, 'E_YAML_INVALID', 1]);
      expect((await more.bump({ transport, updates: good })).outputs.result).toBe('committed');
      expect([await more.read('a.yaml'), await more.read('b.yaml'), (await more.log()).length]).toEqual([
        'image: {tag: v2}\nx: 2\n',
        'tag: v2 # t\n',
        2,
      ]);
    } finally {
      await more.close();
    }
  });
});

test('trap 29: a false stale, twice, ends well', async () => {
  const stale = {
    status: 200,
    body: '{"data":{"createCommitOnBranch":null},"errors":[{"type":"STALE_DATA","message":"Expected branch to point to x"}]}',
  };
  world.forge.faults.add({ match: { operation: 'BumpCommit' }, answer: stale, times: 2 });
  const run = await world.bump(image('b'));
  expect([run.code, run.outputs.result, run.outputs.conflicts]).toEqual([0, 'committed', '2']);
});

test('trap 32: edited by hand since: written, and said', async () => {
  const entry = (value: number): Record<string, string> => ({
    updates: `- {file: env/v.yaml, path: canary.weight, value: ${value}, type: number}`,
  });
  await world.bump(entry(5));
  await putAll(world, [{ file: 'env/v.yaml', content: (await world.read()).replace('weight: 5', 'weight: 7') }]);
  const run = await world.bump(entry(10));
  expect([run.outputs.result, run.log.includes('[W_HAND_EDITED]') || run.log.includes('W_HAND_EDITED')]).toEqual([
    'committed',
    true,
  ]);
});

test('a pull request hands nothing off', async () => {
  const run = await world.bump(image('b'), { GITHUB_EVENT_NAME: 'pull_request' });
  expectRed(run, 'E_EVENT_NOT_ALLOWED');
  expect(world.forge.requests()).toEqual([]);
});

test('all that is wrong with the inputs is said at once', async () => {
  const { message } = expectRed(await world.bump({ branch: '-x', deadline: '2h', 'dry-run': 'maybe' }), 'E_INPUT');
  for (const name of ['branch', 'deadline', 'dry-run']) expect(message).toContain(name);
  expect(world.forge.requests()).toEqual([]);
});
