/** Size of the image that a moving tag names before it moves, when that costs one look and one read. */
import { type ImageName, RegistryError } from '../oci/index.ts';
import type { Planned } from './facts.ts';
import type { InspectedImage } from './inspect.ts';
import type { Ports } from './ports.ts';
import type { Size } from './result.ts';

/** @returns undefined when there is none, when it is an index, or when it is the same image */
export async function previousSize(
  image: ImageName,
  plan: Planned,
  now: InspectedImage,
  ports: Ports,
): Promise<Size | undefined> {
  const moving = plan.push === 'full' ? plan.tags.find((t) => !t.immutable) : undefined;
  if (moving === undefined || now.manifest.kind !== 'manifest') return undefined;
  try {
    const before = await ports.registryFor(image.host).getManifest(image.repository, moving.tag);
    if (before?.kind !== 'manifest' || before.digest === now.digest) return undefined;
    const bytes = [before.config, ...before.layers].reduce((sum, blob) => sum + blob.size, 0);
    return { tag: moving.tag, bytes };
  } catch (error) {
    // Only a report hangs on it.
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
