/** Races, lost answers and moved repositories, with the real transports against the forge. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { faultAnswers } from '../../lab/forge/server.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { type Clock, fakeClock } from '../../src/runner/index.ts';
import { drive } from './drive.ts';
import { expectRed, putAll, scalar, TRANSPORTS, writes, writesIn } from './kit.ts';
import { startWorld, type World } from './world.ts';

const TEXT = 'tag: v1 # t\nother: x\n';
const BUMP = scalar('tag', 'v2', 'v.yaml');
let world: World;
beforeEach(async () => {
  world = await startWorld({ 'v.yaml': TEXT });
});
afterEach(() => world.close());

/** Somebody else is faster, once. */
const racer = (content: string | undefined) => (n: number) =>
  n === 1
    ? putAll(world, [
        { file: 'v.yaml', content },
        { file: 'else', content: 'x' },
      ])
    : Promise.resolve();
/** Waiting takes no time; what happens meanwhile happens in the first wait. */
const clockWith = (meanwhile: () => Promise<unknown>): Clock => {
  const clock = fakeClock();
  let waits = 0;
  return {
    now: clock.now,
    async sleep(seconds, signal) {
      waits += 1;
      if (waits === 1) await meanwhile();
      await clock.sleep(seconds, signal);
    },
  };
};
const idsInLog = async (): Promise<string[]> =>
  (await world.log('%B%x00'))
    .join('\n')
    .split('\0')
    .flatMap((m) => parseBlocks(m.trim()).map((b) => b.bumpId));

describe.each(TRANSPORTS)('transport %s', (transport) => {
  const bump = { ...BUMP, transport };

  test.each([
    ['deletes the file', undefined, 'E_FILE_MISSING'],
    ['deletes the key', 'other: x\n', 'E_PATH_MISSING'],
  ])('trap 23: the racer %s', async (_name, content, code) => {
    const run = await drive(world, bump, { clock: fakeClock(), beforeWrite: racer(content) });
    expectRed(run, code);
    expect([(await world.log()).length, await idsInLog()]).toEqual([2, []]);
  });

  test.each([
    ['trap 23: the racer changes the style', "tag: 'v9'\nother: x\n", "tag: 'v2'\nother: x\n"],
    ['trap 24: the racer changes a neighbour', TEXT.replace('x', 'y'), 'tag: v2 # t\nother: y\n'],
  ])('%s: both survive', async (_name, theirs, after) => {
    const run = await drive(world, bump, { clock: fakeClock(), beforeWrite: racer(theirs) });
    expect([run.outputs.result, run.outputs.conflicts, run.outputs.attempts]).toEqual(['committed', '1', '2']);
    expect([await world.read('v.yaml'), await world.read('else')]).toEqual([after, 'x']);
    expect(await idsInLog()).toEqual([run.outputs['bump-id']]);
  });

  test('trap 25: the racer sets our very value: no second commit', async () => {
    const run = await drive(world, bump, { clock: fakeClock(), beforeWrite: racer(TEXT.replace('v1', 'v2')) });
    expect([run.outputs.result, run.outputs.changed, (await world.log()).length]).toEqual(['unchanged', 'false', 2]);
  });

  test('trap 26: our commit landed, its answer was lost, a newer one came on top: ours is reported, the newer value stays', async () => {
    world.forge.faults.add({ match: writes(transport), answer: faultAnswers.badGateway('after') });
    const newer = TEXT.replace('v1', 'v3');
    const clock = clockWith(() => putAll(world, [{ file: 'v.yaml', content: newer }]));
    const run = await drive(world, bump, { clock });
    const [, ours] = await world.log();
    expect([run.outputs.result, run.outputs['commit-sha']]).toEqual(['committed', ours]);
    expect([await world.read('v.yaml'), (await world.log()).length]).toEqual([newer, 3]);
  });

  test('trap 27: the write never arrived, and somebody wrote meanwhile: edited anew, once', async () => {
    world.forge.faults.add({ match: writes(transport), answer: faultAnswers.badGateway('before') });
    const clock = clockWith(() => putAll(world, [{ file: 'v.yaml', content: TEXT.replace('x', 'y') }]));
    const run = await drive(world, bump, { clock });
    expect(run.outputs.result).toBe('committed');
    expect(await world.read('v.yaml')).toBe('tag: v2 # t\nother: y\n');
    expect(await idsInLog()).toEqual([run.outputs['bump-id']]);
  });

  test('throttled for two seconds: no request in that time, then written', async () => {
    world.forge.faults.add({
      match: writes(transport),
      answer: { ...faultAnswers.secondaryLimit(2), status: transport === 'github' ? 403 : 429 },
    });
    const slept: number[] = [];
    const clock = fakeClock();
    const sleep = clock.sleep.bind(clock);
    clock.sleep = async (seconds, signal) => {
      const before = world.forge.requests().length;
      await sleep(seconds, signal);
      slept.push(seconds);
      expect(world.forge.requests()).toHaveLength(before);
    };
    const run = await drive(world, bump, { clock });
    expect([run.outputs.result, slept.length, writesIn(world)]).toEqual(['committed', 1, 2]);
    expect(slept[0]).toBeGreaterThanOrEqual(2);
  });

  test('trap 40: the repository was renamed', async () => {
    world.forge.renameRepository('org/cfg', 'org/moved');
    const before = await world.head();
    const run = await world.bump(bump);
    if (transport === 'git') {
      const { message } = expectRed(run, 'E_REDIRECT');
      expect(message).toContain('org/moved');
      expect(world.forge.requests().filter((r) => r.path.startsWith('/org/moved'))).toEqual([]);
      return expect(await world.head()).toBe(before);
    }
    expect([run.outputs.result, run.outputs['commit-sha']]).toEqual(['committed', await world.head()]);
    expect(run.outputs['commit-url']).toContain('/org/moved/commit/');
  });
});

test('trap 28: the first request comes late, after its copy was refused: one commit, and its id', async () => {
  world.forge.faults.add({ match: writes('github'), reset: 'before', lateEffectMs: 1500 });
  world.forge.faults.add({ match: writes('github'), answer: faultAnswers.falseStale() });
  const run = await drive(world, BUMP);
  expect([run.outputs.result, run.outputs['commit-sha']]).toEqual(['committed', await world.head()]);
  // The late one has had its time.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect([await idsInLog(), (await world.log()).length]).toEqual([[run.outputs['bump-id']], 2]);
});

test('trap 30: after a conflict an older replica answers: nothing is lost', async () => {
  const beforeWrite = async (n: number): Promise<void> => {
    if (n > 1) return;
    await putAll(world, [{ file: 'v.yaml', content: TEXT.replace('x', 'y') }]);
    world.forge.faults.add({ match: { operation: 'BumpRead' }, staleBy: 1, times: 2 });
  };
  const run = await drive(world, BUMP, { clock: fakeClock(), beforeWrite });
  expect(run.outputs.result).toBe('committed');
  expect(await world.read('v.yaml')).toBe('tag: v2 # t\nother: y\n');
  expect(await idsInLog()).toEqual([run.outputs['bump-id']]);
});
