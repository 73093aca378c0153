/** package-lock.json and npm-shrinkwrap.json, lock versions 1 to 3. */
import { posix } from 'node:path';
import semverValid from 'semver/functions/valid.js';
import type { Dep } from '../types.ts';
import { Parents } from './graph.ts';
import { parseJson } from './json-lines.ts';
import { splitAt } from './npm-spec.ts';
import { extractor, Refusal } from './sheet.ts';
import { asTable, asText, entriesOf, type Table } from './values.ts';

const KEEP = { names: new Set(['version']), below: new Set(['packages']) };
const MODULES = 'node_modules/';

interface Found {
  name: string;
  /** The name in requirements of others: the folder's, also of an alias. */
  alias: string;
  path: string[];
  entry: Table;
  wants: string[];
}

export const extractPackageLock = extractor('npm', 'package-lock', (text, sheet) => {
  const { value: lock, lineOf } = parseJson(text, sheet.ctx, KEEP);
  const version = lock.lockfileVersion;
  if (version !== 1 && version !== 2 && version !== 3)
    throw new Refusal('its lockfileVersion is none of 1, 2, 3', lineOf(['lockfileVersion']) ?? 1);
  const table = asTable(version === 1 ? (lock.dependencies ?? {}) : lock.packages);
  if (table === undefined) throw new Refusal(`lock version ${version} without its table of packages`, 1);
  const found = version === 1 ? nested(table) : flat(table);
  // The project and its workspaces: what they ask for is direct.
  const projects = version === 1 ? [] : Object.keys(table).filter((key) => key === '' || !isInstalled(key));
  const direct = new Set(projects.flatMap((key) => wantedBy(asTable(table[key]) ?? {})));
  const parents = new Parents<string>();
  for (const { name, wants } of found) for (const wanted of wants) parents.add(wanted, name);
  for (const one of found) {
    const line = lineOf([...one.path, 'version']) ?? lineOf(one.path);
    const { version: text, resolved, dev } = one.entry;
    const own = asText(text);
    const source = sourceOf(own ?? '', asText(resolved) ?? '');
    // What comes from a repository or a folder may have none in its package.json; it is counted, not judged.
    if (own === undefined && source === 'registry') {
      sheet.problem('a package without a version', line);
      continue;
    }
    const via = new Set([...parents.of(one.alias), ...parents.of(one.name)]);
    sheet.add({
      name: one.name,
      version: own,
      line,
      // devOptional can reach production: it is judged as runtime.
      scope: dev === true ? 'dev' : 'runtime',
      direct: version === 1 ? via.size === 0 : direct.has(one.alias),
      via,
      source,
    });
  }
  for (const key of projects) if (key !== '') sheet.members.push(posix.join(posix.dirname(sheet.file), key));
});

const isInstalled = (key: string): boolean => key.startsWith(MODULES) || key.includes(`/${MODULES}`);

function flat(table: Table): Found[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const entry = asTable(value) ?? {};
    if (entry.link === true || !isInstalled(key)) return [];
    const alias = key.slice(key.lastIndexOf(MODULES) + MODULES.length);
    return [{ name: asText(entry.name) ?? alias, alias, path: ['packages', key], entry, wants: wantedBy(entry) }];
  });
}

function nested(table: Table): Found[] {
  const result: Found[] = [];
  const todo: { table: Table; path: string[] }[] = [{ table, path: ['dependencies'] }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const [key, value] of Object.entries(next.table)) {
      const entry = asTable(value) ?? {};
      const path = [...next.path, key];
      const spec = asText(entry.version);
      const real = spec?.startsWith('npm:') ? splitAt(spec.slice(4)) : { name: '', rest: '' };
      const isAlias = real.name !== '';
      result.push({
        name: isAlias ? real.name : key,
        alias: key,
        path,
        entry: isAlias ? { ...entry, version: real.rest } : entry,
        wants: entriesOf(entry.requires).map(([name]) => name),
      });
      const below = asTable(entry.dependencies);
      if (below !== undefined) todo.push({ table: below, path: [...path, 'dependencies'] });
    }
  }
  return result;
}

function wantedBy(entry: Table): string[] {
  return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) =>
    entriesOf(entry[key]).map(([name]) => name),
  );
}

// A foreign host in `resolved` says nothing: mirrors rewrite these addresses, and such packages are still asked by name.
function sourceOf(version: string, resolved: string): Dep['source'] {
  for (const text of [resolved, version]) {
    if (/^(?:git[+:@]|github:|git\+)/.test(text)) return 'git';
    if (/^(?:file:|\.)/.test(text)) return 'path';
  }
  return semverValid(version) === null && /[:/]/.test(version) ? 'url' : 'registry';
}
