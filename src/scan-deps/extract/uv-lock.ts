/** uv.lock, version 1. Members of the workspace are packages too; what they ask for is direct. */
import { posix } from 'node:path';
import { normaliseName } from '../osv/names.ts';
import type { Dep } from '../types.ts';
import { Parents, reach } from './graph.ts';
import { extractor, majorOf, Refusal } from './sheet.ts';
import { type Element, elementsOf, parseToml } from './toml.ts';
import { asList, asTable, asText, entriesOf, type Table } from './values.ts';

const SOURCES: readonly [string, Dep['source']][] = [
  ['editable', 'workspace'],
  ['virtual', 'workspace'],
  ['directory', 'path'],
  ['path', 'path'],
  ['git', 'git'],
  ['url', 'url'],
];

/** A package, or the name of all packages that may be meant. */
type Node = Element | string;

export const extractUvLock = extractor('PyPI', 'uv-lock', (text, sheet) => {
  const doc = parseToml(text, sheet.ctx);
  if (majorOf(doc.version) !== 1) throw new Refusal('its version is not 1', 1);
  const elements = elementsOf(text, doc, 'package');
  const sources = new Map(elements.map((one) => [one, sourceOf(one.entry)]));
  const isMember = (one: Element): boolean => sources.get(one) === 'workspace' || one.version === undefined;
  const { find, next } = indexOf(elements);
  const members = elements.filter(isMember);
  const runtime = members.flatMap((one) => normalWants(one.entry).map(find));
  const dev = members.flatMap((one) =>
    entriesOf(one.entry['dev-dependencies']).flatMap(([, list]) => asList(list).map(find)),
  );
  // Without a member nobody says what is for development.
  const [inRuntime, inDev] = [reach(runtime, next), reach(dev, next)];
  const direct = new Set([...runtime, ...dev]);
  const parents = new Parents<Node>();
  for (const one of elements) if (!isMember(one)) for (const child of next(one)) parents.add(child, one.name);
  for (const one of elements) {
    const source = sources.get(one) ?? 'registry';
    const folder = memberFolder(one.entry);
    if (folder !== undefined) sheet.members.push(posix.join(posix.dirname(sheet.file), folder));
    if (one.version === undefined) {
      // A member whose version is made when it is built.
      if (source === 'registry') sheet.problem('a package without a version', one.line);
      continue;
    }
    const nodes: Node[] = [one, normaliseName('PyPI', one.name)];
    sheet.add({
      name: one.name,
      version: one.version,
      line: one.line,
      scope: inDev.has(one) && !inRuntime.has(one) ? 'dev' : 'runtime',
      direct: source !== 'workspace' && nodes.some((node) => direct.has(node)),
      via: source === 'workspace' ? [] : nodes.flatMap((node) => [...parents.of(node)]),
      source,
    });
  }
});

function indexOf(elements: readonly Element[]): { find(want: unknown): Node; next(node: Node): Node[] } {
  const byName = new Map<string, Element[]>();
  const byVersion = new Map<string, Element>();
  for (const one of elements) {
    const key = normaliseName('PyPI', one.name);
    const same = byName.get(key);
    if (same === undefined) byName.set(key, [one]);
    else same.push(one);
    if (one.version !== undefined) byVersion.set(`${key}@${one.version}`, one);
  }
  const find = (want: unknown): Node => {
    const table = asTable(want);
    const name = normaliseName('PyPI', asText(table?.name) ?? '');
    // A version stands there only where the lock holds several.
    return byVersion.get(`${name}@${asText(table?.version) ?? ''}`) ?? name;
  };
  const next = (node: Node): Node[] =>
    typeof node === 'string' ? (byName.get(node) ?? []) : normalWants(node.entry).map(find);
  return { find, next };
}

// Extras are taken as installed: what only an extra asks for is rather judged too strictly.
function normalWants(entry: Table): unknown[] {
  return [
    ...asList(entry.dependencies),
    ...entriesOf(entry['optional-dependencies']).flatMap(([, list]) => asList(list)),
  ];
}

function sourceOf(entry: Table): Dep['source'] {
  const source = asTable(entry.source) ?? {};
  return SOURCES.find(([key]) => Object.hasOwn(source, key))?.[1] ?? 'registry';
}

function memberFolder(entry: Table): string | undefined {
  const source = asTable(entry.source);
  return asText(source?.editable) ?? asText(source?.virtual);
}
