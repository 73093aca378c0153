/** pylock.toml (PEP 751), lock version 1. */
import { normaliseName } from '../osv/names.ts';
import type { Dep } from '../types.ts';
import { Parents } from './graph.ts';
import { extractor, majorOf, Refusal } from './sheet.ts';
import { elementsOf, parseToml } from './toml.ts';
import { asList, asTable, asText } from './values.ts';

const SOURCES: readonly [string, Dep['source']][] = [
  ['vcs', 'git'],
  ['directory', 'path'],
  ['archive', 'url'],
];

export const extractPylock = extractor('PyPI', 'pylock', (text, sheet) => {
  const doc = parseToml(text, sheet.ctx);
  if (majorOf(doc['lock-version']) !== 1) throw new Refusal('its lock-version is not 1', 1);
  const elements = elementsOf(text, doc, 'packages');
  const parents = new Parents<string>();
  let edges = false;
  for (const { entry, name } of elements) {
    for (const wanted of asList(entry.dependencies)) {
      const child = asText(asTable(wanted)?.name);
      if (child === undefined) continue;
      edges = true;
      parents.add(normaliseName('PyPI', child), name);
    }
  }
  for (const { entry, name, version, line } of elements) {
    const source = SOURCES.find(([key]) => asTable(entry[key]) !== undefined)?.[1] ?? 'registry';
    if (version === undefined && source === 'registry') {
      sheet.problem('a package without a version', line);
      continue;
    }
    const via = parents.of(normaliseName('PyPI', name));
    // Edges are optional: without any, nobody knows who asks for whom.
    sheet.add({ name, version, line, direct: edges && via.size === 0, via, source });
  }
});
