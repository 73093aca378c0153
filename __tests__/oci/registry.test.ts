import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { type RegistryHandle, startRegistry } from '../../lab/registry/server.ts';
import { sha256 } from '../../src/oci/index.ts';
import { client, makeImage, pushImage } from './kit.ts';

const login = { username: 'u', password: 'p:"x' };
const users = { u: 'p:"x' };

describe('round trip', () => {
  test.each([
    ['open', {}],
    ['basic', { auth: { kind: 'basic' as const, users } }],
    ['token', { auth: { kind: 'token' as const, users } }],
  ])('push, head, get, blobs, tags: %s registry', async (_name, options) => {
    await using lab = await startRegistry(options);
    await using c = client(lab.host, { credentials: login });
    const image = makeImage('a');
    await pushImage(c.registry, 'o/app', 't1', image);
    expect((await c.registry.head('o/app', 't1'))?.digest).toBe(image.digest);
    expect(Buffer.from((await c.registry.getManifest('o/app', image.digest))?.bytes ?? []).equals(image.bytes)).toBe(
      true,
    );
    expect((await c.registry.blobBytes('o/app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
    expect(await c.registry.tags('o/app')).toEqual(['t1']);
    expect(await c.registry.head('o/app', 'none')).toBeUndefined();
    expect(await c.registry.tags('o/none')).toEqual([]);
  });

  test('wrong password is E_AUTH, a read-only login E_DENIED', async () => {
    await using lab = await startRegistry({ auth: { kind: 'token', users, readOnly: ['u'] } });
    await using wrong = client(lab.host, { credentials: { username: 'u', password: 'no' } });
    await expect(wrong.registry.head('o/app', 't')).rejects.toMatchObject({ code: 'E_AUTH' });
    await using reader = client(lab.host, { credentials: login });
    await expect(pushImage(reader.registry, 'o/app', 't', makeImage('a'))).rejects.toMatchObject({ code: 'E_DENIED' });
  });

  test('an empty blob and one of several chunks arrive', async () => {
    await using lab = await startRegistry();
    await using c = client(lab.host);
    const empty = Buffer.alloc(0);
    const put = (bytes: Buffer) =>
      c.registry.putBlob('a', { digest: sha256(bytes), size: bytes.length }, async () =>
        Readable.from([bytes], { objectMode: false }),
      );
    expect(await put(empty)).toBe('uploaded');
    expect(await put(empty)).toBe('found');
    expect(await c.registry.headBlob('a', sha256(empty))).toBe(0);
  });

  test('T37 413 -> the same blob arrives in chunks', async () => {
    await using lab = await startRegistry({ habits: { maxBodyBytes: 17 * 1024 * 1024 } });
    await using c = client(lab.host);
    const bytes = Buffer.alloc(20 * 1024 * 1024, 7);
    const blob = { digest: sha256(bytes), size: bytes.length };
    const source = async () => Readable.from([bytes], { objectMode: false });
    expect(await c.registry.putBlob('a', blob, source)).toBe('uploaded');
    expect(lab.requests().filter((r) => r.operation === 'patch-upload').length).toBe(3);
    expect(lab.content('a', blob.digest)?.equals(bytes)).toBe(true);
  });
});

describe('odd registries', () => {
  const withImage = async (run: (lab: RegistryHandle, image: ReturnType<typeof makeImage>) => Promise<void>) => {
    await using lab = await startRegistry();
    await using c = client(lab.host);
    const image = makeImage('a');
    await pushImage(c.registry, 'app', 't', image);
    lab.clearRequests();
    await run(lab, image);
  };

  test('T22 HEAD answers 404 to a wrong Accept: four types are asked for', async () =>
    withImage(async (lab, image) => {
      await using c = client(lab.host);
      expect((await c.registry.head('app', 't'))?.digest).toBe(image.digest);
      expect(lab.requests()[0]?.accept.split(',')).toHaveLength(4);
    }));

  test('T23 HEAD 405 -> GET, same result', async () =>
    withImage(async (lab, image) => {
      lab.habits.refuseHead = true;
      await using c = client(lab.host);
      expect((await c.registry.head('app', 't'))?.digest).toBe(image.digest);
    }));

  test('T24 a charset in the content type is accepted, the bytes are unchanged', async () =>
    withImage(async (lab, image) => {
      lab.habits.contentTypeSuffix = '; charset=utf-8';
      await using c = client(lab.host);
      const got = await c.registry.getManifest('app', 't');
      expect(got).toMatchObject({ digest: image.digest, mediaType: image.mediaType });
    }));

  test('T25 no digest header -> hashed from the body', async () =>
    withImage(async (lab, image) => {
      lab.habits.noDigestHeader = true;
      await using c = client(lab.host);
      expect((await c.registry.head('app', 't'))?.digest).toBe(image.digest);
    }));

  test('T27 PUT stored, then 502 -> re-checked, sent once', async () => {
    await using lab = await startRegistry();
    await using c = client(lab.host);
    lab.faults.add({ operation: 'put-manifest', answer: { status: 502, when: 'after' } });
    await pushImage(c.registry, 'app', 't', makeImage('a'));
    expect(lab.requests().filter((r) => r.operation === 'put-manifest')).toHaveLength(1);
  });

  test('a registry that converts manifests is E_CONVERTED', async () => {
    await using lab = await startRegistry({ habits: { convertManifests: true } });
    await using c = client(lab.host);
    await expect(pushImage(c.registry, 'app', 't', makeImage('a'))).rejects.toMatchObject({ code: 'E_CONVERTED' });
  });

  test.each([undefined, 202, 401, 403, 404, 405] as const)(
    'T35 mount answers %s -> the blob is there',
    async (status) =>
      withImage(async (lab, image) => {
        if (status !== undefined) lab.habits.mountStatus = status;
        await using c = client(lab.host);
        const source = async () => Readable.from([image.layer.bytes], { objectMode: false });
        const how = await c.registry.putBlob('other', image.layer, source, 'app');
        expect(how).toBe(status === undefined ? 'mounted' : 'uploaded');
        expect(lab.content('other', image.layer.digest)).toBeDefined();
      }),
  );

  test('T36 upload Location relative, absolute, on another origin: state kept, no login to the foreign origin', async () => {
    for (const location of ['relative', 'absolute'] as const) {
      await using lab = await startRegistry({ habits: { location }, auth: { kind: 'basic', users } });
      await using c = client(lab.host, { credentials: login });
      await pushImage(c.registry, 'app', 't', makeImage('a'));
      expect(lab.tag('app', 't')).toBeDefined();
    }
    await using foreign = await startRegistry();
    await using lab = await startRegistry({
      auth: { kind: 'basic', users },
      habits: { location: { origin: foreign.url } },
    });
    await using c = client(lab.host, { credentials: login, retries: 0 });
    await expect(pushImage(c.registry, 'app', 't', makeImage('a'))).rejects.toThrow();
    const sent = foreign.requests().filter((r) => r.operation === 'patch-upload');
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.every((r) => r.authorization === '' && r.path.includes('_state='))).toBe(true);
  });

  test('T38 a blob cut at 50 % is asked for again; a flipped byte never passes', async () =>
    withImage(async (lab, image) => {
      await using c = client(lab.host);
      lab.faults.add({ operation: 'get-blob', cutBody: 0.5 });
      expect((await c.registry.blobBytes('app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
      lab.faults.add({ operation: 'get-blob', flipByte: true, times: 10 });
      await expect(c.registry.blobBytes('app', image.layer, 1000)).rejects.toMatchObject({ code: 'E_DIGEST' });
    }));

  test('T38 an upload whose source is wrong is never committed', async () => {
    await using lab = await startRegistry();
    await using c = client(lab.host);
    const bytes = Buffer.from('right');
    const wrong = async () => Readable.from([Buffer.from('wrong')], { objectMode: false });
    await expect(c.registry.putBlob('app', { digest: sha256(bytes), size: 5 }, wrong)).rejects.toThrow(/digest/);
    expect(lab.requests().some((r) => r.operation === 'put-upload')).toBe(false);
  });

  test('T41 a blob redirect to another port gets no login, and is followed', async () => {
    await using store = await startRegistry();
    await using s = client(store.host);
    const image = makeImage('a');
    await pushImage(s.registry, 'app', 't', image);
    await using lab = await startRegistry({ auth: { kind: 'basic', users } });
    await using c = client(lab.host, { credentials: login });
    await pushImage(c.registry, 'app', 't', image);
    lab.habits.blobRedirect = store.url;
    store.clearRequests();
    expect((await c.registry.blobBytes('app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
    expect(store.requests().map((r) => r.authorization)).toEqual(['']);
  });

  test('T41 a redirect away and back gets no login on either, and a loop ends', async () => {
    await using lab = await startRegistry({ auth: { kind: 'basic', users }, habits: {} });
    await using c = client(lab.host, { credentials: login });
    const image = makeImage('a');
    await pushImage(c.registry, 'app', 't', image);
    await using relay = await startRegistry();
    lab.habits.blobRedirect = relay.url;
    relay.faults.add({
      operation: 'get-blob',
      times: 100,
      answer: { status: 307, headers: { location: `${lab.url}/v2/app/blobs/${image.layer.digest}` } },
    });
    lab.clearRequests();
    await expect(c.registry.getBlob('app', image.layer)).rejects.toMatchObject({ code: 'E_AUTH' });
    expect(relay.requests().every((r) => r.authorization === '')).toBe(true);
    const [first, ...later] = lab.requests().filter((r) => r.operation === 'get-blob');
    expect(first?.authorization).toBe('Basic');
    expect(later.every((r) => r.authorization === '')).toBe(true);
    relay.faults.clear();
    const loop = { status: 307, headers: { location: `${relay.url}/v2/app/blobs/${image.layer.digest}` } };
    relay.faults.add({ operation: 'get-blob', times: 100, answer: loop });
    await expect(c.registry.getBlob('app', image.layer)).rejects.toMatchObject({ code: 'E_REDIRECT' });
  });

  test.each([
    'ftp://127.0.0.1/x',
    'http://u:p@127.0.0.1/x',
    'http://169.254.169.254/x',
    'http://r.example/x',
    'http://[',
  ])('T41 a redirect to %s is not followed', async (location) =>
    withImage(async (lab, image) => {
      await using c = client(lab.host);
      lab.faults.add({ operation: 'get-blob', times: 9, answer: { status: 307, headers: { location } } });
      await expect(c.registry.getBlob('app', image.layer)).rejects.toMatchObject({ code: 'E_REDIRECT' });
    }),
  );

  test('insufficient_scope: the scope that is asked for is added, once', async () => {
    await using lab = await startRegistry({ auth: { kind: 'token', users } });
    await using c = client(lab.host, { credentials: login });
    const challenge = `Bearer realm="${lab.url}/token",service="s",error="insufficient_scope",scope="repository:other:pull"`;
    await c.registry.head('app', 't');
    lab.faults.add({ operation: 'head-manifest', answer: { status: 401, headers: { 'www-authenticate': challenge } } });
    expect(await c.registry.head('app', 't')).toBeUndefined();
    const last = lab.requests().findLast((r) => r.operation === 'token');
    expect(decodeURIComponent(last?.path ?? '')).toContain('scope=repository:app:pull&scope=repository:other:pull');
  });

  test('T42 tokens that expire in mid-push are renewed', async () => {
    await using lab = await startRegistry({ auth: { kind: 'token', users } });
    await using c = client(lab.host, { credentials: login });
    const image = makeImage('a');
    let first = true;
    for (const blob of [image.config, image.layer]) {
      await c.registry.putBlob('app', blob, async () => {
        if (first) lab.expireTokens();
        first = false;
        return Readable.from([blob.bytes], { objectMode: false });
      });
    }
    lab.expireTokens();
    await c.registry.putManifest('app', 't', image);
    expect(lab.tag('app', 't')).toBe(image.digest);
  });

  test.each(['head-manifest', 'token'] as const)(
    'T43 T44 429 at %s: Retry-After is kept, a long one is red at once',
    async (operation) => {
      await using lab = await startRegistry({ auth: { kind: 'token', users } });
      await using c = client(lab.host, { credentials: login });
      lab.faults.add({ operation, answer: { status: 429, headers: { 'retry-after': '2' } } });
      expect(await c.registry.head('app', 't')).toBeUndefined();
      expect(c.clock.slept).toEqual([2]);
      lab.expireTokens();
      lab.faults.add({ operation, answer: { status: 429, headers: { 'retry-after': '3600' } } });
      await using d = client(lab.host, { credentials: login });
      await expect(d.registry.getManifest('app', 't').then(() => d.registry.head('app', 't'))).rejects.toMatchObject({
        code: 'E_RATE_LIMIT',
      });
      expect(d.clock.slept).toEqual([]);
    },
  );
});
