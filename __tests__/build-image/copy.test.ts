/** The copy of an image to another repository: what is looked at, in which order, and what is believed. */
import { expect, test } from '@jest/globals';
import { type Inside, inside } from './inprocess.ts';

async function staged(i: Inside): Promise<{ mode: string; source: string; tags: string }> {
  const { outputs } = await i.run({ push: 'stage', image: `${i.lab.host}/o/stage` });
  i.lab.clearRequests();
  return { mode: 'promote', source: `${i.lab.host}/o/stage@${outputs.digest}`, tags: 'raw:1.2.3' };
}

const ofTarget = (i: Inside): string[] =>
  i.lab
    .requests()
    .filter((r) => r.path.startsWith('/v2/o/app/'))
    .map((r) => `${r.operation} ${r.status}`);

test('every blob answers HEAD before the manifest is put, and that is read back before any tag is written', async () => {
  await using i = await inside();
  expect((await i.run(await staged(i))).code).toBeUndefined();
  const seen = ofTarget(i);
  // The first looks are sent together, and arrive as they will.
  expect([...seen.slice(0, 3).sort(), ...seen.slice(3)]).toEqual([
    ...['head-blob 404', 'head-blob 404', 'head-manifest 404'],
    ...['mount 201', 'mount 201', 'head-blob 200', 'head-blob 200'],
    ...['put-manifest 201', 'get-manifest 200'],
    ...['head-manifest 404', 'put-manifest 201', 'head-manifest 200'],
  ]);
});

test('T35 a mount that only claims to be one -> E_PROTOCOL, no manifest, no tag', async () => {
  await using i = await inside();
  const inputs = await staged(i);
  i.lab.faults.add({ operation: 'mount', path: /o\/app/, times: 9, answer: { status: 201 } });
  const r = await i.run(inputs);
  expect([r.code, r.message]).toEqual(['E_PROTOCOL', expect.stringContaining('does not serve it')]);
  expect(ofTarget(i)).not.toContain('put-manifest 201');
  expect(i.lab.tags('o/app')).toEqual([]);
});
