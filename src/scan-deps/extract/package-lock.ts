/** package-lock.json and npm-shrinkwrap.json, lock versions 1 to 3. */
import semverValid from 'semver/functions/valid.js';
import type { Dep, FileReport, Problem } from '../types.ts';
import type { ExtractContext } from './context.ts';
import { parseJsonLines, pathKey } from './json-lines.ts';

const KEEP = { names: new Set(['version']), below: new Set(['packages', 'dependencies']) };
const FORMAT = 'package-lock';

type Entry = Record<string, unknown>;

interface Found {
  name: string;
  path: string[];
  entry: Entry;
  wants: string[];
}

/** Never throws for bad content. */
export function extractPackageLock(text: string, file: string, ctx: ExtractContext): FileReport {
  const failed = (code: Problem['code'], message: string, line?: number): FileReport => ({
    file,
    format: FORMAT,
    status: 'failed',
    deps: [],
    problems: [{ code, message, file, ...(line === undefined ? {} : { line }) }],
  });
  const parsed = parseJsonLines(text, ctx.limits.depth, KEEP);
  if ('fault' in parsed) {
    if (parsed.fault === 'depth') return failed('E_LIMIT', `it is nested deeper than ${ctx.limits.depth}`);
    return failed(
      'E_UNREADABLE',
      parsed.fault === 'duplicate' ? 'a key stands there twice' : 'it is not JSON',
      parsed.line,
    );
  }
  const lock = asEntry(parsed.value);
  const version = lock?.lockfileVersion;
  if (lock === undefined || (version !== 1 && version !== 2 && version !== 3)) {
    return failed('E_UNREADABLE', 'its lockfileVersion is none of 1, 2, 3', 1);
  }
  const table = asEntry(version === 1 ? (lock.dependencies ?? {}) : lock.packages);
  if (table === undefined) return failed('E_UNREADABLE', `lock version ${version} without its table of packages`, 1);
  const found = version === 1 ? nested(table, ['dependencies']) : flat(table);
  if (found.length > ctx.limits.packagesPerFile) {
    return failed('E_LIMIT', `more than ${ctx.limits.packagesPerFile} packages in one file`);
  }
  const root = version === 1 ? undefined : asEntry(table['']);
  const direct = root === undefined ? undefined : new Set(wantedBy(root));
  const parents = parentsOf(found);
  const problems: Problem[] = [];
  const deps: Dep[] = [];
  for (const one of found) {
    const at = lineOf(one, parsed.lines);
    const dep = depOf(one, file, at, parents, direct);
    if (dep !== undefined) deps.push(dep);
    else problems.push({ code: 'E_UNREADABLE', message: 'a package without a version', file, line: at.line });
  }
  const members = Object.keys(version === 1 ? {} : table).filter((key) => key !== '' && !key.includes('node_modules/'));
  return { file, format: FORMAT, status: problems.length === 0 ? 'read' : 'partial', deps, problems, members };
}

function flat(table: Entry): Found[] {
  return Object.entries(table).flatMap(([key, value]) => {
    const entry = asEntry(value) ?? {};
    // The project itself, its workspaces, and links to them.
    if (key === '' || entry.link === true || !/(?:^|\/)node_modules\//.test(key)) return [];
    const folder = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const name = typeof entry.name === 'string' && entry.name !== '' ? entry.name : folder;
    return [{ name, path: ['packages', key], entry, wants: wantedBy(entry) }];
  });
}

function nested(table: Entry, path: string[]): Found[] {
  const result: Found[] = [];
  const todo: { table: Entry; path: string[] }[] = [{ table, path }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const [key, value] of Object.entries(next.table)) {
      const entry = asEntry(value) ?? {};
      const here = [...next.path, key];
      const alias = typeof entry.version === 'string' ? /^npm:(.+)@([^@]+)$/.exec(entry.version) : null;
      const real = alias === null ? entry : { ...entry, version: alias[2] };
      result.push({
        name: alias?.[1] ?? key,
        path: here,
        entry: real,
        wants: Object.keys(asEntry(entry.requires) ?? {}),
      });
      const below = asEntry(entry.dependencies);
      if (below !== undefined) todo.push({ table: below, path: [...here, 'dependencies'] });
    }
  }
  return result;
}

function wantedBy(entry: Entry): string[] {
  return ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) =>
    Object.keys(asEntry(entry[key]) ?? {}),
  );
}

function parentsOf(found: readonly Found[]): Map<string, Set<string>> {
  const parents = new Map<string, Set<string>>();
  for (const { name, wants } of found) {
    for (const wanted of wants) parents.set(wanted, (parents.get(wanted) ?? new Set()).add(name));
  }
  return parents;
}

interface Spot {
  line: number;
  exact: boolean;
}

function lineOf(one: Found, lines: ReadonlyMap<string, number>): Spot {
  const line = lines.get(pathKey([...one.path, 'version'])) ?? lines.get(pathKey(one.path));
  return line === undefined ? { line: 1, exact: false } : { line, exact: true };
}

function depOf(
  one: Found,
  file: string,
  at: Spot,
  parents: ReadonlyMap<string, Set<string>>,
  direct: ReadonlySet<string> | undefined,
): Dep | undefined {
  const { version, resolved } = one.entry;
  if (typeof version !== 'string' || version === '') return undefined;
  const folder = one.path.at(-1)?.split('node_modules/').at(-1) ?? one.name;
  const via = [...new Set([...(parents.get(folder) ?? []), ...(parents.get(one.name) ?? [])])].sort();
  const isDirect = direct === undefined ? via.length === 0 : direct.has(folder);
  return {
    eco: 'npm',
    name: one.name,
    key: one.name,
    version,
    file,
    ...at,
    endLine: at.line,
    // devOptional can reach production: it is judged as runtime.
    scope: one.entry.dev === true ? 'dev' : 'runtime',
    ...(isDirect ? { direct: true } : {}),
    via,
    source: sourceOf(version, typeof resolved === 'string' ? resolved : ''),
  };
}

// A foreign host in `resolved` says nothing: mirrors rewrite these addresses, and such packages are still asked by name.
function sourceOf(version: string, resolved: string): Dep['source'] {
  for (const text of [resolved, version]) {
    if (/^(?:git[+:@]|github:|git\+)/.test(text)) return 'git';
    if (/^(?:file:|\.)/.test(text)) return 'path';
  }
  return semverValid(version) === null && /[:/]/.test(version) ? 'url' : 'registry';
}

function asEntry(value: unknown): Entry | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : undefined;
}
