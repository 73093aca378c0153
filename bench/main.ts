/**
 * npm run bench -- <action>:<name>…: side-by-side measurements. Each prints Markdown and writes JSON and Markdown to .lab/bench;
 * with --save also to bench/<action>/results. Without a name it lists what there is. A broken limit is exit code 1.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, type BenchResult, environment, toMarkdown } from './lib/bench.ts';

const FOLDERS: Readonly<Record<string, string>> = {
  bump: 'bump-helm-tag',
  build: 'build-image',
  scan: 'scan-deps',
  canary: 'verify-canary',
  delivery: 'delivery',
};
const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const save = args.includes('--save');
const names = args.filter((arg) => !arg.startsWith('--'));
const options = args.filter((arg) => arg.startsWith('--') && arg !== '--save');

if (names.length === 0) {
  for (const [short, folder] of Object.entries(FOLDERS))
    for (const file of await readdir(join(import.meta.dirname, folder)).catch(() => []))
      if (file.endsWith('.ts') && !file.startsWith('_')) console.log(`${short}:${file.slice(0, -3)}`);
}
for (const name of names) await measure(name);

async function measure(name: string): Promise<void> {
  const [short = '', bench = ''] = name.split(':');
  const folder = FOLDERS[short];
  if (folder === undefined || !/^[a-z0-9-]+$/.test(bench))
    throw new Error(`no bench "${name}"; call without a name for the list`);
  const module = (await import(`./${folder}/${bench}.ts`)) as { run: Bench };
  const result = await module.run(options);
  const markdown = toMarkdown(name, result);
  console.log(markdown);
  const json = `${JSON.stringify({ name, ...environment(), ...withoutText(result) }, undefined, 2)}\n`;
  const folders = [join(root, '.lab/bench'), ...(save ? [join(import.meta.dirname, folder, 'results')] : [])];
  for (const target of folders) {
    await mkdir(target, { recursive: true });
    await writeFile(join(target, `${bench}.md`), markdown);
    await writeFile(join(target, `${bench}.json`), json);
  }
  if (result.limits.some((l) => l.measured > l.most)) process.exitCode = 1;
}

function withoutText({ columns, rows, facts, limits }: BenchResult): object {
  return { columns, rows, facts, limits };
}
