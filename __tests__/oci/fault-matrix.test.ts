/** Every passing fault of a registry, at every operation: green in the end, with the wait that was asked for. Permanent: red with its code. */
import { describe, expect, test } from '@jest/globals';
import type { Fault, Operation } from '../../lab/registry/faults.ts';
import { startRegistry } from '../../lab/registry/server.ts';
import { type Client, client, makeImage, pushImage } from './kit.ts';

const users = { u: 'p' };
const image = makeImage('matrix');

/** Reads and writes everything once. */
async function all({ registry }: Client): Promise<void> {
  await pushImage(registry, 'app', 't', image);
  expect((await registry.head('app', 't'))?.digest).toBe(image.digest);
  expect((await registry.getManifest('app', image.digest))?.digest).toBe(image.digest);
  expect((await registry.blobBytes('app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
}

const OPERATIONS: readonly Operation[] = [
  'head-manifest',
  'get-manifest',
  'token',
  'head-blob',
  'get-blob',
  'start-upload',
  'patch-upload',
  'put-upload',
  'put-manifest',
];

/** @param asked seconds that the registry asks for */
type Case = readonly [name: string, fault: Omit<Fault, 'operation'>, asked?: number];

const later = new Date((1_700_000_000 + 7) * 1000).toUTCString();
const ANYWHERE: readonly Case[] = [
  ['429 with seconds', { answer: { status: 429, headers: { 'retry-after': '3' } } }, 3],
  ['429 with a date', { answer: { status: 429, headers: { 'retry-after': later } } }, 7],
  ['503 with seconds', { answer: { status: 503, headers: { 'retry-after': '2' } } }, 2],
  ['408', { answer: { status: 408 } }],
  ['500', { answer: { status: 500 } }],
  ['502', { answer: { status: 502 } }],
  ['504', { answer: { status: 504 } }],
  ['reset', { reset: 'before' }],
  ['two in a row', { answer: { status: 503 }, times: 2 }],
  ['a slow answer', { delayMs: 40 }],
];
const WITH_BODY: readonly Case[] = [['a cut body', { cutBody: 0.5 }]];
const WRITES: readonly Case[] = [
  ['stored, then 502', { answer: { status: 502, when: 'after' } }],
  ['stored, then reset', { reset: 'after' }],
];
const bodies: readonly Operation[] = ['get-manifest', 'get-blob'];
const writes: readonly Operation[] = ['start-upload', 'patch-upload', 'put-upload', 'put-manifest'];
const MATRIX = OPERATIONS.flatMap((operation) =>
  [...ANYWHERE, ...(bodies.includes(operation) ? WITH_BODY : []), ...(writes.includes(operation) ? WRITES : [])].map(
    ([name, fault, asked]) => ({ operation, name, fault, asked }),
  ),
);

test('the matrix has its cases', () => {
  expect(MATRIX.length).toBeGreaterThanOrEqual(70);
});

test.each(MATRIX)('$operation, $name: green', async ({ operation, fault, asked }) => {
  await using lab = await startRegistry({ auth: { kind: 'token', users } });
  await using c = client(lab.host, { credentials: { username: 'u', password: 'p' } });
  lab.faults.add({ ...fault, operation });
  await all(c);
  expect(lab.tag('app', 't')).toBe(image.digest);
  // What the registry asks for is waited, neither less nor more.
  if (asked !== undefined) expect(c.clock.slept).toEqual([asked]);
  else expect(c.clock.slept.every((s) => s <= 20)).toBe(true);
});

describe('for ever', () => {
  test.each(
    OPERATIONS.flatMap((operation) => [
      { operation, status: 429, code: 'E_RATE_LIMIT' },
      { operation, status: 503, code: 'E_REGISTRY' },
      { operation, status: 403, code: operation === 'token' ? 'E_AUTH' : 'E_DENIED' },
    ]),
  )('$operation, $status: $code', async ({ operation, status, code }) => {
    await using lab = await startRegistry({ auth: { kind: 'token', users } });
    await using c = client(lab.host, { credentials: { username: 'u', password: 'p' }, retries: 2 });
    lab.faults.add({ operation, answer: { status }, times: 1000 });
    await expect(all(c)).rejects.toMatchObject({ code });
    const tried = lab.requests().filter((r) => r.operation === operation).length;
    if (status === 403) expect(tried).toBe(1);
    else expect(tried).toBeGreaterThan(1);
  });

  test('the waits grow at most to 20 s, and stop with the tries', async () => {
    await using lab = await startRegistry();
    await using c = client(lab.host, { retries: 10, random: () => 1 });
    lab.faults.add({ operation: 'head-manifest', answer: { status: 503 }, times: 1000 });
    await expect(c.registry.head('app', 't')).rejects.toMatchObject({ code: 'E_REGISTRY' });
    expect(c.clock.slept).toEqual([0.5, 1, 2, 4, 8, 16, 20, 20, 20, 20]);
  });
});
