/** pnpm-lock.yaml, lock versions 5.3 to 9 and 11; every document of the stream counts: the first may be pnpm's own. */
import { posix } from 'node:path';
import type { Dep } from '../types.ts';
import { Parents, reach } from './graph.ts';
import { cutPeers, keyOfReference, parseKey } from './pnpm-key.ts';
import { extractor, majorOf, Refusal, type Sheet } from './sheet.ts';
import { at, lineIndex, mapOf, parseYaml, textAt, type YamlMap, type YamlNode } from './yaml.ts';

const MAJORS = new Set([5, 6, 7, 9, 11]);

export const extractPnpmLock = extractor('npm', 'pnpm-lock', (text, sheet) => {
  const lineOf = lineIndex(text);
  const seen = new Set<string>();
  const documents = parseYaml(text, sheet.ctx);
  if (documents.length === 0) throw new Refusal('it is empty', 1);
  for (const document of documents) {
    const lock = mapOf(document);
    if (lock === undefined) throw new Refusal('a document of it is no table', 1);
    readDocument(lock, versionOf(lock, lineOf), sheet, lineOf, seen);
  }
});

function versionOf(lock: YamlMap, lineOf: (offset: number) => number): number {
  const entry = lock.get('lockfileVersion');
  // An experiment of pnpm 7 wrote specifiers as 6 does and said so behind its number.
  const version = typeof entry?.value === 'string' ? entry.value.replace(/-inlineSpecifiers$/, '') : '';
  const major = majorOf(version);
  if (major === undefined || !MAJORS.has(major) || /^5\.[0-2]$/.test(version))
    throw new Refusal('its lockfileVersion is none of 5.3 to 9 and 11', lineOf(entry?.at ?? 0));
  // 7 is written like 6, and 11 like 9.
  return major === 7 ? 6 : major === 11 ? 9 : major;
}

interface Package {
  name: string;
  version: string;
  line: number;
  source: Dep['source'];
  /** Its instances, one a set of peers. */
  keys: string[];
}

function readDocument(
  lock: YamlMap,
  major: number,
  sheet: Sheet,
  lineOf: (offset: number) => number,
  seen: Set<string>,
): void {
  const packages = new Map<string, Package>();
  const byKey = new Map<string, Package>();
  const wants = new Map<string, string[]>();
  for (const section of ['packages', 'snapshots']) {
    for (const [key, { value, at: offset }] of mapOf(at(lock, section)) ?? []) {
      const fields = mapOf(value);
      // A snapshot repeats a package with its peers; alone it is one itself.
      const known = packages.get(cutPeers(key, major));
      const one = known ?? packageOf(key, fields, major, lineOf(offset));
      if (one === undefined) {
        sheet.problem('a package without a version', lineOf(offset));
        continue;
      }
      one.keys.push(key);
      byKey.set(key, one);
      packages.set(cutPeers(key, major), one);
      wants.set(key, [...(wants.get(key) ?? []), ...wantedBy(fields, ['dependencies', 'optionalDependencies'], major)]);
    }
  }
  const importers = importersOf(lock);
  const roots = (sections: string[]): string[] => importers.flatMap(({ map }) => wantedBy(map, sections, major));
  const next = (key: string): string[] => wants.get(key) ?? [];
  const dev = roots(['devDependencies']);
  const other = roots(['dependencies', 'optionalDependencies', 'configDependencies', 'packageManagerDependencies']);
  const [inDev, inRuntime, direct] = [reach(dev, next), reach(other, next), new Set([...dev, ...other])];
  const parents = new Parents<Package>();
  for (const [key, children] of wants) {
    for (const child of children) {
      const [parent, one] = [byKey.get(key), byKey.get(child)];
      if (parent !== undefined && one !== undefined) parents.add(one, parent.name);
    }
  }
  for (const one of packages.values()) {
    const { name, version, line, source, keys } = one;
    const id = JSON.stringify([name, version, source]);
    if (seen.has(id)) continue;
    seen.add(id);
    const has = (set: ReadonlySet<string>): boolean => keys.some((key) => set.has(key));
    const scope = has(inDev) && !has(inRuntime) ? 'dev' : 'runtime';
    sheet.add({ name, version, line, scope, direct: has(direct), via: parents.of(one), source });
  }
  const folder = posix.dirname(sheet.file);
  for (const { path } of importers) if (path !== '.') sheet.members.push(posix.join(folder, path));
}

function packageOf(key: string, fields: YamlMap | undefined, major: number, line: number): Package | undefined {
  const resolution = mapOf(at(fields, 'resolution'));
  const parsed = parseKey(key, major);
  if (parsed !== undefined) return { ...parsed, line, source: 'registry', keys: [] };
  const source = sourceOf(key, resolution);
  // What is not of the registry has its name in a field, or before the first `@` of its key.
  const name = textAt(fields, 'name') ?? (major === 9 ? key.slice(0, Math.max(0, key.indexOf('@', 1))) : '');
  const reference = cutPeers(key, major).slice(name !== '' && key.startsWith(`${name}@`) ? name.length + 1 : 0);
  const version = textAt(fields, 'version') ?? (source === 'registry' ? undefined : reference);
  return version === undefined ? undefined : { name: name || key, version, line, source, keys: [] };
}

function sourceOf(key: string, resolution: YamlMap | undefined): Dep['source'] {
  const type = textAt(resolution, 'type');
  if (type === 'git' || /git(?:\+|:|hub\.com|lab\.com)|bitbucket\.org|\.git#/.test(key)) return 'git';
  if (type === 'directory' || /(?:^|@)(?:file|link):/.test(key)) return 'path';
  if (/(?:^|@)https?:/.test(key)) return 'url';
  // A package of another registry: `host/name/1.0.0` with name and version beside it is asked by name.
  return textAt(resolution, 'integrity') === undefined && textAt(resolution, 'tarball') !== undefined
    ? 'url'
    : 'registry';
}

/** One project is written at the top itself, several below `importers`. */
function importersOf(lock: YamlMap): { path: string; map: YamlMap }[] {
  const table = mapOf(at(lock, 'importers'));
  if (table === undefined) return [{ path: '.', map: lock }];
  return [...table].flatMap(([path, { value }]) => {
    const map = mapOf(value);
    return map === undefined ? [] : [{ path, map }];
  });
}

function wantedBy(fields: YamlMap | undefined, sections: readonly string[], major: number): string[] {
  return sections.flatMap((section) =>
    [...(mapOf(at(fields, section)) ?? [])].flatMap(([name, { value }]) => {
      const reference = referenceOf(value);
      const key = reference === undefined ? undefined : keyOfReference(name, reference, major);
      return key === undefined ? [] : [key];
    }),
  );
}

function referenceOf(value: YamlNode): string | undefined {
  return typeof value === 'string' ? value : textAt(mapOf(value), 'version');
}
