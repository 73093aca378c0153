/** What the registry holds of an image: bytes that prove their digest, and the labels of every platform. */
import { KEY_LABEL, REVISION_LABEL } from '../build-image/labels.ts';
import {
  type Digest,
  type ImageName,
  isAttestation,
  MAX_CONFIG,
  nameOf,
  parseConfig,
  platformName,
  type Registry,
} from '../oci/index.ts';

const SOURCE = 'org.opencontainers.image.source';
/** Platforms of one index that are read. */
const MOST = 32;

export interface ImageFacts {
  mediaType: string;
  platforms: readonly string[];
  /** Digests that name the same image: of its platforms, and of their configs. */
  related: ReadonlySet<string>;
  /** Of every platform; more than one value means that they disagree. '' stands for a platform without it. */
  revisions: readonly string[];
  sources: readonly string[];
  keys: readonly string[];
}

/** @throws RegistryError; @returns undefined when there is no such manifest */
export async function readImage(registry: Registry, image: ImageName, digest: Digest): Promise<ImageFacts | undefined> {
  const { repository } = image;
  const top = await registry.getManifest(repository, digest);
  if (top === undefined) return undefined;
  const children = top.kind === 'index' ? top.manifests.filter((entry) => !isAttestation(entry)).slice(0, MOST) : [];
  const related = new Set<string>(children.map((child) => child.digest));
  const platforms: string[] = [];
  const labels: Readonly<Record<string, string>>[] = [];
  for (const reference of top.kind === 'index' ? children.map((child) => child.digest) : [digest]) {
    const manifest = top.kind === 'index' ? await registry.getManifest(repository, reference) : top;
    if (manifest?.kind !== 'manifest') return undefined;
    const what = `${nameOf(image)}@${reference}`;
    const config = parseConfig(await registry.blobBytes(repository, manifest.config, MAX_CONFIG), what);
    related.add(manifest.config.digest);
    platforms.push(platformName(config));
    labels.push(config.config.Labels ?? {});
  }
  const distinct = (name: string): string[] => [...new Set(labels.map((one) => one[name] ?? ''))];
  return {
    mediaType: top.mediaType,
    platforms,
    related,
    revisions: distinct(REVISION_LABEL),
    sources: distinct(SOURCE),
    keys: distinct(KEY_LABEL),
  };
}

/** Digest that a tag of the image leads to, undefined when there is none of that name. */
export async function digestOfTag(registry: Registry, image: ImageName, tag: string): Promise<string | undefined> {
  return (await registry.head(image.repository, tag))?.digest;
}
