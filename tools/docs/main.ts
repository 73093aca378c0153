/** npm run docs [-- --check]: the tables of inputs, outputs and secrets between the markers of the READMEs. */
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { load } from 'js-yaml';
import { fillMarkers } from './markers.ts';
import { actionTables, type Manifest, permissionBlock, type Workflow, workflowTables } from './tables.ts';

const root = join(import.meta.dirname, '../..');
const check = process.argv.includes('--check');
const drift: string[] = [];

for (const name of (await readdir(join(root, 'actions'))).sort()) {
  const folder = join(root, 'actions', name);
  const manifest = load(await readFile(join(folder, 'action.yml'), 'utf8')) as Manifest;
  await fill(join(folder, 'README.md'), actionTables(manifest));
}

const tables = new Map<string, string>();
for (const file of (await readdir(join(root, 'workflows'))).filter((f) => f.endsWith('.yml')).sort()) {
  const workflow = load(await readFile(join(root, 'workflows', file), 'utf8')) as Workflow;
  for (const [kind, table] of workflowTables(workflow)) tables.set(`${file}:${kind}`, table);
  tables.set(`${file}:permissions`, permissionBlock(await readFile(join(root, 'workflows', file), 'utf8')));
}
for (const page of ['README.md', 'workflows/README.md']) await fill(join(root, page), tables);

if (drift.length > 0) {
  console.error(`Generated tables are out of date: ${drift.join(', ')}. Run "npm run docs" and commit the result.`);
  process.exitCode = 1;
}

async function fill(path: string, sections: ReadonlyMap<string, string>): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  const before = await readFile(path, 'utf8');
  const after = fillMarkers(before, sections, relative(root, path));
  if (after === before) return;
  if (check) drift.push(relative(root, path));
  else await writeFile(path, after);
}
