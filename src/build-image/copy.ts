/** Copies a proven image to another repository: children first, blobs found, mounted or streamed, manifests by digest. */
import { type Descriptor, type Digest, type ImageName, mapLimited, nameOf, RegistryError } from '../oci/index.ts';
import type { InspectedImage } from './inspect.ts';
import type { RegistryFor } from './ports.ts';

const TRANSFERS = 4;

/** @throws RegistryError; nothing is tagged in any case */
export async function copyImage(
  from: ImageName,
  to: ImageName,
  image: InspectedImage,
  registryFor: RegistryFor,
): Promise<void> {
  const [source, target] = [registryFor(from.host), registryFor(to.host)];
  const mountFrom = from.host === to.host ? from.repository : undefined;
  const blobs = new Map<Digest, Descriptor>();
  for (const manifest of image.all) {
    if (manifest.kind === 'manifest') for (const b of [manifest.config, ...manifest.layers]) blobs.set(b.digest, b);
  }
  await mapLimited([...blobs.values()], TRANSFERS, (blob) =>
    target.putBlob(to.repository, blob, () => source.getBlob(from.repository, blob), mountFrom),
  );
  // Leaves were visited after their parents, and a registry refuses an index whose children it lacks.
  for (const manifest of [...image.all].reverse()) {
    if ((await target.head(to.repository, manifest.digest)) === undefined) {
      await target.putManifest(to.repository, manifest.digest, manifest);
    }
  }
  await assertServed(to, image.digest, registryFor);
}

/** Reads the manifest back by its digest; the client checks the bytes. */
export async function assertServed(image: ImageName, digest: Digest, registryFor: RegistryFor): Promise<void> {
  const found = await registryFor(image.host).getManifest(image.repository, digest);
  if (found !== undefined) return;
  const what = `${nameOf(image)}@${digest}`;
  const fix = 'The registry has rewritten the manifest: switch that off, or use another one';
  throw new RegistryError('E_CONVERTED', 404, what, 'it was pushed, but is not served under its digest', fix);
}
