/** Digests: `sha256:` and 64 hexadecimal digits, nothing else. */
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

export type Digest = `sha256:${string}`;

const FORM = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return FORM.test(text);
}

/** @returns undefined when the text is no sha256 digest (surrounding white space is allowed) */
export function parseDigest(text: string): Digest | undefined {
  const trimmed = text.trim();
  return isDigest(trimmed) ? trimmed : undefined;
}

export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The bytes that passed are not the ones that were named. */
export class DigestMismatch extends Error {
  override readonly name = 'DigestMismatch';
}

/**
 * Passes bytes through and fails at their end, before it is signalled, when they are not exactly `size` bytes of `digest`.
 * So a receiver never sees a regular end of wrong content.
 */
export function verifying(digest: Digest, size: number): Transform {
  const hash = createHash('sha256');
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > size) return done(new DigestMismatch(`more than the ${size} bytes of ${digest}`));
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found: Digest = `sha256:${hash.digest('hex')}`;
      if (seen !== size) return done(new DigestMismatch(`${seen} instead of ${size} bytes of ${digest}`));
      done(found === digest ? null : new DigestMismatch(`the bytes of ${digest} have the digest ${found}`));
    },
  });
}
