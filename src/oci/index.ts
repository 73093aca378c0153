/** OCI registries: names, digests, manifests and a client that proves what it reads. */
export { type Credentials, credentialsFor, dockerAuthKey, dockerLogins, type Logins } from './credentials.ts';
export { type Digest, parseDigest, sha256 } from './digest.ts';
export { RegistryError } from './error.ts';
export { mapLimited } from './limit.ts';
export {
  type Descriptor,
  type ImageConfig,
  type Index,
  type IndexEntry,
  isAttestation,
  MAX_CONFIG,
  type Manifest,
  MEDIA_TYPES,
  parseConfig,
  platformName,
  type StoredBytes,
} from './manifest.ts';
export { type ImageName, type ImageRef, isTag, nameOf, parseImage, parseRef } from './name.ts';
export { type Head, Registry } from './registry.ts';
export type { RegistryOptions } from './transport.ts';
