/** Manifests and indexes: read strictly, kept as bytes. */
import { z } from 'zod';
import { type Digest, isDigest, sha256 } from './digest.ts';
import { RegistryError } from './error.ts';

export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** One header with all four types: without them an existing OCI manifest answers 404. */
export const ACCEPT = Object.values(MEDIA_TYPES).join(', ');

export const MAX_MANIFEST = 4 * 1024 * 1024;
export const MAX_CONFIG = 8 * 1024 * 1024;

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'no sha256 digest');
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.number().int().min(0),
  annotations: z.record(z.string(), z.string()).optional(),
});
const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor).max(256),
});
const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(descriptor.extend({ platform: platform.optional() })).max(256),
});

export type Descriptor = z.infer<typeof descriptor>;
export type Platform = z.infer<typeof platform>;
export type IndexEntry = z.infer<typeof indexSchema>['manifests'][number];

export interface StoredBytes {
  /** As received: they are what the digest is of, and what is sent on. */
  bytes: Uint8Array;
  digest: Digest;
  mediaType: string;
}
export type Manifest = StoredBytes & { kind: 'manifest'; config: Descriptor; layers: Descriptor[] };
export type Index = StoredBytes & { kind: 'index'; manifests: IndexEntry[] };

/**
 * @param contentType header of the answer; parameters such as a charset are ignored
 * @throws RegistryError E_PROTOCOL: not JSON, schema 1, an unknown type, type of header and body differ, over a limit
 */
export function parseManifest(bytes: Uint8Array, contentType: string, what: string): Manifest | Index {
  const bad = (why: string): RegistryError =>
    new RegistryError(
      'E_PROTOCOL',
      200,
      what,
      why,
      'This registry or image cannot be used; rebuild or re-push the image',
    );
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw bad('the manifest is not JSON');
  }
  const said = contentType.split(';')[0]?.trim() ?? '';
  const inside = (json as { mediaType?: unknown } | null)?.mediaType;
  if (typeof inside === 'string' && inside !== said) {
    throw bad(`its content type is ${said}, but the manifest says ${inside}`);
  }
  const common = { bytes, digest: sha256(bytes), mediaType: said };
  const known: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerList];
  if (known.includes(said)) {
    const index = indexSchema.safeParse(json);
    if (!index.success) throw bad(`the index is malformed: ${index.error.issues[0]?.message ?? ''}`);
    return { ...common, kind: 'index', manifests: index.data.manifests };
  }
  if (said !== MEDIA_TYPES.ociManifest && said !== MEDIA_TYPES.dockerManifest) {
    throw bad(`manifests of type ${said || '(none)'} are not understood`);
  }
  const manifest = manifestSchema.safeParse(json);
  if (!manifest.success) throw bad(`the manifest is malformed: ${manifest.error.issues[0]?.message ?? ''}`);
  return { ...common, kind: 'manifest', config: manifest.data.config, layers: manifest.data.layers };
}

/** BuildKit stores attestations as children of an index with this platform. */
export function isAttestation(entry: IndexEntry): boolean {
  return (
    entry.platform?.os === 'unknown' || entry.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest'
  );
}

/** What of an image config is looked at. */
export interface ImageConfig {
  os: string;
  architecture: string;
  variant?: string;
  created?: string;
  config: { Labels?: Record<string, string> | null; Env?: string[] | null };
}

const configSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  created: z.string().optional(),
  config: z
    .object({
      Labels: z.record(z.string(), z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
    })
    .default({}),
});

export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  try {
    return configSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))) as ImageConfig;
  } catch (cause) {
    const fix = 'This image cannot be used; rebuild it';
    throw new RegistryError('E_PROTOCOL', 200, what, 'the image config is malformed', fix, cause);
  }
}

export function platformName(p: { os: string; architecture: string; variant?: string | undefined }): string {
  return `${p.os}/${p.architecture}${p.variant === undefined || p.variant === '' ? '' : `/${p.variant}`}`;
}
