/** A tag that another client writes between two tries of ours. */
import { expect, test } from '@jest/globals';
import { startRegistry } from '../../lab/registry/server.ts';
import { client, makeImage, pushImage } from './kit.ts';

test.each([
  ['503', { answer: { status: 503 } }, {}],
  ['429', { answer: { status: 429, headers: { 'retry-after': '1' } } }, {}],
  ['reset', { reset: 'before' as const }, {}],
  ['503, and the look says no digest', { answer: { status: 503 } }, { noDigestHeader: true }],
])('an immutable tag that another run creates between two tries is not replaced: %s', async (_name, fault, habits) => {
  await using lab = await startRegistry({ habits });
  await using c = client(lab.host);
  const [ours, other] = [makeImage('a'), makeImage('b')];
  await pushImage(c.registry, 'app', 'ours', ours);
  await pushImage(c.registry, 'app', 'other', other);
  lab.faults.add({ operation: 'put-manifest', ...fault });
  // The other run comes in the wait before the second try.
  await using d = client(lab.host);
  await using racing = client(lab.host, {
    clock: { ...c.clock, sleep: () => d.registry.putManifest('app', 'v1', other) },
  });
  await expect(racing.registry.putManifest('app', 'v1', ours, 'absent')).rejects.toMatchObject({
    code: 'E_REGISTRY',
    status: 409,
  });
  expect(lab.tag('app', 'v1')).toBe(other.digest);
  // What was there before may be replaced, also by a repeat.
  lab.faults.add({ operation: 'put-manifest', ...fault });
  await c.registry.putManifest('app', 'v1', ours, other.digest);
  expect(lab.tag('app', 'v1')).toBe(ours.digest);
});

test('an immutable tag is not written again while nobody can say what it names', async () => {
  await using lab = await startRegistry();
  await using c = client(lab.host);
  const image = makeImage('a');
  await pushImage(c.registry, 'app', 'ours', image);
  lab.clearRequests();
  lab.faults.add({ operation: 'put-manifest', answer: { status: 503 } });
  lab.faults.add({ operation: 'head-manifest', times: 2, answer: { status: 503 } });
  await c.registry.putManifest('app', 'v1', image, 'absent');
  const order = lab.requests().map((r) => r.operation);
  expect(order).toEqual(['put-manifest', ...Array.from({ length: 3 }, () => 'head-manifest'), 'put-manifest']);
});
