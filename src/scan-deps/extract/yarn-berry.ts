/** yarn.lock of Yarn 2 and later ("berry"): YAML, one entry a resolution. */
import { splitAt } from './npm-spec.ts';
import { extractor, majorOf, Refusal } from './sheet.ts';
import { at, lineIndex, mapOf, parseYaml, textAt, type YamlMap } from './yaml.ts';
import { lockGraph, type YarnEntry } from './yarn-graph.ts';

/** Yarn 2 began with 4 and counts on with each change of how an entry is written. */
const [OLDEST, NEWEST] = [4, 9];

export const extractYarnBerry = extractor('npm', 'yarn-lock', (text, sheet) => {
  const documents = parseYaml(text, sheet.ctx);
  const lock = mapOf(documents[0]);
  if (lock === undefined || documents.length !== 1) throw new Refusal('it is no table of packages', 1);
  const lineOf = lineIndex(text);
  const metadata = lock.get('__metadata');
  const version = majorOf(textAt(mapOf(metadata?.value), 'version'));
  if (version === undefined || version < OLDEST || version > NEWEST)
    throw new Refusal(`its lock version is not between ${OLDEST} and ${NEWEST}`, lineOf(metadata?.at ?? 0));
  const entries: YarnEntry[] = [];
  const folders: string[] = [];
  const byId = new Map<string, YarnEntry>();
  for (const [key, { value, at: offset }] of lock) {
    if (key === '__metadata') continue;
    const fields = mapOf(value);
    const entry = fields === undefined ? undefined : entryOf(key, fields);
    if (fields === undefined || entry === undefined) {
      sheet.problem('a package without a resolution', lineOf(offset));
      continue;
    }
    const spot = fields.get('version');
    entry.line = spot === undefined ? lineOf(offset) : lineOf(spot.at);
    const folder = /@workspace:([^#]{1,1000})/.exec(textAt(fields, 'resolution') ?? '')?.[1];
    if (folder !== undefined && folder !== '.') folders.push(folder);
    // A patched package stands beside the one that it patches.
    const id = `${entry.name}@${entry.version}`;
    const base = byId.get(id);
    if (base !== undefined && key.includes('@patch:')) {
      base.patterns.push(...entry.patterns);
      continue;
    }
    byId.set(id, entry);
    entries.push(entry);
  }
  lockGraph(entries, sheet, folders);
});

function entryOf(key: string, fields: YamlMap): YarnEntry | undefined {
  const resolution = textAt(fields, 'resolution');
  const { name, rest } = splitAt(resolution ?? '');
  if (name === '') return undefined;
  const version = textAt(fields, 'version');
  const wants = ['dependencies', 'optionalDependencies'].flatMap((section) =>
    [...(mapOf(at(fields, section)) ?? [])].map(([wanted, { value }]): [string, string] => [
      wanted,
      typeof value === 'string' ? value : '',
    ]),
  );
  return {
    name,
    patterns: key.split(/, ?/),
    ...(version === undefined ? {} : { version }),
    line: undefined,
    source: sourceOf(rest),
    wants,
  };
}

function sourceOf(reference: string): YarnEntry['source'] {
  if (/^(?:npm|patch|virtual):/.test(reference)) return 'registry';
  if (reference.startsWith('workspace:')) return 'workspace';
  if (/^(?:git[+:@]|ssh:)|[#&]commit=|\.git(?:#|$)/.test(reference)) return 'git';
  return /^https?:/.test(reference) ? 'url' : 'path';
}
