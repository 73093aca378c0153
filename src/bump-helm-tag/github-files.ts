/** Bytes of files through GitHub's API. What came as text is proven by its Git hash; otherwise the blob itself is fetched. */
import { createHash } from 'node:crypto';
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { FileAtHead } from './config-repository.ts';
import type { BlobNode, FileNode } from './github-queries.ts';
import type { GitHubReader } from './github-reader.ts';

/** As the YAML reader has it: a larger file is refused before it is fetched. */
const MAX_BLOB = 2 * 1024 * 1024;

/**
 * The exact bytes of a blob.
 * @param blob as GraphQL has it: its text may be cut, null, or have lost bytes on its way through JSON
 * @throws ActionError E_FILE_TOO_LARGE, E_CONFIG_UNREADABLE
 */
export async function bytesOf(
  reader: GitHubReader,
  oid: string,
  blob: Partial<BlobNode> | null,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const size = blob?.byteSize ?? 0;
  if (size > MAX_BLOB) {
    throw new ActionError('E_FILE_TOO_LARGE', {
      what: `file ${oneLine(path, 200)}`,
      why: `${size} bytes are more than ${MAX_BLOB}`,
      fix: 'Split it',
    });
  }
  if (typeof blob?.text === 'string' && blob.isTruncated === false) {
    const bytes = new TextEncoder().encode(blob.text);
    if (blobOid(bytes, oid.length) === oid) return bytes;
  }
  const answer = (await reader.get(`/git/blobs/${oid}`, signal)) as { content?: unknown } | undefined;
  const bytes = typeof answer?.content === 'string' ? Buffer.from(answer.content, 'base64') : undefined;
  if (bytes === undefined || blobOid(bytes, oid.length) !== oid)
    throw reader.unreadable(`${oneLine(path, 200)} did not come whole`);
  return bytes;
}

/**
 * A file that can be written again through this API, or null when it is not there.
 * @throws ActionError E_FILE_MODE for a link, a submodule, a folder, and for an executable file
 */
export async function fileOf(
  reader: GitHubReader,
  node: FileNode | null,
  path: string,
  signal: AbortSignal,
): Promise<FileAtHead | null> {
  if (node === null) return null;
  const mode = node.mode.toString(8).padStart(6, '0');
  if (node.type !== 'blob' || mode !== '100644') {
    const why =
      mode === '100755'
        ? 'it is executable, which this API cannot write'
        : mode === '120000'
          ? 'it is a symbolic link'
          : `it is a ${oneLine(node.type, 20)}`;
    throw new ActionError('E_FILE_MODE', {
      what: `file ${oneLine(path, 200)}`,
      why,
      fix: mode === '100755' ? 'Use transport: git, or drop the bit' : 'Name the file itself',
    });
  }
  return { path, oid: node.oid, mode: '100644', bytes: await bytesOf(reader, node.oid, node.object, path, signal) };
}

/** Git's id of a blob; the length tells SHA-1 from SHA-256. */
export function blobOid(bytes: Uint8Array, length: number): string {
  return createHash(length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}
