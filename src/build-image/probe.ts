/** What the registries hold already: staging tag and immutable tags, each inspected. */
import { type Digest, type ImageName, nameOf, RegistryError } from '../oci/index.ts';
import type { Found } from './decide.ts';
import { type InspectedImage, inspectImage, relationOf, revisionOf } from './inspect.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';

export interface Located {
  image: ImageName;
  inspected: InspectedImage;
}

export interface Probe {
  staging: Found | undefined;
  immutable: (Found & { tag: string })[];
  /** Where the image of a digest was found. */
  located: Map<Digest, Located>;
}

export async function probe(images: readonly ImageName[], plan: Plan, platform: string, ports: Ports): Promise<Probe> {
  const result: Probe = { staging: undefined, immutable: [], located: new Map() };
  const look = (image: ImageName, tag: string): Promise<Found | undefined> =>
    lookUp(image, tag, plan, platform, ports, result.located);
  const immutable = plan.tags.filter((t) => t.immutable);
  const primary = images[0];
  const [staged, tagged] = await Promise.all([
    Promise.all(primary === undefined ? [] : plan.staging.map((tag) => look(primary, tag))),
    Promise.all(images.flatMap((image) => immutable.map(async ({ tag }) => ({ tag, found: await look(image, tag) })))),
  ]);
  result.staging = staged.find((f) => f?.relation === 'ours') ?? staged.find((f) => f !== undefined);
  for (const { tag, found } of tagged) if (found !== undefined) result.immutable.push({ ...found, tag });
  return result;
}

async function lookUp(
  image: ImageName,
  tag: string,
  plan: Plan,
  platform: string,
  ports: Ports,
  located: Map<Digest, Located>,
): Promise<Found | undefined> {
  const registry = ports.registryFor(image.host);
  try {
    const head = await registry.head(image.repository, tag);
    if (head === undefined) return undefined;
    return await findIn(image, head.digest, plan, platform, ports, located);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'E_DENIED') throw error;
    // Some registries answer 403 for a repository that does not exist yet. Publishing looks again.
    ports.log.warning('W_PROBE_DENIED', `${nameOf(image)}:${tag}: ${error.facts.why}; taken as missing for now`);
    return undefined;
  }
}

/** Inspects a digest that a tag names. */
export async function findIn(
  image: ImageName,
  digest: Digest,
  plan: Plan,
  platform: string,
  ports: Ports,
  located: Map<Digest, Located>,
): Promise<Found> {
  const inspected = await inspectImage(ports.registryFor(image.host), image.repository, digest);
  const relation = relationOf(inspected, plan.own, [platform]);
  if (inspected !== undefined && relation !== 'unsound') located.set(digest, { image, inspected });
  return { digest, relation, revision: revisionOf(inspected) };
}
