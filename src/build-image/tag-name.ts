/** Tags from any text. Total: every text gives a valid tag, and different texts give different ones. */
import { createHash } from 'node:crypto';

const MAX = 128;
const KEPT = 115;
const LOOKS_HASHED = /-[0-9a-f]{12}$/;

/**
 * Runs outside `[A-Za-z0-9._-]` become `-`, leading `.` and `-` are stripped. Whatever was changed in doing so, is too
 * long, or already looks like a result, gets the first 12 hex digits of its sha256, so that `a/b` and `a-b` stay apart.
 */
export function toTag(raw: string): string {
  const clean = raw.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '');
  if (clean === raw && clean !== '' && clean.length <= MAX && !LOOKS_HASHED.test(raw)) return clean;
  const hash = createHash('sha256').update(raw, 'utf8').digest('hex').slice(0, 12);
  return `${clean === '' ? 'x' : clean.slice(0, KEPT)}-${hash}`;
}
