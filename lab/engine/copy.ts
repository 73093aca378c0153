/** COPY: from the context without what is ignored, from a named context, or from an earlier stage. */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Copy } from 'dockerfile-ast';
import { compileIgnore, type Ignore } from '../../src/build-image/ignore.ts';
import type { BuildOptions, Stage } from './stage.ts';
import type { TarEntry } from './tar.ts';

const NOTHING = compileIgnore('');

/** @param words sources and target, variables replaced */
export async function copy(
  instruction: Copy,
  words: readonly string[],
  stage: Stage,
  stages: readonly Stage[],
  ignore: Ignore,
  o: BuildOptions,
): Promise<void> {
  const from = instruction.getFromFlag()?.getValue();
  const sources = words.slice(0, -1);
  const to = words.at(-1) ?? '';
  const target = posix.resolve(stage.config.WorkingDir ?? '/', to).slice(1);
  const other = from === undefined ? undefined : stages.find((s, i) => s.name === from || String(i) === from);
  const folder = from === undefined || from === null ? o.context : o.contexts.get(from);
  if (other === undefined && folder === undefined) throw new Error(`COPY --from=${from}: no such stage`);
  for (const source of sources) {
    const root = posix.resolve('/', source).slice(1);
    const found =
      other !== undefined
        ? [...other.files.values()]
        : await fromContext(folder ?? '', root, folder === o.context ? ignore : NOTHING);
    const below = found.filter((e) => root === '' || e.path === root || e.path.startsWith(`${root}/`));
    if (below.length === 0) throw new Error(`COPY ${source}: no such file`);
    const isFolder = root === '' || below.some((e) => e.path === root && e.type === 'directory');
    const into =
      isFolder || !(to.endsWith('/') || sources.length > 1) ? target : posix.join(target, posix.basename(root));
    for (const entry of below) {
      const rest = entry.path.slice(root.length).replace(/^\//, '');
      addFile(stage, { ...entry, path: [into, rest].filter((p) => p !== '').join('/') });
    }
  }
}

function addFile(stage: Stage, entry: TarEntry): void {
  if (entry.path === '') return;
  const parts = entry.path.split('/');
  for (let i = 1; i < parts.length; i += 1) {
    const path = parts.slice(0, i).join('/');
    if (!stage.files.has(path)) stage.files.set(path, { path, type: 'directory', mode: 0o755, data: Buffer.alloc(0) });
  }
  stage.files.set(entry.path, entry);
}

async function fromContext(root: string, start: string, ignore: Ignore): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const visit = async (path: string): Promise<void> => {
    const full = join(root, path);
    const stat = await lstat(full);
    const kept = path === '' || !ignore.excludes(path);
    if (stat.isDirectory()) {
      if (kept && path !== '')
        entries.push({ path, type: 'directory', mode: stat.mode & 0o7777, data: Buffer.alloc(0) });
      if (!kept && !ignore.reincludes) return;
      for (const name of (await readdir(full)).sort()) await visit(path === '' ? name : `${path}/${name}`);
    } else if (kept && stat.isSymbolicLink()) {
      entries.push({ path, type: 'link', mode: 0o777, data: Buffer.from(await readlink(full)) });
    } else if (kept) entries.push({ path, type: 'file', mode: stat.mode & 0o7777, data: await readFile(full) });
  };
  await visit(start);
  return entries;
}
