/** Immutable tags that another run writes in the middle of ours. */
import { describe, expect, test } from '@jest/globals';
import { fakeClock } from '../../src/runner/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { installBuildx } from './buildx-standin.ts';
import { type Inside, inside } from './inprocess.ts';

const TAG = { tags: 'raw:v1', 'immutable-tags': 'all' };

/** A clock in whose first wait something happens. */
function during(act: () => Promise<unknown>) {
  const clock = fakeClock();
  let done = false;
  return {
    ...clock,
    async sleep(seconds: number, signal?: AbortSignal) {
      if (!done) {
        done = true;
        await act();
      }
      return clock.sleep(seconds, signal);
    },
  };
}

/** Stages an image of the same source with other bytes, for the stand-in stamps the time of the build. */
async function staged(i: Inside): Promise<string> {
  await using twin = await inside({}, i.lab);
  const r = await twin.run({ push: 'stage' });
  expect(r.message).toBe('');
  await new Promise((done) => setTimeout(done, 5));
  return String(r.outputs.digest);
}

async function tagAs(i: Inside, digest: string): Promise<void> {
  await using c = client(i.lab.host);
  const manifest = await c.registry.getManifest('o/app', digest);
  if (manifest !== undefined) await c.registry.putManifest('o/app', 'v1', manifest);
}

describe('the write fails in passing, and in the wait before the next try', () => {
  test('another image gets the tag: a conflict, and the tag stays', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    const other = makeImage('other');
    i.lab.faults.add({ operation: 'put-manifest', path: /v1$/, answer: { status: 503 } });
    const clock = during(() => pushImage(c.registry, 'o/app', 'v1', other));
    expect((await i.run(TAG, {}, clock)).code).toBe('E_TAG_CONFLICT');
    expect(i.lab.tag('o/app', 'v1')).toBe(other.digest);
  });

  test('an image of the same source gets the tag: it is adopted', async () => {
    await using i = await inside();
    const theirs = await staged(i);
    i.lab.faults.add({ operation: 'put-manifest', path: /v1$/, reset: 'before' });
    const clock = during(() => tagAs(i, theirs));
    const r = await i.run({ ...TAG, reuse: 'off' }, {}, clock);
    expect(r.message).toBe('');
    expect(r.outputs).toMatchObject({ reused: true, digest: theirs });
    expect(i.lab.tag('o/app', 'v1')).toBe(theirs);
  });
});

describe('403', () => {
  /** The looks before the write come too early to see the tag, and the registry lets nobody replace it. */
  const late = (i: Inside) => {
    i.lab.faults.add({ operation: 'head-manifest', path: /v1$/, times: 3, answer: { status: 404 } });
    i.lab.faults.add({ operation: 'put-manifest', path: /v1$/, answer: { status: 403 } });
  };

  test('to replacing a tag with another image: a conflict', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    await pushImage(c.registry, 'o/app', 'v1', makeImage('other'));
    late(i);
    expect((await i.run(TAG)).code).toBe('E_TAG_CONFLICT');
    expect(i.lab.tag('o/app', 'v1')).toBe(makeImage('other').digest);
  });

  test('to replacing a tag with an image of the same source: it is adopted', async () => {
    await using i = await inside();
    const theirs = await staged(i);
    await tagAs(i, theirs);
    late(i);
    const r = await i.run({ ...TAG, reuse: 'off' });
    expect(r.message).toBe('');
    expect(r.outputs).toMatchObject({ reused: true, digest: theirs });
  });

  test('to the staging tag that is there: it is left, and the final tags are written', async () => {
    await using i = await inside();
    installBuildx(i, {});
    await using c = client(i.lab.host);
    const stage = `src-${(await i.run({ mode: 'plan' })).outputs['source-key']}`;
    await pushImage(c.registry, 'o/app', stage, makeImage('planted'));
    i.lab.faults.add({ operation: 'put-manifest', path: /src-/, answer: { status: 403 } });
    const r = await i.run(TAG);
    expect(r.message).toBe('');
    expect(r.progress.states[0]).toMatchObject({ tag: stage, state: 'skipped' });
    expect(i.lab.tag('o/app', 'v1')).toBe(r.outputs.digest);
  });

  test.each([TAG, { tags: 'raw:dev' }])('to a tag that is not there: the login has no right, %j', async (tags) => {
    await using i = await inside();
    i.lab.faults.add({ operation: 'put-manifest', path: /(v1|dev)$/, answer: { status: 403 } });
    expect((await i.run(tags)).code).toBe('E_DENIED');
  });
});
