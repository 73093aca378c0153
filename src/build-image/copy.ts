/** Copies a proven image to another repository: children first, blobs found, mounted or streamed, manifests by digest. */
import {
  type Descriptor,
  type Digest,
  type ImageName,
  mapLimited,
  nameOf,
  type Registry,
  RegistryError,
} from '../oci/index.ts';
import type { InspectedImage } from './inspect.ts';
import type { RegistryFor } from './ports.ts';

const TRANSFERS = 4;
const LOOKS = 8;

/** @throws RegistryError; nothing is tagged in any case */
export async function copyImage(
  from: ImageName,
  to: ImageName,
  image: InspectedImage,
  registryFor: RegistryFor,
): Promise<void> {
  const [source, target] = [registryFor(from.host), registryFor(to.host)];
  const mountFrom = from.host === to.host ? from.repository : undefined;
  const blobs = blobsOf(image);
  // All looks at once, then all that is missing: on a far registry the round trips are the time.
  const looks = [
    ...blobs.map((blob) => () => target.headBlob(to.repository, blob.digest)),
    ...image.all.map((manifest) => () => target.head(to.repository, manifest.digest)),
  ];
  const seen = await mapLimited(looks, LOOKS, (look): Promise<unknown> => look());
  const lacking = blobs.filter((_, i) => seen[i] === undefined);
  const ways = await mapLimited(lacking, TRANSFERS, (blob) =>
    target.addBlob(to.repository, blob, () => source.getBlob(from.repository, blob), mountFrom),
  );
  // What was sent was hashed by the registry; that a mount took place is only said.
  const mounted = lacking.filter((_, i) => ways[i] === 'mounted');
  await mapLimited(mounted, LOOKS, (blob) => assertBlob(target, to, blob));
  const unsent = image.all.filter((_, i) => seen[blobs.length + i] === undefined);
  const put = (manifest: (typeof unsent)[number]): Promise<void> =>
    target.putManifest(to.repository, manifest.digest, manifest);
  await mapLimited(
    unsent.filter((m) => m.kind === 'manifest'),
    TRANSFERS,
    put,
  );
  // Indexes were visited before what they hold, and a registry refuses one whose children it lacks.
  for (const index of unsent.filter((m) => m.kind === 'index').reverse()) await put(index);
  await assertServed(to, image.digest, registryFor);
}

function blobsOf({ all }: InspectedImage): Descriptor[] {
  const blobs = all.flatMap((m) => (m.kind === 'manifest' ? [m.config, ...m.layers] : []));
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

async function assertBlob(registry: Registry, { repository, host }: ImageName, { digest }: Descriptor): Promise<void> {
  if ((await registry.headBlob(repository, digest)) !== undefined) return;
  const what = `blob ${digest} in ${host}/${repository}`;
  const fix = 'Ask who runs this registry';
  throw new RegistryError('E_PROTOCOL', 404, what, 'the registry said that it mounted it, and does not serve it', fix);
}

/** Reads the manifest back by its digest; the client checks the bytes. */
export async function assertServed(image: ImageName, digest: Digest, registryFor: RegistryFor): Promise<void> {
  const found = await registryFor(image.host).getManifest(image.repository, digest);
  if (found !== undefined) return;
  const what = `${nameOf(image)}@${digest}`;
  const fix = 'The registry has rewritten the manifest: switch that off, or use another one';
  throw new RegistryError('E_CONVERTED', 404, what, 'it was pushed, but is not served under its digest', fix);
}
