/** Folders that act takes for repositories: nothing is fetched from a forge that the lab does not have. */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { render } from '../../tools/render/render.ts';
import type { Standins } from '../runner/index.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** By `owner/name@ref`. */
export type Trees = Readonly<Record<string, string>>;

/**
 * The suite, with its workflows as rendered for act. Small on purpose: act copies the whole folder for each step.
 * @param o.name `owner/name` that callers use
 * @param o.refs refs that callers use
 */
export async function suiteTree(o: { folder: string; name: string; refs: readonly string[] }): Promise<Trees> {
  await mkdir(join(o.folder, '.github/workflows'), { recursive: true });
  await cp(join(ROOT, 'dist'), join(o.folder, 'dist'), { recursive: true });
  await cp(join(ROOT, 'actions'), join(o.folder, 'actions'), { recursive: true });
  for (const file of (await readdir(join(ROOT, 'workflows'))).filter((name) => name.endsWith('.yml'))) {
    const source = await readFile(join(ROOT, 'workflows', file), 'utf8');
    const text = render(source, 'act', { repository: o.name, ref: 'local' });
    await writeFile(join(o.folder, '.github/workflows', file), text);
  }
  return Object.fromEntries([...o.refs, 'local'].map((ref) => [`${o.name}@${ref}`, o.folder]));
}

/** A folder for each pinned third-party action that has a stand-in, with what the stand-ins share beside it. */
export async function standinTrees(folder: string, standins: Standins): Promise<Trees> {
  const trees: Record<string, string> = {};
  for (const [action, pin] of Object.entries(standins.pins)) {
    const source = standins.folder(action);
    if (source === undefined) continue;
    const [owner = '', name = '', ...path] = action.split('/');
    const tree = join(folder, `${owner}-${name}`);
    const own = path.length > 0 ? path.join('/') : basename(source);
    await cp(source, join(tree, own), { recursive: true });
    await cp(join(source, '../kit'), join(tree, 'kit'), { recursive: true });
    if (path.length === 0) await writeFile(join(tree, 'action.yml'), await moved(join(source, 'action.yml'), own));
    trees[`${owner}/${name}@${pin.commit}`] = tree;
  }
  return trees;
}

/** The action.yml of a folder, for use in the folder above it. */
async function moved(file: string, folder: string): Promise<string> {
  const document = parseDocument(await readFile(file, 'utf8'));
  for (const key of ['pre', 'main', 'post']) {
    const program = document.getIn(['runs', key]);
    if (typeof program === 'string') document.setIn(['runs', key], `${folder}/${program}`);
  }
  return document.toString({ lineWidth: 0 });
}
