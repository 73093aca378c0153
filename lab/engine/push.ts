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
  const ref = parseRef(target);
  if (ref?.tag === undefined) throw new Error(`no reference: ${target}`);
  const bytes = await readFile(join(store, `manifest-${id}`));
  const manifest = JSON.parse(bytes.toString('utf8')) as { config: Descriptor; layers: Descriptor[] };
  await withRegistry(ref.host, auth, async (registry) => {
    for (const blob of [manifest.config, ...manifest.layers]) {
      const content = await readFile(join(store, blob.digest));
      await registry.putBlob(ref.repository, blob, async () => Readable.from([content], { objectMode: false }));
    }
    await registry.putManifest(ref.repository, ref.tag ?? '', {
      bytes,
      digest: sha256(bytes),
      mediaType: MEDIA_TYPES.ociManifest,
    });
  });
  return sha256(bytes);
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
