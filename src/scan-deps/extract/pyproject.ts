/** pyproject.toml without a lock: PEP 621 dependencies and extras, PEP 735 groups, and the groups of uv and pdm before it. */
import { normaliseName } from '../osv/names.ts';
import type { Scope } from '../types.ts';
import { parseRequirement, pinOf, rangeText } from './requirement.ts';
import { extractor, type Sheet } from './sheet.ts';
import { parseToml } from './toml.ts';
import { stringLines } from './toml-strings.ts';
import { asList, asTable, asText, entriesOf, type Table } from './values.ts';

interface List {
  path: string[];
  items: unknown;
  scope: Scope;
}

export const extractPyproject = extractor('PyPI', 'pyproject', (text, sheet) => {
  const doc = parseToml(text, sheet.ctx);
  const project = asTable(doc.project);
  const tool = asTable(doc.tool);
  const lineOf = stringLines(text);
  const own = normaliseName('PyPI', asText(project?.name) ?? '');
  for (const { path, items, scope } of listsOf(doc, project, tool)) {
    if (items !== undefined && !Array.isArray(items)) sheet.problem(`${path[0]}: a list of requirements is no list`, 1);
    for (const item of asList(items)) {
      // `{include-group = "x"}`: that group is read where it stands.
      if (asText(asTable(item)?.['include-group']) !== undefined) continue;
      const line = typeof item === 'string' ? lineOf(path, item) : undefined;
      if (typeof item === 'string') addRequirement(item, line, scope, own, sheet);
      else sheet.problem('a requirement that is no text', line);
    }
  }
  sheet.unread = unreadOf(project, tool);
});

function listsOf(doc: Table, project: Table | undefined, tool: Table | undefined): List[] {
  const named = (path: string[], table: unknown, scope: Scope): List[] =>
    entriesOf(table).map(([name, items]) => ({ path: [...path, name], items, scope }));
  const uv = asTable(tool?.uv)?.['dev-dependencies'];
  return [
    { path: ['project', 'dependencies'], items: project?.dependencies, scope: 'runtime' },
    ...named(['project', 'optional-dependencies'], project?.['optional-dependencies'], 'runtime'),
    ...named(['dependency-groups'], doc['dependency-groups'], 'dev'),
    { path: ['tool', 'uv', 'dev-dependencies'], items: uv, scope: 'dev' },
    ...named(['tool', 'pdm', 'dev-dependencies'], asTable(tool?.pdm)?.['dev-dependencies'], 'dev'),
  ];
}

function addRequirement(item: string, line: number | undefined, scope: Scope, own: string, sheet: Sheet): void {
  const editable = item.startsWith('-e ');
  const parsed = parseRequirement(editable ? item.slice(3) : item);
  if (parsed === undefined) {
    sheet.problem('a requirement that is not one of PEP 508', line);
    return;
  }
  // An extra may name other extras of the project itself.
  if (own !== '' && normaliseName('PyPI', parsed.name) === own) return;
  const { name, clauses, source } = parsed;
  if (editable || source !== 'registry')
    sheet.add({ name, line, scope, direct: true, source: editable ? 'path' : source });
  else {
    const version = pinOf(clauses);
    sheet.add({
      name,
      version,
      range: version === undefined ? rangeText(clauses) : undefined,
      line,
      scope,
      direct: true,
    });
  }
}

/** What else declares packages, in a language of its own or only when the project is built. */
function unreadOf(project: Table | undefined, tool: Table | undefined): string | undefined {
  const poetry = asTable(tool?.poetry);
  const groups = entriesOf(poetry?.group).map(([, group]) => asTable(group)?.dependencies);
  const tables = [poetry?.dependencies, poetry?.['dev-dependencies'], ...groups];
  if (tables.some((table) => entriesOf(table).some(([name]) => name !== 'python'))) return 'the dependencies of poetry';
  const dynamic = asList(project?.dynamic);
  const made = ['dependencies', 'optional-dependencies'].some((name) => dynamic.includes(name));
  return made ? 'dependencies that are made when the project is built' : undefined;
}
