/** What the registries hold already: staging tag and immutable tags, each inspected. */
import { type Digest, type ImageName, nameOf, RegistryError } from '../oci/index.ts';
import type { Found } from './decide.ts';
import type { Planned } from './facts.ts';
import { type InspectedImage, inspectImage, revisionOf } from './inspect.ts';
import type { Plan } from './plan.ts';
import type { Ports } from './ports.ts';

export interface Located {
  image: ImageName;
  inspected: InspectedImage;
}

export interface Probe {
  staging: Found | undefined;
  immutable: (Found & { image: ImageName; tag: string })[];
  /** Where the image of a digest was found. */
  located: Map<Digest, Located>;
  /** A registry refused to look. */
  denied: RegistryError | undefined;
}

/** Looks at the staging tags of the primary image, and at every immutable tag of every image. */
export async function probe(images: readonly ImageName[], plan: Plan, ports: Ports): Promise<Probe> {
  const result: Probe = { staging: undefined, immutable: [], located: new Map(), denied: undefined };
  const inspected = new Map<string, Promise<Found>>();
  const look = async (image: ImageName, tag: string): Promise<Found | undefined> => {
    try {
      const head = await ports.registryFor(image.host).head(image.repository, tag);
      if (head === undefined) return undefined;
      // Several tags of one image are one image: it is read once.
      const key = `${nameOf(image)}@${head.digest}`;
      const found = inspected.get(key) ?? findIn(image, head.digest, plan, ports, result.located);
      inspected.set(key, found);
      return await found;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'E_DENIED') throw error;
      // Some registries answer 403 for a repository that does not exist yet. Publishing looks again.
      ports.log.warning('W_PROBE_DENIED', `${nameOf(image)}:${tag}: ${error.facts.why}; taken as missing for now`);
      result.denied = error;
      return undefined;
    }
  };
  const immutable = plan.push === 'stage' ? [] : plan.tags.filter((t) => t.immutable);
  const primary = images[0];
  const [staged, tagged] = await Promise.all([
    Promise.all(primary === undefined ? [] : plan.staging.map((tag) => look(primary, tag))),
    Promise.all(
      images.flatMap((image) => immutable.map(async ({ tag }) => ({ image, tag, found: await look(image, tag) }))),
    ),
  ]);
  result.staging = staged.find((f) => f?.relation === 'ours') ?? staged.find((f) => f !== undefined);
  for (const { image, tag, found } of tagged) if (found !== undefined) result.immutable.push({ ...found, image, tag });
  return result;
}

/** Inspects a digest that a tag names. */
export async function findIn(
  image: ImageName,
  digest: Digest,
  plan: Pick<Planned, 'relate'>,
  ports: Pick<Ports, 'registryFor'>,
  located: Map<Digest, Located>,
): Promise<Found> {
  const inspected = await inspectImage(ports.registryFor(image.host), image.repository, digest);
  const relation = plan.relate(inspected);
  if (inspected !== undefined && relation !== 'unsound') located.set(digest, { image, inspected });
  return { digest, relation, revision: revisionOf(inspected) };
}
