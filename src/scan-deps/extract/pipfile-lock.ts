/** Pipfile.lock, specification up to 6: `default`, `develop`, and the categories that a Pipfile may name. */
import type { Dep, Scope } from '../types.ts';
import { parseJson } from './json-lines.ts';
import { extractor, Refusal } from './sheet.ts';
import { asTable, asText, entriesOf, own, type Table } from './values.ts';

const META = '_meta';
const KEEP = { names: new Set(['version', 'pipfile-spec', 'git', 'path', 'file', 'ref']), below: new Set<string>() };

export const extractPipfileLock = extractor('PyPI', 'pipfile-lock', (text, sheet) => {
  const { value, lineOf } = parseJson(text, sheet.ctx, KEEP);
  const spec = asTable(value[META])?.['pipfile-spec'];
  if (typeof spec !== 'number' || spec < 1 || spec > 6)
    throw new Refusal('its pipfile-spec is none of 1 to 6', lineOf([META, 'pipfile-spec']) ?? 1);
  const runtime = asTable(own(value, 'default'));
  for (const [category, table] of Object.entries(value)) {
    if (category === META) continue;
    for (const [name, entry] of entriesOf(table)) {
      const fields = asTable(entry) ?? {};
      // Installed in production anyway, and said there.
      const there = category === 'develop' ? asTable(own(runtime, name)) : undefined;
      if (there !== undefined && there.version === fields.version) continue;
      const line = LINES.map((key) => lineOf([category, name, key])).find((found) => found !== undefined);
      const source = sourceOf(fields);
      const version = asText(fields.version)?.replace(/^===?\s*/, '');
      if (version === undefined && source === 'registry') sheet.problem('a package without a version', line);
      else sheet.add({ name, version, line, scope: SCOPES.get(category) ?? 'unknown', source });
    }
  }
});

const LINES = ['version', 'git', 'file', 'path', 'ref'];
const SCOPES = new Map<string, Scope>([
  ['default', 'runtime'],
  ['develop', 'dev'],
]);

function sourceOf(fields: Table): Dep['source'] {
  if (['git', 'hg', 'svn', 'bzr'].some((key) => Object.hasOwn(fields, key))) return 'git';
  if (asText(fields.path) !== undefined || asText(fields.file)?.includes('://') === false) return 'path';
  return asText(fields.file) === undefined ? 'registry' : 'url';
}
