/** Gemfile.lock: the specs of each source at four spaces, what they ask for at six. */
import type { Dep } from '../types.ts';
import { Parents } from './graph.ts';
import { extractor } from './sheet.ts';

const SOURCES = new Map<string, Dep['source']>([
  ['GEM', 'registry'],
  ['GIT', 'git'],
  ['PATH', 'path'],
  ['PLUGIN SOURCE', 'url'],
]);
// A version has no hyphen; behind one stands the platform it was built for.
const SPEC = /^ {4}([^\s()]{1,200})(?: \(([^\s()-]{1,200})(?:-[^\s()]{1,200})?\))?$/;
const WANT = /^ {6}([^\s()!]{1,200})/;
const DIRECT = /^ {2}([^\s()!]{1,200})/;

interface Spec {
  name: string;
  version: string;
  line: number;
  source: Dep['source'];
}

export const extractGemfileLock = extractor('RubyGems', 'gemfile-lock', (text, sheet) => {
  const specs: Spec[] = [];
  const direct = new Set<string>();
  const parents = new Parents<string>();
  let section = '';
  let current = '';
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line !== '' && !line.startsWith(' ')) {
      section = line;
      if (/^(?:<<<<<<<|=======|>>>>>>>)/.test(line)) sheet.problem('a conflict that nobody solved', index + 1);
      continue;
    }
    const source = SOURCES.get(section);
    if (section === 'DEPENDENCIES') {
      const name = DIRECT.exec(line)?.[1];
      if (name !== undefined) direct.add(name);
    } else if (source !== undefined && /^ {6}\S/.test(line)) {
      const name = WANT.exec(line)?.[1];
      if (name !== undefined) parents.add(name, current);
    } else if (source !== undefined && /^ {4}\S/.test(line)) {
      const [, name, version] = SPEC.exec(line) ?? [];
      current = name ?? '';
      if (name === undefined || version === undefined) sheet.problem('a package without a version', index + 1);
      else specs.push({ name, version, line: index + 1, source });
    }
  }
  for (const { name, version, line, source } of specs)
    sheet.add({ name, version, line, direct: direct.has(name), via: parents.of(name), source });
});
