/** Unpacks OCI layers into a root folder. Nothing a layer says can reach outside of that folder. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, lchown, link, lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';

/**
 * @param file a layer, plain or gzip tar
 * @throws Error for an entry that climbs out of the root, or a device
 */
export async function unpackLayer(file: string, root: string, gzip: boolean): Promise<void> {
  const tar = extract();
  const feeding = gzip ? pipeline(createReadStream(file), createGunzip(), tar) : pipeline(createReadStream(file), tar);
  // A failure while reading an entry surfaces through the loop; this one must not be unhandled meanwhile.
  feeding.catch(() => {});
  const folders: { path: string; mode: number }[] = [];
  for await (const entry of tar) {
    // The stream is iterable; its typings do not say so.
    await place(root, entry.header, entry as unknown as AsyncIterable<Uint8Array>, folders);
    entry.resume();
  }
  await feeding;
  // Last, so that a read-only folder can be filled first.
  for (const { path, mode } of folders.reverse()) await chmod(path, mode).catch(() => {});
}

async function place(
  root: string,
  header: Header,
  body: AsyncIterable<Uint8Array>,
  folders: { path: string; mode: number }[],
): Promise<void> {
  const name = header.name.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  if (name === '' || name === '.') return;
  if (name.startsWith('/') || name.split('/').includes('..'))
    throw new Error(`layer entry "${header.name}" climbs out of the root`);
  const base = name.split('/').at(-1) ?? '';
  const parent = await resolveIn(root, dirname(name));
  await mkdir(parent, { recursive: true });
  if (base === '.wh..wh..opq') return emptyFolder(parent);
  if (base.startsWith('.wh.')) return rm(join(parent, base.slice(4)), { recursive: true, force: true });
  const path = join(parent, base);
  const mode = (header.mode ?? 0o644) & 0o7777;
  const there = await lstat(path).catch(() => undefined);
  if (header.type === 'directory') {
    // A folder over a link to one: the link stays, as container engines do it (/lib -> usr/lib).
    if (there?.isSymbolicLink()) return;
    if (there !== undefined && !there.isDirectory()) await rm(path);
    await mkdir(path, { recursive: true });
    folders.push({ path, mode });
  } else {
    if (there !== undefined) await rm(path, { recursive: true, force: true });
    await placeFile(root, path, mode, header, body);
  }
  // A hard link has its owner from its first name; that one may be shared with the stack of layers below.
  if (header.type !== 'link' && process.getuid?.() === 0) await lchown(path, header.uid ?? 0, header.gid ?? 0);
}

async function placeFile(
  root: string,
  path: string,
  mode: number,
  header: Header,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (header.type === 'symlink') return symlink(header.linkname ?? '', path);
  if (header.type === 'link') {
    const target = (header.linkname ?? '').replace(/^(\.?\/)+/, '');
    if (target.split('/').includes('..')) throw new Error(`layer link "${header.linkname}" climbs out of the root`);
    return link(join(await resolveIn(root, dirname(target)), target.split('/').at(-1) ?? ''), path);
  }
  if (header.type !== 'file' && header.type !== 'contiguous-file')
    throw new Error(`layer entry "${header.name}" is a ${header.type}, which the lab does not make`);
  await pipeline(body, createWriteStream(path, { mode }));
  await chmod(path, mode);
}

async function emptyFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
}

/** Resolves a path as a process inside the root would: links are followed, absolute ones from the root, `..` never above it. */
export async function resolveIn(root: string, path: string): Promise<string> {
  let parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let resolved: string[] = [];
  for (let hops = 0; parts.length > 0; ) {
    const [part = '', ...rest] = parts;
    parts = rest;
    if (part === '..') {
      resolved = resolved.slice(0, -1);
      continue;
    }
    const here = join(root, ...resolved, part);
    const stat = await lstat(here).catch(() => undefined);
    if (stat?.isSymbolicLink()) {
      hops += 1;
      if (hops > 40) throw new Error(`too many links at ${path}`);
      const target = await readlink(here);
      parts = [...target.split('/').filter((p) => p !== '' && p !== '.'), ...parts];
      if (target.startsWith('/')) resolved = [];
    } else resolved = [...resolved, part];
  }
  return join(root, ...resolved);
}
