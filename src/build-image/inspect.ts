/** Reads an image back from a registry: bytes, platforms, labels, and whether everything it names is there. */
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Index,
  isAttestation,
  MAX_CONFIG,
  type Manifest,
  parseConfig,
  platformName,
  type Registry,
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
    for (const child of node.manifests) {
      const found = await registry.getManifest(repository, child.digest);
      if (found === undefined) result.problems.push(`manifest ${child.digest} is missing`);
      else await visit(registry, repository, found, depth + 1, isAttestation(child), result);
    }
    return;
  }
  const blobs = [node.config, ...node.layers];
  const present = await Promise.all(blobs.map((blob) => registry.headBlob(repository, blob.digest)));
  const missing = blobs.filter((_, i) => present[i] === undefined);
  for (const blob of missing) result.problems.push(`blob ${blob.digest} is missing`);
  if (attestation || missing.includes(node.config)) return;
  const what = `config of ${node.digest}`;
  const config: ImageConfig = parseConfig(await registry.blobBytes(repository, node.config, MAX_CONFIG), what);
  result.platforms.push({
    platform: platformName(config),
    digest: node.digest,
    size: blobs.reduce((sum, blob) => sum + blob.size, 0),
    layers: node.layers,
    labels: config.config.Labels ?? {},
  });
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
  if (all((labels) => own.keys.includes(labels[KEY_LABEL] ?? ''))) return 'ours';
  return all((labels) => own.sources.includes(labels[SOURCE_LABEL] ?? '')) ? 'same-source' : 'foreign';
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

export function revisionOf(image: InspectedImage | undefined): string | undefined {
  return image?.platforms[0]?.labels[REVISION_LABEL];
}
