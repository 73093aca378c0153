/** packages.lock.json of NuGet, versions 1 and 2: a table of packages for each target framework. */
import { normaliseName } from '../osv/names.ts';
import { Parents } from './graph.ts';
import { parseJson } from './json-lines.ts';
import { extractor, Refusal } from './sheet.ts';
import { asTable, asText, entriesOf } from './values.ts';

const KEEP = { names: new Set(['resolved', 'version', 'type']), below: new Set<string>() };

export const extractNugetLock = extractor('NuGet', 'nuget-lock', (text, sheet) => {
  const { value, lineOf } = parseJson(text, sheet.ctx, KEEP);
  if (value.version !== 1 && value.version !== 2)
    throw new Refusal('its version is none of 1 and 2', lineOf(['version']) ?? 1);
  const frameworks = asTable(value.dependencies);
  if (frameworks === undefined) throw new Refusal('it has no table of dependencies', 1);
  const seen = new Set<string>();
  for (const [framework, table] of Object.entries(frameworks)) {
    const parents = new Parents<string>();
    for (const [name, one] of entriesOf(table)) {
      // What a project of the solution asks for stands there too, and has no way in but that project.
      for (const [wanted] of entriesOf(asTable(one)?.dependencies)) parents.add(normaliseName('NuGet', wanted), name);
    }
    for (const [name, one] of entriesOf(table)) {
      const entry = asTable(one) ?? {};
      if (entry.type === 'Project') continue;
      const path = ['dependencies', framework, name];
      const line = lineOf([...path, 'resolved']);
      const version = asText(entry.resolved);
      const id = `${normaliseName('NuGet', name)} ${version?.toLowerCase()}`;
      if (version === undefined) sheet.problem('a package without a resolved version', lineOf([...path, 'type']));
      else if (!seen.has(id)) {
        seen.add(id);
        const via = parents.of(normaliseName('NuGet', name));
        sheet.add({ name, version, line, direct: entry.type === 'Direct', via });
      }
    }
  }
});
