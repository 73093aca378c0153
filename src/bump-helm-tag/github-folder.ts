/** All files below a folder, in few requests: one for the folder, one for its tree, then the texts in batches. */
import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { FolderLimits } from './config-repository.ts';
import { bytesOf } from './github-files.ts';
import { type BlobNode, blobsQuery, FOLDER_AT } from './github-queries.ts';
import type { GitHubReader } from './github-reader.ts';

/** Objects and bytes of one query: well below what the host cuts an answer at. */
const BATCH_FILES = 60;
const BATCH_BYTES = 1024 * 1024;

interface Entry {
  path: string;
  oid: string;
  size: number;
}

/** @throws ActionError E_PATH_MISSING, E_FILE_TOO_LARGE, E_CONFIG_UNREADABLE */
export async function readFolder(
  reader: GitHubReader,
  commit: string,
  path: string,
  limits: FolderLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const root = path === '' || path === '.';
  const tree = root ? commit : await treeOf(reader, commit, path, signal);
  const entries = await entriesOf(reader, tree, path, signal);
  check(path, limits, entries.length, sum(entries));
  const files = new Map<string, Uint8Array>();
  for (const batch of batches(entries)) {
    const blobs = await reader.query(
      blobsQuery(batch.length),
      Object.fromEntries(batch.map((entry, i) => [`o${i}`, entry.oid])),
      signal,
    );
    for (const [i, entry] of batch.entries()) {
      const blob = blobs[`b${i}`] as Partial<BlobNode> | null;
      const bytes = await bytesOf(reader, entry.oid, blob, entry.path, signal);
      files.set(root ? entry.path : `${path}/${entry.path}`, bytes);
    }
  }
  // The host has told the sizes before; what came counts.
  const size = [...files.values()].reduce((total, bytes) => total + bytes.length, 0);
  check(path, limits, files.size, size);
  return files;
}

async function treeOf(reader: GitHubReader, oid: string, path: string, signal: AbortSignal): Promise<string> {
  const { object } = await reader.query(FOLDER_AT, { oid, path }, signal);
  const found = (object as { file?: { type: string; oid: string } | null } | null)?.file;
  if (found?.type === 'tree') return found.oid;
  throw new ActionError('E_PATH_MISSING', {
    what: `folder ${oneLine(path, 200)}`,
    why: found === undefined || found === null ? `it is not in the commit ${oid.slice(0, 12)}` : 'it is not a folder',
    fix: 'Correct the path',
  });
}

/** Regular files only: a link could point out of the folder, a submodule has no bytes here. */
async function entriesOf(reader: GitHubReader, oid: string, path: string, signal: AbortSignal): Promise<Entry[]> {
  const answer = (await reader.get(`/git/trees/${oid}?recursive=1`, signal)) as
    | {
        truncated?: unknown;
        tree?: { path: string; mode: string; type: string; sha: string; size?: number }[];
      }
    | undefined;
  if (!Array.isArray(answer?.tree)) throw reader.unreadable('the answer names no tree');
  if (answer.truncated !== false) {
    throw new ActionError('E_FILE_TOO_LARGE', {
      what: `folder ${oneLine(path, 200)}`,
      why: 'it has more entries than the host lists at once',
      fix: 'Name a smaller folder',
    });
  }
  return answer.tree
    .filter((entry) => entry.mode === '100644' || entry.mode === '100755')
    .map((entry) => ({ path: entry.path, oid: entry.sha, size: entry.size ?? 0 }));
}

function check(path: string, limits: FolderLimits, files: number, bytes: number): void {
  if (files <= limits.files && bytes <= limits.bytes) return;
  throw new ActionError('E_FILE_TOO_LARGE', {
    what: `folder ${oneLine(path, 200)}`,
    why: `${files} files of ${bytes} bytes are more than ${limits.files} files of ${limits.bytes} bytes`,
    fix: 'Name a smaller folder',
  });
}

function batches(entries: readonly Entry[]): Entry[][] {
  const all: Entry[][] = [];
  let current: Entry[] = [];
  for (const entry of entries) {
    if (current.length >= BATCH_FILES || (current.length > 0 && sum(current) + entry.size > BATCH_BYTES)) {
      all.push(current);
      current = [];
    }
    current.push(entry);
  }
  return current.length === 0 ? all : [...all, current];
}

const sum = (entries: readonly Entry[]): number => entries.reduce((total, entry) => total + entry.size, 0);
