/** S: what the user gave. K: S and what the base images were. An image with label K is what a build now would give. */
import { createHash } from 'node:crypto';
import type { Digest } from '../oci/index.ts';
import type { Tier } from './event.ts';

export interface KeyParts {
  tier: Tier;
  /** The input's value, not the engine found: so a hit needs no engine. */
  engine: string;
  /** Digest of the Dockerfile as it stands. */
  file: Digest;
  context: Digest;
  /** Named contexts: name and what it holds. */
  contexts: readonly (readonly [string, string])[];
  target: string;
  args: readonly (readonly [string, string])[];
  platforms: readonly string[];
  /** Of the user alone; generated ones may differ in an image that is used again. */
  labels: readonly (readonly [string, string])[];
  /** Names only: a value would make the key an oracle for it. */
  secrets: readonly string[];
  /** `name=value` of what else changes the build. */
  options: readonly string[];
  attest: readonly [provenance: string, sbom: boolean];
  bases: readonly (readonly [string, string])[];
  bucket: number | null;
}

/** Both 64 hexadecimal digits. */
export interface SourceKey {
  source: string;
  key: string;
}

export function sourceKey(p: KeyParts): SourceKey {
  const source = hex(
    JSON.stringify({
      v: 1,
      tier: p.tier,
      engine: p.engine,
      file: p.file,
      context: p.context,
      contexts: sortPairs(p.contexts),
      target: p.target,
      args: sortPairs(p.args),
      platforms: [...p.platforms].sort(),
      labels: sortPairs(p.labels),
      secrets: [...p.secrets].sort(),
      options: [...p.options].sort(),
      attest: p.attest,
    }),
  );
  return { source, key: hex(JSON.stringify({ v: 1, source, bases: sortPairs(p.bases), bucket: p.bucket })) };
}

/**
 * Number of the age bucket: it changes once in `maxAge`, for each image at another moment, so that not all services of
 * a company rebuild at midnight.
 * @param now unix seconds
 * @param maxAge seconds; undefined: no limit
 */
export function ageBucket(now: number, maxAge: number | undefined, image: string): number | null {
  if (maxAge === undefined) return null;
  const offset = createHash('sha256').update(image).digest().readUInt32BE(0) % maxAge;
  return Math.floor((now + offset) / maxAge);
}

function sortPairs(pairs: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return [...pairs].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
