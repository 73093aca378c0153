/**
 * npm run render [-- --check] [--target github|ghes|act --out DIR --repository owner/name --ref REF]
 * Without a target: workflows/*.yml -> .github/workflows/. --check fails on drift instead of writing.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { render, TARGETS, type Target } from './render.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    target: { type: 'string', default: 'github' },
    out: { type: 'string', default: join(root, '.github/workflows') },
    repository: { type: 'string', default: 'org/actions' },
    ref: { type: 'string', default: 'v1' },
  },
});
if (!TARGETS.includes(values.target as Target))
  throw new Error(`--target ${values.target} is not one of ${TARGETS.join(', ')}`);

const drift: string[] = [];
await mkdir(values.out, { recursive: true });
for (const file of (await readdir(join(root, 'workflows'))).filter((name) => name.endsWith('.yml')).sort()) {
  const text = render(await readFile(join(root, 'workflows', file), 'utf8'), values.target as Target, values);
  const path = join(values.out, file);
  if (!values.check) await writeFile(path, text);
  else if ((await readFile(path, 'utf8').catch(() => undefined)) !== text) drift.push(file);
}
if (drift.length > 0) {
  console.error(
    `.github/workflows/ does not match workflows/: ${drift.join(', ')}. Run "npm run render" and commit the result.`,
  );
  process.exitCode = 1;
}
