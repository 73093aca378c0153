/** The packages of the base, at the places where the change has them. */
import { extname } from 'node:path';
import { renamesOf } from '../../git/index.ts';
import { discover } from '../discover/files.ts';
import { folderOf, formatOf } from '../discover/formats.ts';
import type { Unreadable } from '../extract/context.ts';
import type { Dep, FileReport } from '../types.ts';
import type { Store } from './open.ts';
import { openTree } from './tree.ts';

export interface BaseSide {
  /** Of a renamed file under its new name. */
  deps: Dep[];
  /** What is there and could not be read, or not whole. */
  unread: string[];
}

/** A file includes files, which include files: each round loads what the one before it asked for. */
const MAX_ROUNDS = 25;
const MAX_PATHS = 500;

/** @param head what the checkout has */
export async function baseSide(
  wanted: { paths: readonly string[]; exclude: readonly string[] },
  store: Store,
  head: readonly FileReport[],
): Promise<BaseSide> {
  const { tree } = store;
  const lost = head.map(({ file }) => file).filter((file) => !tree.has(file));
  const there = lost.length > 0 || tree.submodules.size > 0 ? await headTree(store) : undefined;
  const renames = await renamed(store, lost, there?.has);
  // What is not there yet has no findings; what a path of the user named so far may be a file of no format.
  const paths = wanted.paths.filter((path) => {
    const found = tree.find(path);
    return typeof found === 'object' && (found.kind === 'folder' || formatOf(found.path, true) !== undefined);
  });
  const old = [...renames.keys()].filter((file) => formatOf(file, true) !== undefined);
  const reports = await readAll([...paths, ...old], wanted.exclude, store);
  const deps = reports.flatMap(({ deps: own }) =>
    own.map((dep): Dep => ({ ...dep, file: renames.get(dep.file) ?? dep.file })),
  );
  const unread = reports.filter(({ problems }) => problems.length > 0).map(({ file }) => file);
  return withSubmodules({ deps, unread }, store, there?.submodules, head);
}

async function readAll(paths: readonly string[], exclude: readonly string[], { tree }: Store): Promise<FileReport[]> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { reports } = await discover(paths, exclude, tree);
    if (!(await tree.load())) return reports;
  }
  return (await discover(paths, exclude, tree)).reports;
}

async function headTree({ git, head, place, tree, options }: Store) {
  return openTree(git, head, place, tree.root, options);
}

/** @returns old path -> new path, of files that the base has and the head no longer */
async function renamed(
  { git, place, tree, head, options, sha }: Store,
  lost: readonly string[],
  stays: ((file: string) => boolean) | undefined,
): Promise<Map<string, string>> {
  // An included requirements file may have any name: of those that are gone, what ends like a file that is looked for.
  const ends = new Set(lost.map(extname));
  const plausible = (file: string): boolean => formatOf(file, true) !== undefined || ends.has(extname(file));
  const gone = stays === undefined ? [] : [...tree.all()].filter((file) => !stays(file) && plausible(file));
  if (lost.length === 0 || gone.length === 0) return new Map();
  if (tree.partial) {
    // Git compares contents, and must not fetch them one by one.
    for (const file of gone) tree.read(file);
    await tree.load();
  }
  const paths = [...lost, ...gone].flatMap((file) => place.toTree(file) ?? []);
  const found = await renamesOf(git, sha, head, paths.length > MAX_PATHS ? [] : paths, options);
  return new Map([...found].map(([to, from]) => [place.toWorkspace(from), place.toWorkspace(to)]));
}

/** A submodule is no part of the base's store. One that stands where it stood has all its packages as before. */
function withSubmodules(
  side: BaseSide,
  { tree }: Store,
  now: ReadonlyMap<string, string> | undefined,
  head: readonly FileReport[],
): BaseSide {
  const deps = [...side.deps];
  const unread = [...side.unread];
  for (const [folder, commit] of tree.submodules) {
    const inside = head.filter(({ file }) => `${folderOf(file)}/`.startsWith(`${folder}/`));
    if (inside.length === 0) continue;
    if (now?.get(folder) === commit) for (const report of inside) deps.push(...report.deps);
    else unread.push(folder);
  }
  return { deps, unread };
}

/** One file of the base. */
export async function readBase({ tree }: Store, path: string): Promise<Uint8Array | Unreadable> {
  const found = tree.find(path);
  if (typeof found === 'string') return found;
  while (tree.read(found.path) === 'missing' && (await tree.load()));
  return tree.read(found.path);
}
