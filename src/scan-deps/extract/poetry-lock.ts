/** poetry.lock, lock versions 1 and 2. */
import { normaliseName } from '../osv/names.ts';
import type { Dep, Scope } from '../types.ts';
import { Parents } from './graph.ts';
import { extractor, majorOf, Refusal } from './sheet.ts';
import { elementsOf, parseToml } from './toml.ts';
import { asList, asTable, asText, entriesOf, type Table } from './values.ts';

const SOURCES: Readonly<Record<string, Dep['source']>> = { git: 'git', url: 'url', directory: 'path', file: 'path' };

export const extractPoetryLock = extractor('PyPI', 'poetry-lock', (text, sheet) => {
  const doc = parseToml(text, sheet.ctx);
  const metadata = asTable(doc.metadata);
  // Poetry 1.0 wrote no version of the lock, only the hash of what it locked.
  const version = metadata?.['lock-version'] ?? (asText(metadata?.['content-hash']) === undefined ? undefined : '1.0');
  const major = majorOf(version);
  if (major !== 1 && major !== 2) throw new Refusal('its lock-version is none of 1 and 2', 1);
  const elements = elementsOf(text, doc, 'package');
  const parents = new Parents<string>();
  for (const { entry, name } of elements)
    for (const [wanted] of entriesOf(entry.dependencies)) parents.add(normaliseName('PyPI', wanted), name);
  for (const { entry, name, version, line } of elements) {
    if (version === undefined) {
      sheet.problem('a package without a version', line);
      continue;
    }
    const via = parents.of(normaliseName('PyPI', name));
    const source = SOURCES[asText(asTable(entry.source)?.type) ?? ''] ?? 'registry';
    sheet.add({ name, version, line, scope: scopeOf(entry), direct: via.size === 0, via, source });
  }
});

function scopeOf({ category, groups }: Table): Scope {
  if (Array.isArray(groups)) return asList(groups).includes('main') || groups.length === 0 ? 'runtime' : 'dev';
  if (typeof category === 'string') return category === 'dev' ? 'dev' : 'runtime';
  // Poetry 1.5 to 2.0 say nothing.
  return 'unknown';
}
