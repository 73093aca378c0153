/** npm run docs [-- --check]: the tables of inputs, outputs and secrets between the markers of the READMEs. */
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { load } from 'js-yaml';
import { type CodePage, errorsSection } from './errors-page.ts';
import { fillMarkers } from './markers.ts';
import { messagesOf } from './messages.ts';
import { readProgram } from './program.ts';
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

// After the other pages: it lists what they explain.
const messages = messagesOf(readProgram(await sources(['src', 'lab', 'tools'])));
await fill(join(root, 'docs/errors.md'), new Map([['errors', errorsSection(messages, await codePages(), 'docs/')]]));

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

/** Where codes are explained: the page of each action, of the audit, and the suite's own. */
async function codePages(): Promise<CodePage[]> {
  const actions = (await readdir(join(root, 'actions'))).sort();
  const paths: [string, string][] = [
    ...actions.map((name): [string, string] => [name, `actions/${name}/README.md`]),
    ['audit', 'src/audit/README.md'],
    ['lab, release and workflows', 'docs/troubleshooting.md'],
  ];
  return Promise.all(
    paths.map(async ([title, path]) => ({ title, path, text: await readFile(join(root, path), 'utf8') })),
  );
}

/** Sources that print messages; the soak says what it does to itself only. */
async function sources(dirs: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const dir of dirs) {
    const names = (await readdir(join(root, dir), { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
    for (const name of names) {
      const path = join(dir, name).split(sep).join('/');
      if (!path.startsWith('tools/soak/')) texts.set(path, await readFile(join(root, path), 'utf8'));
    }
  }
  return texts;
}
