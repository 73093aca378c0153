/** composer.lock: `packages` and `packages-dev`. The platform (`php`, `ext-…`) is no package. */
import type { Dep } from '../types.ts';
import { Parents } from './graph.ts';
import { parseJson } from './json-lines.ts';
import { extractor, Refusal } from './sheet.ts';
import { asList, asTable, asText, entriesOf, type Table } from './values.ts';

const SECTIONS = [
  ['packages', 'runtime'],
  ['packages-dev', 'dev'],
] as const;
const KEEP = { names: new Set(['version', 'name']), below: new Set<string>() };

export const extractComposerLock = extractor('Packagist', 'composer-lock', (text, sheet) => {
  const { value, lineOf } = parseJson(text, sheet.ctx, KEEP);
  if (!Array.isArray(value.packages)) throw new Refusal('it has no list of packages', 1);
  const parents = new Parents<string>();
  for (const [section] of SECTIONS) {
    for (const one of asList(value[section])) {
      const entry = asTable(one);
      for (const [wanted] of entriesOf(entry?.require)) parents.add(wanted.toLowerCase(), asText(entry?.name) ?? '');
    }
  }
  for (const [section, scope] of SECTIONS) {
    for (const [index, one] of asList(value[section]).entries()) {
      const entry = asTable(one) ?? {};
      const [name, version] = [asText(entry.name), asText(entry.version)];
      const line = lineOf([section, index, 'version']) ?? lineOf([section, index, 'name']);
      if (name === undefined || version === undefined) {
        sheet.problem('a package without name and version', line);
        continue;
      }
      const via = parents.of(name.toLowerCase());
      sheet.add({ name, version, line, scope, direct: via.size === 0, via, source: sourceOf(entry) });
    }
  }
});

function sourceOf(entry: Table): Dep['source'] {
  return asText(asTable(entry.dist)?.type) === 'path' ? 'path' : 'registry';
}
