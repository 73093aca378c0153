/** Blobs in several requests, and registries that answer these in their own way. */
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { type RegistryHandle, startRegistry } from '../../lab/registry/server.ts';
import { sha256 } from '../../src/oci/index.ts';
import { client, makeImage } from './kit.ts';

describe('T37 chunks', () => {
  const bytes = Buffer.alloc(36 * 1024 * 1024, 7);
  const blob = { digest: sha256(bytes), size: bytes.length };
  const source = async () => Readable.from([bytes], { objectMode: false });
  const chunks = (lab: RegistryHandle) => lab.requests().filter((r) => r.operation === 'patch-upload').length;

  test('a registry that takes no small chunks gets larger ones', async () => {
    const habits = { maxBodyBytes: 21 * 1024 * 1024, minChunkBytes: 20 * 1024 * 1024 };
    await using lab = await startRegistry({ habits });
    await using c = client(lab.host);
    expect(await c.registry.putBlob('a', blob, source)).toBe('uploaded');
    expect(chunks(lab)).toBe(3);
    expect(lab.content('a', blob.digest)?.equals(bytes)).toBe(true);
  });

  test('416: the registry is asked how far it is, and the upload goes on from there', async () => {
    await using lab = await startRegistry({ habits: { maxBodyBytes: 17 * 1024 * 1024 } });
    await using c = client(lab.host);
    lab.faults.add({ operation: 'patch-upload', skip: 2, answer: { status: 416, when: 'after' } });
    expect(await c.registry.putBlob('a', blob, source)).toBe('uploaded');
    expect(lab.requests().filter((r) => r.operation === 'get-upload')).toHaveLength(1);
    expect(chunks(lab)).toBe(4);
    expect(lab.content('a', blob.digest)?.equals(bytes)).toBe(true);
  });

  test('a chunk size that nobody can hold is refused', async () => {
    await using lab = await startRegistry({ habits: { minChunkBytes: 2 ** 40 } });
    await using c = client(lab.host);
    await expect(c.registry.putBlob('a', blob, source)).rejects.toMatchObject({ code: 'E_PROTOCOL' });
  });
});

describe('answers to a chunk', () => {
  const MOST = 16.5 * 1024 * 1024;
  const twoChunks = Buffer.alloc(17 * 1024 * 1024, 7);
  const two = { digest: sha256(twoChunks), size: twoChunks.length };
  const twoSource = async () => Readable.from([twoChunks], { objectMode: false });

  test.each([201, 202, 204])(
    'a registry that answers %i to a PATCH, without a Location: the upload goes on',
    async (status) => {
      await using lab = await startRegistry({ habits: { maxBodyBytes: MOST } });
      await using c = client(lab.host);
      const small = makeImage('a').layer;
      const answer = { status, body: '', when: 'after' as const };
      lab.faults.add({ operation: 'patch-upload', answer });
      const opened = async () => Readable.from([small.bytes], { objectMode: false });
      expect(await c.registry.putBlob('a', small, opened)).toBe('uploaded');
      // The first PATCH is 413; the chunks after it are what is answered so.
      lab.faults.add({ operation: 'patch-upload', skip: 1, times: 2, answer });
      expect(await c.registry.putBlob('a', two, twoSource)).toBe('uploaded');
      expect(lab.content('a', two.digest)?.equals(twoChunks)).toBe(true);
    },
  );

  test.each(['0-1023', 'bytes=0-0'])('a chunk of which only a part has arrived is told: Range %s', async (range) => {
    await using lab = await startRegistry({ habits: { maxBodyBytes: MOST } });
    await using c = client(lab.host);
    const answer = { status: 202, headers: { range }, when: 'after' as const };
    lab.faults.add({ operation: 'patch-upload', skip: 1, answer });
    const failed = c.registry.putBlob('a', two, twoSource);
    await expect(failed).rejects.toMatchObject({ code: 'E_PROTOCOL', status: 202 });
    await expect(failed).rejects.toThrow(/it has only \d+ of the 16777216 bytes/);
    expect(lab.requests().some((r) => r.operation === 'put-upload')).toBe(false);
  });

  test.each(['bytes', '0-99999999'])('a Range that says nothing, or more, is no fault: %j', async (range) => {
    await using lab = await startRegistry({ habits: { maxBodyBytes: MOST } });
    await using c = client(lab.host);
    const answer = { status: 202, headers: { range }, when: 'after' as const };
    lab.faults.add({ operation: 'patch-upload', skip: 1, answer });
    expect(await c.registry.putBlob('a', two, twoSource)).toBe('uploaded');
  });
});
