/** One member of an archive, as it is packed there. */
import { crc32, inflateRawSync } from 'node:zlib';

export interface PackedMember {
  method: number;
  /** Of the inflated bytes. */
  crc: number;
  /** Inflated, as the directory declares it. */
  size: number;
  packed: Buffer;
}

/** @returns exactly the declared bytes, checked. @throws Error that says what does not fit */
export function unpack({ method, crc, size, packed }: PackedMember): Buffer {
  if (method !== 0 && method !== 8) throw new Error('unknown compression');
  // The declared size caps what is inflated, whatever the stream would give.
  const options = { maxOutputLength: size || 1, chunkSize: Math.max(64, size + 1) };
  const bytes = method === 0 ? packed : inflateRawSync(packed, options);
  if (bytes.length !== size) throw new Error('a member has another size than declared');
  if (crc32(bytes) !== crc) throw new Error('wrong CRC-32');
  return bytes;
}
