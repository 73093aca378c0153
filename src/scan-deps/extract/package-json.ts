/** package.json without a lock: the ranges it asks for. Peer dependencies are somebody else's to install. */
import { parseJson } from './json-lines.ts';
import { parseNpmSpec } from './npm-spec.ts';
import { extractor } from './sheet.ts';
import { asTable, entriesOf, own } from './values.ts';

const SECTIONS = [
  ['dependencies', 'runtime'],
  ['optionalDependencies', 'runtime'],
  ['devDependencies', 'dev'],
] as const;
const KEEP = { names: new Set<string>(), below: new Set<string>(SECTIONS.map(([name]) => name)) };

export const extractPackageJson = extractor('npm', 'package-json', (text, sheet) => {
  const { value, lineOf } = parseJson(text, sheet.ctx, KEEP);
  for (const [section, scope] of SECTIONS) {
    const table = own(value, section);
    if (table !== undefined && asTable(table) === undefined) sheet.problem(`${section} is no object`, 1);
    for (const [name, spec] of entriesOf(table)) {
      const line = lineOf([section, name]);
      const parsed = typeof spec === 'string' ? parseNpmSpec(name, spec) : undefined;
      if (parsed === undefined) sheet.problem('a dependency that is no range, tag, alias or address', line);
      else sheet.add({ ...parsed, line, scope, direct: true });
    }
  }
});
