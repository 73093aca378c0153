/**
 * npm run pins [-- --releases FILE]: every third-party action is in workflows/pins.json, and nothing else is.
 * --releases reads a JSON list of {action, version, commit, date} and prints which pins could move.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readWorkflow } from '../check-workflows/model.ts';
import type { Pins } from '../check-workflows/rule.ts';
import { type ActionRelease, checkPins, proposeUpdates } from './pins.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { releases: { type: 'string' } } });
const pins = JSON.parse(await readFile(join(root, 'workflows/pins.json'), 'utf8')) as Pins;

const files = [];
for (const dir of ['workflows', '.github/workflows']) {
  for (const name of (await readdir(join(root, dir))).filter((entry) => entry.endsWith('.yml')).sort())
    files.push(readWorkflow(`${dir}/${name}`, await readFile(join(root, dir, name), 'utf8')));
}
const problems = checkPins(files, pins);
for (const p of problems) console.error(`${p.file}:${p.line}: ${p.rule} ${p.message}`);
console.log(`${Object.keys(pins).length} pins in ${files.length} workflows: ${problems.length} problems`);
if (problems.length > 0) process.exitCode = 1;

if (values.releases !== undefined) {
  const releases = JSON.parse(await readFile(values.releases, 'utf8')) as ActionRelease[];
  for (const p of proposeUpdates(pins, releases, Date.now()))
    console.log(`${p.action}: ${p.from} -> ${p.to} ${p.commit}${p.major ? ' (new major: read its notes)' : ''}`);
}
