/** A client for the lab's registry, and images made by hand. */
import { Readable } from 'node:stream';
import { openHttp } from '../../src/http/index.ts';
import { MEDIA_TYPES, Registry, type RegistryOptions, type StoredBytes, sha256 } from '../../src/oci/index.ts';
import { type Clock, Deadline, fakeClock } from '../../src/runner/index.ts';

export interface Client extends AsyncDisposable {
  registry: Registry;
  clock: Clock & { readonly slept: number[] };
}

/** Waits are on a fake clock: they are counted, not spent. */
export function client(host: string, options: Partial<RegistryOptions> = {}): Client {
  const http = openHttp();
  const clock = fakeClock();
  const deadline = new Deadline(1000, clock);
  const registry = new Registry(host, { http, clock, deadline, random: () => 0.5, ...options });
  return {
    registry,
    clock,
    async [Symbol.asyncDispose]() {
      deadline[Symbol.dispose]();
      await http.close();
    },
  };
}

export interface MadeImage extends StoredBytes {
  config: { digest: `sha256:${string}`; size: number; bytes: Buffer };
  layer: { digest: `sha256:${string}`; size: number; bytes: Buffer };
}

export function makeImage(
  text: string,
  labels: Record<string, string> = {},
  platform = { os: 'linux', architecture: 'amd64' },
): MadeImage {
  const part = (bytes: Buffer) => ({ digest: sha256(bytes), size: bytes.length, bytes });
  const layer = part(Buffer.from(`layer of ${text}`));
  const config = part(Buffer.from(JSON.stringify({ ...platform, config: { Labels: labels }, rootfs: {} })));
  const describe = ({ digest, size }: { digest: string; size: number }, mediaType: string) => ({
    mediaType,
    digest,
    size,
  });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: describe(config, 'application/vnd.oci.image.config.v1+json'),
      layers: [describe(layer, 'application/vnd.oci.image.layer.v1.tar')],
    }),
  );
  return { bytes, digest: sha256(bytes), mediaType: MEDIA_TYPES.ociManifest, config, layer };
}

export async function pushImage(registry: Registry, repository: string, tag: string, image: MadeImage): Promise<void> {
  for (const blob of [image.config, image.layer]) {
    await registry.putBlob(repository, blob, async () => Readable.from([blob.bytes], { objectMode: false }));
  }
  await registry.putManifest(repository, tag, image);
}
