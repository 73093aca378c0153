/** The bytes of an index: the same children give the same bytes, whoever merges them and when. Pure. */
import { type Digest, MEDIA_TYPES, type StoredBytes, sha256 } from '../oci/index.ts';

export interface Child {
  digest: Digest;
  mediaType: string;
  size: number;
  /** undefined: an attestation. */
  platform: string | undefined;
  annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * @param order platforms in the wanted order; others follow by os, architecture, variant; attestations come last
 * @param annotations those with an empty value are left out; a list of Docker has none
 */
export function buildIndex(
  children: readonly Child[],
  order: readonly string[],
  annotations: readonly (readonly [string, string])[],
): StoredBytes {
  const docker = children.every((c) => c.mediaType === MEDIA_TYPES.dockerManifest);
  const rank = ({ platform }: Child): number => {
    if (platform === undefined) return order.length + 1;
    const at = order.findIndex((o) => o === platform || platform.startsWith(`${o}/`));
    return at < 0 ? order.length : at;
  };
  const name = (c: Child): string => c.platform ?? c.digest;
  const sorted = [...children].sort((a, b) => rank(a) - rank(b) || (name(a) < name(b) ? -1 : 1));
  const entries = sorted.map(({ mediaType, digest, size, platform = 'unknown/unknown', annotations: own }) => {
    const [os = '', architecture = '', variant] = platform.split('/');
    return {
      mediaType,
      digest,
      size,
      platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
      ...(own === undefined ? {} : { annotations: own }),
    };
  });
  const kept = annotations.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  const mediaType = docker ? MEDIA_TYPES.dockerList : MEDIA_TYPES.ociIndex;
  const index = {
    schemaVersion: 2,
    mediaType,
    manifests: entries,
    ...(docker || kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
  };
  const bytes = Buffer.from(JSON.stringify(index), 'utf8');
  return { bytes, digest: sha256(bytes), mediaType };
}
