/** The core of what the client promises, against docker-registry of the distribution instead of the lab's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { MEDIA_TYPES, type Registry, type StoredBytes, sha256 } from '../../src/oci/index.ts';
import { type Distribution, startDistribution } from '../support/distribution.ts';
import { stop, until } from '../support/program.ts';
import { type Client, client, makeImage, pushImage } from './kit.ts';
import { type Relay, type Spoil, startRelay } from './relay.ts';

let distribution: Distribution;
let relay: Relay;
let c: Client;
let r: Registry;
let app = '';
let count = 0;

beforeAll(async () => {
  distribution = await startDistribution();
  relay = await startRelay(distribution.host);
  c = client(relay.host);
  r = c.registry;
});
afterAll(async () => {
  await c[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
  await distribution[Symbol.asyncDispose]();
});
beforeEach(() => {
  count += 1;
  // What one test has stored is not there for the next.
  app = `t${count}/app`;
  relay.spoil = () => undefined;
  relay.seen.splice(0);
});

const image = makeImage('core');
const put = (to: string, bytes: Buffer, mountFrom?: string) =>
  r.putBlob(
    to,
    { digest: sha256(bytes), size: bytes.length },
    async () => Readable.from([bytes], { objectMode: false }),
    mountFrom,
  );
const sent = (method: string, path = /./) => relay.seen.filter((s) => s.method === method && path.test(s.path));

/** Spoils the first answer that matches. */
function spoil(method: string, path: RegExp, how: Spoil): void {
  let struck = false;
  relay.spoil = (s) => {
    if (struck || s.method !== method || !path.test(s.path)) return undefined;
    struck = true;
    return how;
  };
}

describe('manifests', () => {
  test('what was put comes back byte for byte, by tag and by digest', async () => {
    const spaced = Buffer.from(`${image.bytes.toString()} \n`);
    const odd: StoredBytes = { bytes: spaced, digest: sha256(spaced), mediaType: image.mediaType };
    await pushImage(r, app, 't', image);
    await r.putManifest(app, 'odd', odd);
    expect(Buffer.from((await r.getManifest(app, 'odd'))?.bytes ?? [])).toEqual(spaced);
    expect(Buffer.from((await r.getManifest(app, image.digest))?.bytes ?? [])).toEqual(image.bytes);
    expect(await r.head(app, 't')).toEqual({ digest: image.digest, mediaType: image.mediaType });
  });

  test('what does not exist is not there, and is no error', async () => {
    expect(await r.head(app, 'none')).toBeUndefined();
    expect(await r.getManifest(app, image.digest)).toBeUndefined();
    expect(await r.headBlob(app, image.layer.digest)).toBeUndefined();
    expect(await r.tags(app)).toEqual([]);
    await pushImage(r, app, 't', image);
    expect(await r.head(app, 'other')).toBeUndefined();
    expect(await r.head(app, sha256('nothing'))).toBeUndefined();
  });

  test.each([
    ['OCI', MEDIA_TYPES.ociManifest, MEDIA_TYPES.ociIndex],
    ['docker', MEDIA_TYPES.dockerManifest, MEDIA_TYPES.dockerList],
  ])('T22 manifest and index of %s are seen, with the type they were put with', async (_name, single, many) => {
    const typed = (value: object, mediaType: string): StoredBytes => {
      const bytes = Buffer.from(JSON.stringify({ ...value, mediaType }));
      return { bytes, digest: sha256(bytes), mediaType };
    };
    const child = typed(JSON.parse(image.bytes.toString()) as object, single);
    const { digest, mediaType } = child;
    const platform = { os: 'linux', architecture: 'amd64' };
    const index = typed(
      { schemaVersion: 2, manifests: [{ mediaType, digest, size: child.bytes.length, platform }] },
      many,
    );
    await pushImage(r, app, 'x', image);
    await r.putManifest(app, 'single', child);
    await r.putManifest(app, 'many', index);
    expect(await r.head(app, 'single')).toEqual({ digest, mediaType: single });
    expect(await r.head(app, 'many')).toEqual({ digest: index.digest, mediaType: many });
    expect(await r.getManifest(app, 'many')).toMatchObject({ kind: 'index', manifests: [{ digest }] });
  });

  test('T23 HEAD 405 -> GET, same result', async () => {
    await pushImage(r, app, 't', image);
    spoil('HEAD', /manifests/, { before: 405 });
    expect((await r.head(app, 't'))?.digest).toBe(image.digest);
  });

  test('a tag moves with a second PUT; the same PUT again is taken', async () => {
    await pushImage(r, app, 't', image);
    await r.putManifest(app, 't', image);
    const other = makeImage('other');
    await pushImage(r, app, 't', other);
    expect((await r.head(app, 't'))?.digest).toBe(other.digest);
    expect((await r.head(app, image.digest))?.digest).toBe(image.digest);
  });

  test('a manifest whose layer is not there is refused, and no tag is set', async () => {
    await put(app, image.config.bytes);
    await expect(r.putManifest(app, 't', image)).rejects.toMatchObject({ status: 400 });
    expect(await r.head(app, 't')).toBeUndefined();
  });

  test('T27 PUT stored, then 502 -> re-checked, sent once', async () => {
    spoil('PUT', /manifests/, { after: 502 });
    await pushImage(r, app, 't', image);
    expect(sent('PUT', /manifests/)).toHaveLength(1);
    expect((await r.head(app, 't'))?.digest).toBe(image.digest);
  });

  test('a PUT that never arrived is sent again', async () => {
    spoil('PUT', /manifests/, { before: 503 });
    await pushImage(r, app, 't', image);
    expect(sent('PUT', /manifests/)).toHaveLength(2);
  });

  test('all tags are listed', async () => {
    await pushImage(r, app, 'a', image);
    for (const tag of ['b', 'c']) await r.putManifest(app, tag, image);
    expect((await r.tags(app)).sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('blobs', () => {
  test('found, uploaded, empty', async () => {
    const bytes = Buffer.from('a layer');
    expect(await put(app, bytes)).toBe('uploaded');
    expect(await put(app, bytes)).toBe('found');
    expect(await r.headBlob(app, sha256(bytes))).toBe(bytes.length);
    expect(await put(app, Buffer.alloc(0))).toBe('uploaded');
    expect(await r.headBlob(app, sha256(''))).toBe(0);
    const blob = { digest: sha256(bytes), size: bytes.length };
    expect((await r.blobBytes(app, blob, 100)).equals(bytes)).toBe(true);
  });

  test('T35 a mount moves no byte; one that the registry does not take is an upload', async () => {
    const bytes = Buffer.from(`mounted into ${app}`);
    const from = `${app}/from`;
    await put(from, bytes);
    relay.seen.splice(0);
    expect(await put(app, bytes, from)).toBe('mounted');
    expect(relay.seen.reduce((sum, s) => sum + s.bytes, 0)).toBe(0);
    expect((await r.blobBytes(app, { digest: sha256(bytes), size: bytes.length }, 100)).equals(bytes)).toBe(true);
    // docker-registry answers 202 when the other repository does not have it.
    const other = Buffer.from(`not mounted into ${app}`);
    expect(await put(app, other, from)).toBe('uploaded');
    expect(await r.headBlob(app, sha256(other))).toBe(other.length);
  });

  test.each([401, 403, 404, 405])('T35 a mount that is answered %s is an upload', async (before) => {
    const bytes = Buffer.from(`refused in ${app}`);
    await put(`${app}/from`, bytes);
    spoil('POST', /mount=/, { before });
    expect(await put(app, bytes, `${app}/from`)).toBe('uploaded');
  });

  const large = Buffer.alloc(36 * 1024 * 1024, 7);
  test('T37 413 -> the same blob arrives in chunks, each where the one before ended', async () => {
    spoil('PATCH', /./, { before: 413 });
    expect(await put(app, large)).toBe('uploaded');
    expect(sent('PATCH').map((s) => s.bytes)).toEqual([36, 16, 16, 4].map((mib) => mib * 1024 * 1024));
    expect(await r.headBlob(app, sha256(large))).toBe(large.length);
  });

  test('T37 a chunk that is stored and answered 416: the registry is asked how far it is', async () => {
    let patches = 0;
    relay.spoil = ({ method }) => {
      if (method !== 'PATCH') return undefined;
      patches += 1;
      return patches === 1 ? { before: 413 } : patches === 3 ? { after: 416 } : undefined;
    };
    expect(await put(app, large)).toBe('uploaded');
    expect(sent('GET', /uploads/)).toHaveLength(1);
    expect(sent('PATCH')).toHaveLength(4);
    const blob = { digest: sha256(large), size: large.length };
    expect((await r.blobBytes(app, blob, large.length)).equals(large)).toBe(true);
  });

  test.each([
    ['the start', 'POST', { before: 503 }],
    ['the body', 'PATCH', { before: 502 }],
    ['the body, stored', 'PATCH', { after: 502 }],
    ['the end', 'PUT', { before: 500 }],
    ['the end, stored', 'PUT', { after: 502 }],
  ] as const)('a fault at %s of an upload is passed', async (_name, method, how) => {
    spoil(method, /uploads/, how);
    const bytes = Buffer.from(`through faults into ${app}`);
    await put(app, bytes);
    expect((await r.blobBytes(app, { digest: sha256(bytes), size: bytes.length }, 100)).equals(bytes)).toBe(true);
  });

  test('T38 a blob cut at 50 % is asked for again', async () => {
    await pushImage(r, app, 't', image);
    spoil('GET', /blobs/, 'cut');
    expect((await r.blobBytes(app, image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
    expect(sent('GET', /blobs/)).toHaveLength(2);
  });

  test('T38 an upload whose source is wrong, or ends early, is never committed', async () => {
    const digest = sha256('right');
    for (const text of ['wrong', 'rig']) {
      const source = async () => Readable.from([Buffer.from(text)], { objectMode: false });
      await expect(r.putBlob(app, { digest, size: 5 }, source)).rejects.toThrow();
    }
    expect(sent('PUT')).toEqual([]);
    expect(await r.headBlob(app, digest)).toBeUndefined();
  });
});

describe('a registry with logins', () => {
  const credentials = { username: 'u', password: 'p:"x' };
  // Of that password; docker-registry knows no other kind.
  const hash = '$2b$04$hUq5WSIqzPGtsmy7ZuHE.eb9jHRZB2/7a7WUSYUrvMcc5qyOWxPki';
  let folder: string;
  let program: ChildProcess;
  let host: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-registry-'));
    // A port that was free a moment ago.
    const free = await startRelay('');
    host = free.host;
    await free[Symbol.asyncDispose]();
    await writeFile(join(folder, 'users'), `u:${hash}\n`);
    const auth = `auth: {htpasswd: {realm: "a realm, no URL", path: ${folder}/users}}\n`;
    const config = `version: 0.1\n${auth}storage: {filesystem: {rootdirectory: ${folder}/data}}\nhttp: {addr: "${host}"}\n`;
    await writeFile(join(folder, 'config.yml'), config);
    program = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    await until('docker-registry', async () => (await fetch(`http://${host}/v2/`)).status === 401);
  });
  afterAll(async () => {
    await stop(program);
    await rm(folder, { recursive: true, force: true });
  });

  test('T47 T39 reads and writes with the login, whatever stands in it', async () => {
    await using w = client(host, { credentials });
    await pushImage(w.registry, 'o/app', 't', image);
    expect((await w.registry.head('o/app', 't'))?.digest).toBe(image.digest);
    expect((await w.registry.blobBytes('o/app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
    expect(await w.registry.tags('o/app')).toEqual(['t']);
  });

  test('a wrong password and no login are E_AUTH, and never taken for "not there"', async () => {
    for (const options of [{ credentials: { username: 'u', password: 'no' } }, {}]) {
      await using w = client(host, options);
      await expect(w.registry.head('o/app', 'none')).rejects.toMatchObject({ code: 'E_AUTH' });
      await expect(pushImage(w.registry, 'o/app', 't', image)).rejects.toMatchObject({ code: 'E_AUTH' });
    }
  });
});

test('a registry that is gone is E_REGISTRY, after its tries', async () => {
  const gone = await startDistribution();
  await using w = client(gone.host, { retries: 2 });
  await pushImage(w.registry, 'o/app', 't', image);
  await gone[Symbol.asyncDispose]();
  await expect(w.registry.head('o/app', 't')).rejects.toMatchObject({ code: 'E_REGISTRY' });
  expect(w.clock.slept).toHaveLength(2);
});
