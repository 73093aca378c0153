/** Reading many blobs with one process. */
import type { Git, GitOptions } from './run-git.ts';

export type Blobs =
  | { kind: 'read'; blobs: ReadonlyMap<string, Uint8Array> }
  /** In all, they are larger than the caller allows. */
  | { kind: 'too-large'; bytes: number }
  | { kind: 'missing' };

const HEADER = 128;

/**
 * Reads blobs that are in the store. Sizes are looked at first: nothing larger than allowed comes into memory.
 * @param oids full object ids
 */
export async function readBlobs(
  git: Git,
  oids: readonly string[],
  maxBytes: number,
  options: GitOptions,
): Promise<Blobs> {
  const wanted = [...new Set(oids)];
  if (wanted.length === 0) return { kind: 'read', blobs: new Map() };
  const input = wanted.map((oid) => `${oid}\n`).join('');
  const checked = await git(['cat-file', '--batch-check'], { ...options, input });
  const sizes = new Map<string, number>();
  for (const line of checked.stdout.toString('latin1').split('\n')) {
    const match = /^([0-9a-f]+) blob (\d+)$/.exec(line);
    if (match !== null) sizes.set(match[1] ?? '', Number(match[2]));
  }
  if (checked.code !== 0 || wanted.some((oid) => !sizes.has(oid))) return { kind: 'missing' };
  const bytes = oids.reduce((sum, oid) => sum + (sizes.get(oid) ?? 0), 0);
  if (bytes > maxBytes) return { kind: 'too-large', bytes };
  const all = await git(['cat-file', '--batch'], { ...options, input, maxBytes: bytes + wanted.length * HEADER });
  if (all.code !== 0 || all.truncated) return { kind: 'missing' };
  const blobs = new Map<string, Uint8Array>();
  let at = 0;
  for (const oid of wanted) {
    // <oid> SP blob SP <size> LF <content> LF
    const start = all.stdout.indexOf(10, at) + 1;
    at = start + (sizes.get(oid) ?? 0) + 1;
    if (start === 0 || at > all.stdout.length) return { kind: 'missing' };
    blobs.set(oid, all.stdout.subarray(start, at - 1));
  }
  return { kind: 'read', blobs };
}
