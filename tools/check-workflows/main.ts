/** npm run check:workflows: rules W01..W18 over sources, renderings, examples, the YAML inside Markdown, and what stands beside them. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { render, TARGETS } from '../render/render.ts';
import { checkBundle, checkLoad } from './bundle.ts';
import { checkDependabot } from './dependabot.ts';
import { type Problem, readWorkflow, type WorkflowFile } from './model.ts';
import type { Pins } from './rule.ts';
import { sharedGroups } from './rules/concurrency.ts';
import { checkDockerfile, checkNpmLock, checkRequirements } from './rules/downloads.ts';
import { checkWorkflow, RULE_NAMES } from './rules.ts';
import { checkSource } from './sources.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): Promise<string> => readFile(path, 'utf8');
const pins = JSON.parse(await read(join(root, 'workflows/pins.json'))) as Pins;
const problems: Problem[] = [];

const sources: WorkflowFile[] = [];
const names = (await readdir(join(root, 'workflows'))).filter((n) => n.endsWith('.yml')).sort();
for (const name of names) {
  const text = await read(join(root, 'workflows', name));
  sources.push(readWorkflow(`workflows/${name}`, text));
  for (const target of TARGETS) {
    // A full commit as the version: an organisation that forces them must be able to run this.
    const rendered = readWorkflow(
      `workflows/${name} (${target})`,
      render(text, target, { repository: 'org/actions', ref: '0'.repeat(40) }),
    );
    // queue is known to github.com alone, so W08 is judged there; act names its local copies @local.
    const left = target === 'github' ? [] : target === 'ghes' ? ['W08'] : ['W08', 'W17'];
    problems.push(...checkWorkflow(rendered, pins, without(left)));
  }
}

// Workflows of this repository alone; those that are called are rendered from the sources above.
const own = (await readdir(join(root, '.github/workflows'))).filter((name) => !names.includes(name)).sort();
for (const name of own) {
  const file = readWorkflow(`.github/workflows/${name}`, await read(join(root, '.github/workflows', name)));
  sources.push(file);
  problems.push(...checkWorkflow(file, pins));
}
problems.push(...sharedGroups(sources));

// A caller writes org/actions/…@v1 and grants what the README's table explains, so that the rules about reasons, timeouts and
// deliveries are left to the sources.
const CALLER_RULES = without(['W02', 'W08', 'W17', 'timeout']);
const examples = await find(join(root, 'examples'), /\.github\/workflows\/.*\.ya?ml$/);
for (const path of examples) {
  problems.push(...checkWorkflow(readWorkflow(relative(root, path), await read(path)), pins, CALLER_RULES));
}
let snippets = 0;
for (const path of await find(root, /\.md$/)) {
  for (const block of (await read(path)).matchAll(/```ya?ml\n([\s\S]*?)```/g)) {
    const text = block[1] ?? '';
    if (!/^jobs:/m.test(text)) continue;
    snippets += 1;
    const file = readWorkflow(relative(root, path), text.replace(/@<sha>/g, `@${'0'.repeat(40)}`));
    // A snippet shows one thing: its pins are placeholders, and it is no release of ours.
    problems.push(...checkWorkflow(file, pins, without(['W01', 'W02', 'W08', 'W17', 'W18', 'timeout'])));
  }
}

// ajv turns the chart's values.schema.json into code: names and texts of the schema get there as escaped literals only.
const EVALUATES: Readonly<Record<string, readonly string[]>> = { 'bump-helm-tag': ['new Function('] };
// Reproducible is what npm run build -- --check proves; the rest of W09 is read and tried here.
for (const name of await readdir(join(root, 'dist'))) {
  problems.push(...checkBundle(`dist/${name}`, join(root, 'dist', name), EVALUATES[name]));
  problems.push(...(await checkLoad(`dist/${name}`, join(root, 'dist', name))));
}
for (const dir of ['src', 'lab', 'tools']) {
  for (const path of await find(join(root, dir), /\.(ts|mjs)$/)) {
    const found = checkSource(relative(root, path), await read(path));
    // The lab's runner and this tool name the files of the runner because that is what they are about.
    problems.push(...(dir === 'src' ? found : found.filter((problem) => problem.rule !== 'W16')));
  }
}
problems.push(...checkNpmLock('package-lock.json', await read(join(root, 'package-lock.json'))));
for (const path of await find(join(root, 'examples'), /(Dockerfile|requirements[\w-]*\.txt)$/)) {
  const check = basename(path) === 'Dockerfile' ? checkDockerfile : checkRequirements;
  problems.push(...check(relative(root, path), await read(path)));
}
for (const path of [
  join(root, '.github/dependabot.yml'),
  ...(await find(join(root, 'examples'), /dependabot\.yml$/)),
]) {
  const name = relative(root, path);
  const here = path.startsWith(join(root, '.github'));
  if (existsSync(path))
    problems.push(...checkDependabot(name, await read(path), here ? undefined : ['github-actions']));
  else problems.push({ rule: 'W15', file: name, line: 1, message: 'is missing' });
}

for (const p of problems) console.error(`${p.file}:${p.line}: ${p.rule} ${p.message}`);
console.log(
  `${names.length} workflows in ${TARGETS.length} renderings, ${own.length} of our own, ${examples.length} examples, ${snippets} snippets: ${problems.length} problems`,
);
if (problems.length > 0) process.exitCode = 1;

function without(names: readonly string[]): string[] {
  return RULE_NAMES.filter((rule) => !names.includes(rule));
}

async function find(dir: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (!/^(node_modules|\.git|\.lab|build|dist)$/.test(entry.name)) found.push(...(await find(path, pattern)));
    } else if (pattern.test(path)) found.push(path);
  }
  return found.sort();
}
