/** Keys of maps: what stands there, and what each judge makes of it. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Pair, type Scalar } from 'yaml';
import { JUDGES } from './judges.ts';
import { isReadAsText } from './quote.ts';
import { readShort } from './short.ts';
import type { YamlSource } from './source.ts';
import { keysOf } from './values.ts';

/** The source text of a key after unquoting, so that `on`, `8080` and "a.b" can be named; '' when the key is no scalar. */
export function keyText(pair: Pair): string {
  return isScalar(pair.key) ? scalarText(pair.key) : '';
}

/** What stands in the file, quotes resolved: `1.10` stays `1.10`. */
export function scalarText(scalar: Scalar): string {
  if (typeof scalar.value === 'string') return scalar.value;
  return scalar.source ?? (scalar.value === null ? '' : String(scalar.value));
}

/** The key as it stands in the values of each judge: one that reads YAML 1.1 takes `on` for true. */
export function keyReadings(source: YamlSource, document: Document.Parsed, key: unknown): readonly string[] {
  const node = isAlias(key) ? key.resolve(document) : key;
  if (!isScalar(node) || !node.range) return [];
  const own = scalarText(node);
  const same = JUDGES.map(() => own);
  if (node.tag === undefined && (node.type !== 'PLAIN' || isReadAsText(own))) return same;
  // The judges read the key alone: a map of one entry.
  const tag = node.tag === undefined ? '' : `!<${node.tag}> `;
  const read = readShort(`? ${tag}${source.text.slice(node.range[0], node.range[1]).trimEnd()}\n: 0\n`);
  if (read === undefined) return same;
  const version = source.versions[source.documents.indexOf(document)];
  return JUDGES.map((_judge, i) => {
    const map = read[version?.[i] ?? i];
    return (typeof map === 'object' && map !== null ? keysOf(map)[0] : undefined) ?? own;
  });
}

/** True when some judge takes two keys for the same one. */
export function clash(a: readonly string[], b: readonly string[]): boolean {
  return a.some((key, i) => key === b[i]);
}

/** Keys that come through the value of a merge key `<<`, also through merges inside what is merged. */
export function mergedKeys(document: Document.Parsed, value: unknown, depth = 0): string[] {
  if (depth > 16) return [];
  return (isSeq(value) ? value.items : [value]).flatMap((item) => {
    const map = isAlias(item) ? item.resolve(document) : item;
    if (!isMap(map)) return [];
    return map.items.flatMap((pair) =>
      keyText(pair) === '<<' ? mergedKeys(document, pair.value, depth + 1) : [keyText(pair)],
    );
  });
}
