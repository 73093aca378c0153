/** Reads and writes images of a registry for the stand-in, with the client of the suite. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openHttp } from '../../src/http/index.ts';
import {
  type Descriptor,
  type Digest,
  dockerLogins,
  MEDIA_TYPES,
  parseRef,
  Registry,
  sha256,
} from '../../src/oci/index.ts';
import { Deadline, systemClock } from '../../src/runner/index.ts';

/** The manifest is made when an image is built, and kept beside its blobs under the image's ID. */
export async function push(store: string, id: string, target: string, auth: string): Promise<Digest> {
  const { host, repository, tag } = reference(target);
  return withRegistry(host, auth, (registry) => pushOne(registry, store, id, repository, tag));
}

/** A list under its name, with the images in it. */
export async function pushList(store: string, name: string, target: string, auth: string): Promise<Digest> {
  const { host, repository, tag } = reference(target);
  const list = JSON.parse(await readFile(join(store, `tag-${encodeURIComponent(name)}`), 'utf8')) as {
    manifests: { id?: string; digest: string }[];
  };
  return withRegistry(host, auth, async (registry) => {
    for (const child of list.manifests) {
      await pushOne(registry, store, child.id ?? '', repository, child.digest);
      delete child.id;
    }
    const bytes = Buffer.from(JSON.stringify(list));
    await registry.putManifest(repository, tag, { bytes, digest: sha256(bytes), mediaType: MEDIA_TYPES.ociIndex });
    return sha256(bytes);
  });
}

async function pushOne(
  registry: Registry,
  store: string,
  id: string,
  repository: string,
  reference: string,
): Promise<Digest> {
  const bytes = await readFile(join(store, `manifest-${id}`));
  const manifest = JSON.parse(bytes.toString('utf8')) as { config: Descriptor; layers: Descriptor[] };
  for (const blob of [manifest.config, ...manifest.layers]) {
    const content = await readFile(join(store, blob.digest));
    await registry.putBlob(repository, blob, async () => Readable.from([content], { objectMode: false }));
  }
  const stored = { bytes, digest: sha256(bytes), mediaType: MEDIA_TYPES.ociManifest };
  await registry.putManifest(repository, reference, stored);
  return stored.digest;
}

function reference(target: string): { host: string; repository: string; tag: string } {
  const { host = '', repository = '', tag } = parseRef(target) ?? {};
  if (tag === undefined) throw new Error(`no reference: ${target}`);
  return { host, repository, tag };
}

export async function withRegistry<T>(
  host: string,
  auth: string,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const http = openHttp();
  using deadline = new Deadline(60, systemClock);
  try {
    const credentials = dockerLogins(auth).get(host);
    return await work(new Registry(host, { http, clock: systemClock, deadline, retries: 0, credentials }));
  } finally {
    await http.close();
  }
}
