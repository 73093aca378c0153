/** Entries of either yarn.lock as packages: edges by pattern, scope and directness by the package.json files beside it. */
import { posix } from 'node:path';
import picomatch from 'picomatch';
import type { Dep } from '../types.ts';
import { Parents, reach } from './graph.ts';
import { splitAt } from './npm-spec.ts';
import type { Sheet } from './sheet.ts';
import { asList, asTable, asText, entriesOf, type Table } from './values.ts';

export interface YarnEntry {
  name: string;
  /** `name@range`, as requirements of others write it. */
  patterns: string[];
  version?: string;
  resolved?: string;
  line: number | undefined;
  source: Dep['source'];
  /** Name and range of what it asks for. */
  wants: [string, string][];
}

/** An entry, or the name of all entries that may be meant. */
type Node = YarnEntry | string;

/** @param folders of workspaces, where the lock names them; otherwise the globs of package.json do */
export function lockGraph(entries: readonly YarnEntry[], sheet: Sheet, folders?: readonly string[]): void {
  const byPattern = new Map<string, YarnEntry>();
  const byName = new Map<string, Set<YarnEntry>>();
  for (const entry of entries) {
    for (const pattern of entry.patterns) {
      byPattern.set(pattern, entry);
      const { name } = splitAt(pattern);
      const same = byName.get(name);
      if (same === undefined) byName.set(name, new Set([entry]));
      else same.add(entry);
    }
  }
  // A resolution of package.json replaces the range that others wrote: then the name decides.
  const find = ([name, range]: readonly [string, string]): Node =>
    byPattern.get(`${name}@${range}`) ?? byPattern.get(`${name}@npm:${range}`) ?? name;
  const next = (node: Node): Iterable<Node> => {
    if (typeof node === 'string') return byName.get(node) ?? [];
    // What a workspace asks for stands in its own package.json, by section.
    return node.source === 'workspace' ? [] : node.wants.map(find);
  };
  const projects = readProjects(sheet, folders);
  const roots = (sections: readonly string[]): Node[] =>
    projects.manifests.flatMap((m) => sections.flatMap((name) => entriesOf(m[name]).map((pair) => find(pairOf(pair)))));
  const [runtime, dev] = [roots(['dependencies', 'optionalDependencies']), roots(['devDependencies'])];
  const [inRuntime, inDev, direct] = [reach(runtime, next), reach(dev, next), new Set([...runtime, ...dev])];
  const parents = new Parents<Node>();
  for (const entry of entries) for (const child of next(entry)) parents.add(child, entry.name);
  for (const entry of entries) {
    if (entry.source === 'workspace') continue;
    if (entry.version === undefined) {
      sheet.problem('a package without a version', entry.line);
      continue;
    }
    const nodes: Node[] = [entry, ...new Set(entry.patterns.map((pattern) => splitAt(pattern).name))];
    const onlyDev = inDev.has(entry) && !inRuntime.has(entry);
    sheet.add({
      name: entry.name,
      version: entry.version,
      line: entry.line,
      // A workspace that nobody could find may ask for it too.
      scope: projects.complete ? (onlyDev ? 'dev' : 'runtime') : 'unknown',
      direct: nodes.some((node) => direct.has(node)),
      via: nodes.flatMap((node) => [...parents.of(node)]),
      source: entry.source,
    });
  }
  sheet.members.push(...projects.folders);
}

const pairOf = ([name, range]: [string, unknown]): [string, string] => [name, asText(range) ?? ''];

interface Projects {
  manifests: Table[];
  folders: string[];
  /** False when a manifest that may exist could not be read. */
  complete: boolean;
}

function readProjects({ file, ctx }: Sheet, known?: readonly string[]): Projects {
  const folder = posix.dirname(file);
  const root = readManifest(folder, ctx);
  if (root === undefined)
    return { manifests: [], folders: known?.map((f) => posix.join(folder, f)) ?? [], complete: false };
  const spec = root.workspaces;
  const globs = asList(asTable(spec)?.packages ?? spec).filter((glob) => typeof glob === 'string');
  const folders = known?.map((f) => posix.join(folder, f)) ?? matching(folder, globs, ctx.files ?? []);
  const members = folders.map((f) => readManifest(f, ctx));
  const complete =
    !members.includes(undefined) && (known !== undefined || globs.length === 0 || ctx.files !== undefined);
  return { manifests: [root, ...members.filter((m) => m !== undefined)], folders, complete };
}

function matching(folder: string, globs: readonly string[], files: readonly string[]): string[] {
  if (globs.length === 0) return [];
  const prefix = folder === '.' ? '' : `${folder}/`;
  const clean = globs.map((glob) => glob.replace(/^\.\//, '').replace(/\/+$/, ''));
  const negative = clean.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1));
  const positive = clean.filter((glob) => !glob.startsWith('!'));
  const isMember = picomatch(positive, { ignore: negative });
  return files
    .filter((path) => path.endsWith('/package.json') && path.startsWith(prefix))
    .map((path) => path.slice(0, -'/package.json'.length))
    .filter((path) => path.length > prefix.length && isMember(path.slice(prefix.length)));
}

function readManifest(folder: string, ctx: Sheet['ctx']): Table | undefined {
  const bytes = ctx.read(posix.join(folder, 'package.json'));
  if (typeof bytes === 'string') return undefined;
  try {
    return asTable(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
