/** Cargo.lock, versions 1 to 4. A package without a source is of this very tree. */
import type { Dep } from '../types.ts';
import { Parents } from './graph.ts';
import { extractor, majorOf, Refusal } from './sheet.ts';
import { elementsOf, parseToml } from './toml.ts';
import { asList, asText, type Table } from './values.ts';

export const extractCargoLock = extractor('crates.io', 'cargo-lock', (text, sheet) => {
  const doc = parseToml(text, sheet.ctx);
  // Versions 1 and 2 do not say so.
  const version = doc.version === undefined ? 1 : majorOf(doc.version);
  if (version === undefined || version < 1 || version > 4) throw new Refusal('its version is none of 1 to 4', 1);
  const elements = elementsOf(text, doc, 'package');
  const isOwn = (entry: Table): boolean => asText(entry.source) === undefined;
  const direct = new Set<string>();
  const parents = new Parents<string>();
  for (const { entry, name } of elements) {
    for (const wanted of asList(entry.dependencies)) {
      const id = idOf(wanted);
      if (isOwn(entry)) direct.add(id);
      else parents.add(id, name);
    }
  }
  for (const { entry, name, version, line } of elements) {
    if (isOwn(entry)) {
      sheet.memberNames.push(name);
      continue;
    }
    if (version === undefined) {
      sheet.problem('a package without a version', line);
      continue;
    }
    // A version stands in a requirement only where the lock holds several.
    const ids = [name, `${name} ${version}`];
    sheet.add({
      name,
      version,
      line,
      direct: ids.some((id) => direct.has(id)),
      via: ids.flatMap((id) => [...parents.of(id)]),
      source: sourceOf(asText(entry.source) ?? ''),
    });
  }
});

// `name`, `name 1.0.0`, `name 1.0.0 (registry+https://…)`.
function idOf(wanted: unknown): string {
  return typeof wanted === 'string' ? wanted.split(' ', 2).join(' ') : '';
}

function sourceOf(source: string): Dep['source'] {
  return source.startsWith('git+') ? 'git' : source.startsWith('path+') ? 'path' : 'registry';
}
