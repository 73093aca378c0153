/** Finding the target of a path in an opened source. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { anchorOf, checkUnshared } from './anchors.ts';
import { JUDGES } from './judges.ts';
import { clash, keyReadings, keyText, mergedKeys, scalarText } from './keys.ts';
import type { Step, ValuePath } from './path.ts';
import { position, refuse, type ScalarSite, type Site, shown } from './site.ts';
import type { YamlSource } from './source.ts';

/**
 * @param document index, or undefined when the file has one document
 * @returns a scalar, a map, or `missing` with the reason
 * @throws ActionError when the target is there but must not be edited: E_DUPLICATE_KEY, E_ANCHOR_SHARED, E_ALIAS_TARGET, E_MERGE_KEY,
 *   E_DOCUMENT_AMBIGUOUS, E_DOCUMENT_MISSING, E_PATH_NOT_SCALAR, E_CUSTOM_TAG, E_COMMENT_SWALLOWED
 */
export function find(source: YamlSource, document: number | undefined, path: ValuePath): Site {
  const doc = pickDocument(source, document);
  const walk: Walk = {
    source,
    doc,
    path,
    anchors: [],
    places: JUDGES.map(() => [document ?? 0]),
    keyStart: undefined,
    fail: (node, code, why, fix) => refuse(source, node, code, why, fix),
  };
  let node: unknown = doc.contents;
  let holder: unknown;
  for (const [i, step] of path.entries()) {
    enter(walk, node, i);
    const next = descend(walk, node, step, i);
    if (typeof next === 'string') {
      const open = (isMap(node) || (isScalar(node) && node.value === null)) && 'key' in step;
      return open
        ? {
            kind: 'missing',
            why: next,
            last: { node: node as YAMLMap | Scalar, holder, steps: i, anchors: walk.anchors },
          }
        : { kind: 'missing', why: next };
    }
    holder = node;
    node = next.value;
  }
  return toSite(walk, node, isSeq(holder) && holder.flow === true);
}

/** @throws ActionError E_DOCUMENT_AMBIGUOUS, E_DOCUMENT_MISSING */
export function pickDocument(source: YamlSource, wanted: number | undefined): Document.Parsed {
  const count = source.documents.length;
  const what = `file ${oneLine(source.file, 200)}`;
  if (wanted === undefined && count > 1) {
    throw new ActionError('E_DOCUMENT_AMBIGUOUS', {
      what,
      why: `it holds ${count} documents`,
      fix: `Say which one with document: 0..${count - 1}`,
      at: { file: source.file },
    });
  }
  const document = source.documents[wanted ?? 0];
  if (document === undefined) {
    throw new ActionError('E_DOCUMENT_MISSING', {
      what,
      why: count === 0 ? 'it is empty' : `it has no document ${wanted}, only 0..${count - 1}`,
      fix: 'Correct the number',
      at: { file: source.file },
    });
  }
  return document;
}

interface Walk {
  source: YamlSource;
  doc: Document.Parsed;
  path: ValuePath;
  anchors: string[];
  places: (string | number)[][];
  keyStart: number | undefined;
  fail(node: Node | undefined, code: ErrorCode, why: string, fix: string): ActionError;
}

// What an edit inside this node would mean for other places, and whether each judge sees the same kind of node.
function enter(walk: Walk, node: unknown, i: number): void {
  const here = shown(walk.path.slice(0, i));
  if (isAlias(node)) {
    const why = `${here} is an alias of &${node.source}: the edit would change that place too`;
    throw walk.fail(node, 'E_ANCHOR_SHARED', why, 'Write the map out here');
  }
  walk.anchors.push(...anchorOf(node));
  if (isCollection(node) && node.tag !== undefined && !/^tag:yaml\.org,2002:(map|seq)$/.test(node.tag))
    throw walk.fail(node, 'E_CUSTOM_TAG', `${here} carries the tag ${oneLine(node.tag, 80)}`, 'Remove the tag');
}

function descend(walk: Walk, node: unknown, step: Step, i: number): { value: unknown } | string {
  const here = shown(walk.path.slice(0, i));
  if ('key' in step) return isMap(node) ? toKey(walk, node, step.key, i) : `${here} is no map`;
  if (!isSeq(node)) return `${here} is no list`;
  walk.keyStart = undefined;
  if ('index' in step) {
    const item = node.items[step.index];
    for (const place of walk.places) place.push(step.index);
    return item === undefined ? `${here} has ${node.items.length} items, none at [${step.index}]` : { value: item };
  }
  const [key, value] = step.where;
  const hits = node.items.filter((item) => {
    // An item that is an alias is one more place that this name stands for.
    const map = isAlias(item) ? item.resolve(walk.doc) : item;
    return (
      isMap(map) && map.items.some((p) => keyText(p) === key && isScalar(p.value) && scalarText(p.value) === value)
    );
  });
  const [hit] = hits;
  if (hits.length !== 1) return `${here} has ${hits.length} matches for [${oneLine(`${key}=${value}`, 80)}]`;
  if (isMap(hit) && hit.items.filter((p) => keyText(p) === key).length > 1)
    throw twice(walk, hit, key, `the item of ${here}`);
  for (const place of walk.places) place.push(node.items.indexOf(hit));
  return { value: hit };
}

function toKey(walk: Walk, map: YAMLMap, key: string, i: number): { value: unknown } | string {
  const here = shown(walk.path.slice(0, i));
  const [pair, ...more] = map.items.filter((p) => keyText(p) === key);
  if (more.length > 0) throw twice(walk, map, key, here);
  if (pair !== undefined && key === '<<')
    throw walk.fail(map, 'E_MERGE_KEY', `${here} merges it: some parsers see its keys there`, 'Name the place itself');
  if (pair !== undefined) {
    const read = (k: unknown): readonly string[] => keyReadings(walk.source, walk.doc, k);
    const own = read(pair.key);
    const other = map.items.find((p) => p !== pair && clash(own, read(p.key)));
    if (other !== undefined) {
      const why = `some parsers take the keys "${oneLine(key, 80)}" and "${oneLine(keyText(other), 80)}" in ${here} for the same one`;
      throw walk.fail(map, 'E_DUPLICATE_KEY', why, 'Remove all but one');
    }
    for (const [judge, place] of walk.places.entries()) place.push(own[judge] ?? key);
    walk.keyStart = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
    return { value: pair.value ?? null };
  }
  if (map.items.some((p) => keyText(p) === '<<' && mergedKeys(walk.doc, p.value).includes(key))) {
    const why = `${shown(walk.path.slice(0, i + 1))} comes only through the merge key <<`;
    throw walk.fail(map, 'E_MERGE_KEY', why, 'Write the key out here');
  }
  const near = nearest(key, map.items.map(keyText));
  return `${here} has no key "${oneLine(key, 80)}"${near === undefined ? '' : `; the nearest is "${oneLine(near, 80)}"`}`;
}

function twice(walk: Walk, node: Node, key: string, where: string): ActionError {
  const why = `the key "${oneLine(key, 80)}" stands more than once in ${where}: Helm takes the last, people read the first`;
  return walk.fail(node, 'E_DUPLICATE_KEY', why, 'Remove all but one');
}

function toSite(walk: Walk, node: unknown, inBrackets: boolean): Site {
  const { source, path } = walk;
  if (isAlias(node)) {
    const why = `${shown(path)} is an alias of the anchor &${node.source}`;
    throw walk.fail(node, 'E_ALIAS_TARGET', why, 'Name the path of the anchor instead, or write the value out');
  }
  walk.anchors.push(...anchorOf(node));
  checkUnshared(source, walk.doc, walk.anchors, path);
  if (isMap(node)) {
    const keys = node.items.map(keyText);
    const double = keys.find((key, i) => isScalar(node.items[i]?.key) && keys.indexOf(key) !== i);
    if (double !== undefined) throw twice(walk, node, double, shown(path));
    return { kind: 'map', keys, line: position(source, node).line, keyStart: walk.keyStart ?? node.range?.[0] ?? 0 };
  }
  if (isCollection(node)) throw walk.fail(node, 'E_PATH_NOT_SCALAR', `${shown(path)} is a list`, 'Name a scalar');
  if (!isScalar(node) || !node.range) return { kind: 'missing', why: `${shown(path)} has no place in the text` };
  return toScalar(walk, node, node.range, inBrackets);
}

function toScalar(walk: Walk, node: Scalar, range: readonly [number, number, number], inBrackets: boolean): ScalarSite {
  const [start, end] = range;
  const { source, path } = walk;
  if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:str') {
    const why = `${shown(path)} carries the tag ${oneLine(node.tag, 80)}`;
    throw walk.fail(node as Scalar.Parsed, 'E_CUSTOM_TAG', why, 'Remove the tag');
  }
  const style = styleOf(node, start, end);
  if (style === 'plain' && /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]#/.test(source.text.slice(start, end))) {
    const why = `a non-ASCII blank before # makes the comment part of ${shown(path)}`;
    throw walk.fail(node as Scalar.Parsed, 'E_COMMENT_SWALLOWED', why, 'Put an ordinary blank before the #');
  }
  return {
    kind: 'scalar',
    start,
    end,
    style,
    value: node.value,
    text: scalarText(node),
    tagged: node.tag !== undefined,
    inBrackets,
    ...position(source, node as Scalar.Parsed),
    places: walk.places,
    keyStart: walk.keyStart ?? start,
  };
}

function styleOf(node: Scalar, start: number, end: number): ScalarSite['style'] {
  if (start === end) return 'empty';
  if (node.type === 'QUOTE_SINGLE') return 'single';
  if (node.type === 'QUOTE_DOUBLE') return 'double';
  return node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' ? 'block' : 'plain';
}
