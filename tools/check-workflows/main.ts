/** npm run check:workflows: rules W01..W08 over sources, renderings, examples and the YAML inside Markdown. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { render, TARGETS } from '../render/render.ts';
import { type Problem, readWorkflow, type WorkflowFile } from './model.ts';
import { checkWorkflow, type Pins, sharedGroups } from './rules.ts';

const root = join(import.meta.dirname, '../..');
const pins = JSON.parse(await readFile(join(root, 'workflows/pins.json'), 'utf8')) as Pins;
const problems: Problem[] = [];

const sources: WorkflowFile[] = [];
for (const name of (await readdir(join(root, 'workflows'))).filter((n) => n.endsWith('.yml')).sort()) {
  const text = await readFile(join(root, 'workflows', name), 'utf8');
  sources.push(readWorkflow(`workflows/${name}`, text));
  for (const target of TARGETS) {
    const rendered = readWorkflow(
      `workflows/${name} (${target})`,
      render(text, target, { repository: 'org/actions', ref: 'v1' }),
    );
    // queue is known to github.com alone, so W08 is judged there.
    const rules = target === 'github' ? undefined : ['W01', 'W02', 'W03', 'W04', 'W05', 'W06', 'W07', 'timeout'];
    problems.push(...checkWorkflow(rendered, pins, rules));
  }
}
problems.push(...sharedGroups(sources));

// A caller writes org/actions/…@v1 and grants what the README's table explains, so that the rules about reasons, timeouts and
// deliveries are left to the sources.
const CALLER_RULES = ['W01', 'W03', 'W04', 'W05', 'W06'];
const examples = await find(join(root, 'examples'), /\.github\/workflows\/.*\.ya?ml$/);
for (const path of examples) {
  const file = readWorkflow(relative(root, path), await readFile(path, 'utf8'));
  problems.push(...checkWorkflow(file, pins, CALLER_RULES));
}
let snippets = 0;
for (const path of await find(root, /\.md$/)) {
  const page = await readFile(path, 'utf8');
  for (const block of page.matchAll(/```ya?ml\n([\s\S]*?)```/g)) {
    const text = block[1] ?? '';
    if (!/^jobs:/m.test(text)) continue;
    snippets += 1;
    const file = readWorkflow(
      relative(root, path),
      text.replace(/@<sha>/g, '@0000000000000000000000000000000000000000'),
    );
    problems.push(...checkWorkflow(file, pins, ['W03', 'W04', 'W05', 'W06']));
  }
}

for (const p of problems) console.error(`${p.file}:${p.line}: ${p.rule} ${p.message}`);
console.log(
  `${sources.length} workflows in ${TARGETS.length} renderings, ${examples.length} examples, ${snippets} snippets: ${problems.length} problems`,
);
if (problems.length > 0) process.exitCode = 1;

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
