/** Reads an image back from a registry: bytes, platforms, labels, and whether everything it names is there. */
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Index,
  isAttestation,
  MAX_CONFIG,
  type Manifest,
  mapLimited,
  parseConfig,
  platformName,
  type Registry,
  RegistryError,
} from '../oci/index.ts';
import type { Relation } from './decide.ts';
import { KEY_LABEL, REVISION_LABEL, SOURCE_LABEL } from './labels.ts';

export interface PlatformImage {
  platform: string;
  digest: Digest;
  /** Compressed bytes: config and layers. */
  size: number;
  layers: Descriptor[];
  labels: Readonly<Record<string, string>>;
}

export interface InspectedImage {
  digest: Digest;
  manifest: Manifest | Index;
  /** Every manifest and index below and with the top one. */
  all: (Manifest | Index)[];
  platforms: PlatformImage[];
  /** What is missing, in words; empty when the image is sound. */
  problems: string[];
}

const MAX_DEPTH = 2;
const HEADS_AT_ONCE = 8;

/** @returns undefined when there is no such manifest */
export async function inspectImage(
  registry: Registry,
  repository: string,
  digest: Digest,
): Promise<InspectedImage | undefined> {
  const top = await registry.getManifest(repository, digest);
  if (top === undefined) return undefined;
  const result: InspectedImage = { digest, manifest: top, all: [], platforms: [], problems: [] };
  await visit(registry, repository, top, 0, false, result);
  // The order within an index is the engine's own, and no two agree.
  result.platforms.sort((a, b) => (a.platform < b.platform ? -1 : 1));
  return result;
}

async function visit(
  registry: Registry,
  repository: string,
  node: Manifest | Index,
  depth: number,
  attestation: boolean,
  result: InspectedImage,
): Promise<void> {
  result.all.push(node);
  if (node.kind === 'index') {
    if (depth >= MAX_DEPTH) return void result.problems.push('its indexes are nested too deeply');
    const children = await mapLimited(node.manifests, 4, (child) => registry.getManifest(repository, child.digest));
    for (const [i, child] of node.manifests.entries()) {
      const found = children[i];
      if (found === undefined) result.problems.push(`manifest ${child.digest} is missing`);
      else await visit(registry, repository, found, depth + 1, isAttestation(child), result);
    }
    return;
  }
  const blobs = [node.config, ...node.layers];
  // The config is asked for at once with the looks: one round trip less.
  const [present, bytes] = await Promise.all([
    mapLimited(blobs, HEADS_AT_ONCE, (blob) => registry.headBlob(repository, blob.digest)),
    attestation ? undefined : configBytes(registry, repository, node.config),
  ]);
  const missing = blobs.filter((_, i) => present[i] === undefined);
  for (const blob of missing) result.problems.push(`blob ${blob.digest} is missing`);
  if (bytes === undefined || missing.includes(node.config)) return;
  const config: ImageConfig = parseConfig(bytes, `config of ${node.digest}`);
  result.platforms.push({
    platform: platformName(config),
    digest: node.digest,
    size: blobs.reduce((sum, blob) => sum + blob.size, 0),
    layers: node.layers,
    labels: config.config.Labels ?? {},
  });
}

async function configBytes(registry: Registry, repository: string, config: Descriptor): Promise<Buffer | undefined> {
  try {
    return await registry.blobBytes(repository, config, MAX_CONFIG);
  } catch (error) {
    // That it is missing is what the look beside this says.
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  }
}

/** The keys that make an image ours: of a pull request also those of the trusted tier. */
export interface OwnKeys {
  keys: readonly string[];
  sources: readonly string[];
}

/** @param platforms what this run wants, exactly */
export function relationOf(image: InspectedImage | undefined, own: OwnKeys, platforms: readonly string[]): Relation {
  if (image === undefined || image.problems.length > 0 || image.platforms.length === 0) return 'unsound';
  const all = (test: (labels: Readonly<Record<string, string>>) => boolean): boolean =>
    image.platforms.every((p) => test(p.labels));
  if (
    !samePlatforms(
      image.platforms.map((p) => p.platform),
      platforms,
    )
  )
    return 'unsound';
  if (!all((labels) => own.sources.includes(labels[SOURCE_LABEL] ?? ''))) return 'foreign';
  return all((labels) => own.keys.includes(labels[KEY_LABEL] ?? '')) ? 'ours' : 'same-source';
}

/** Same set; a variant that one side leaves out is not compared (engines add `v8` to arm64). */
export function samePlatforms(found: readonly string[], wanted: readonly string[]): boolean {
  const fits = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  return (
    found.length === wanted.length &&
    wanted.every((w) => found.some((f) => fits(f, w))) &&
    found.every((f) => wanted.some((w) => fits(f, w)))
  );
}

/**
 * The name under which users know a found platform: the wanted one when it is the same, for bases add variants of their
 * own. `arm64` has no variant and `arm` is `arm/v7`, as the engines have it.
 */
export function knownPlatform(found: string, wanted: readonly string[]): string {
  const [one = ''] = wanted;
  // `arm` alone does not say which: there the variant that was found tells more.
  const name = samePlatforms([found], wanted) && !one.endsWith('/arm') ? one : found;
  return name.replace(/\/arm64\/v8$/, '/arm64').replace(/\/arm$/, '/arm/v7');
}

export function revisionOf(image: InspectedImage | undefined): string | undefined {
  return image?.platforms[0]?.labels[REVISION_LABEL];
}
