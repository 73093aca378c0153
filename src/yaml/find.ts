/** Finding the target of a path in an opened source. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  visit,
} from 'yaml';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import { formatPath, type Step, type ValuePath } from './path.ts';
import type { YamlSource } from './source.ts';

export interface ScalarSite {
  kind: 'scalar';
  /** UTF-16 offsets of what is replaced: the value with its quotes or block header, without anchor, tag and comment. */
  start: number;
  end: number;
  style: 'plain' | 'single' | 'double' | 'block' | 'empty';
  /** As YAML 1.2 reads it. */
  value: unknown;
  /** Text of the scalar, quotes resolved: what a person would say stands there. */
  text: string;
  line: number;
  column: number;
  /** Keys and indexes from the root of the document. */
  place: readonly (string | number)[];
}

export interface MapSite {
  kind: 'map';
  keys: readonly string[];
  line: number;
}

export interface MissingSite {
  kind: 'missing';
  why: string;
}

export type Site = ScalarSite | MapSite | MissingSite;

/**
 * @param document index, or undefined when the file has one document
 * @returns a scalar, a map, or `missing` with the reason
 * @throws ActionError when the target is there but must not be edited: E_DUPLICATE_KEY, E_ANCHOR_SHARED, E_ALIAS_TARGET, E_MERGE_KEY,
 *   E_DOCUMENT_AMBIGUOUS, E_DOCUMENT_MISSING, E_PATH_NOT_SCALAR, E_CUSTOM_TAG, E_COMMENT_SWALLOWED
 */
export function find(source: YamlSource, document: number | undefined, path: ValuePath): Site {
  const doc = pickDocument(source, document);
  const walk: Walk = { source, doc, path, anchors: [], place: [] };
  let node: unknown = doc.contents;
  for (const [i, step] of path.entries()) {
    if (isAlias(node))
      throw refuse(
        walk,
        node,
        'E_ANCHOR_SHARED',
        `${shown(path.slice(0, i))} is an alias of &${node.source}: the edit would change that place too`,
        'Write the map out here',
      );
    noteAnchor(walk, node);
    const next = descend(walk, node, step, i);
    if (typeof next === 'string') return { kind: 'missing', why: next };
    node = next.value;
  }
  return toSite(walk, node);
}

interface Walk {
  source: YamlSource;
  doc: Document.Parsed;
  path: ValuePath;
  anchors: string[];
  place: (string | number)[];
}

function pickDocument(source: YamlSource, wanted: number | undefined): Document.Parsed {
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

function descend(walk: Walk, node: unknown, step: Step, i: number): { value: unknown } | string {
  const here = i === 0 ? 'the root' : shown(walk.path.slice(0, i));
  if ('key' in step) {
    if (!isMap(node)) return `${here} is no map`;
    const pairs = node.items.filter((pair) => keyText(pair) === step.key);
    if (pairs.length > 1) {
      throw refuse(
        walk,
        node,
        'E_DUPLICATE_KEY',
        `the key "${oneLine(step.key, 80)}" stands ${pairs.length} times in ${here}: Helm takes the last, people read the first`,
        'Remove all but one',
      );
    }
    const pair = pairs[0];
    if (pair !== undefined) {
      walk.place.push(step.key);
      return { value: pair.value ?? null };
    }
    if (node.items.some((p) => keyText(p) === '<<' && mergedKeys(walk.doc, p.value).includes(step.key))) {
      throw refuse(
        walk,
        node,
        'E_MERGE_KEY',
        `${shown(walk.path.slice(0, i + 1))} comes only through the merge key <<`,
        'Write the key out here',
      );
    }
    const near = nearest(step.key, node.items.map(keyText));
    return `${here} has no key "${oneLine(step.key, 80)}"${near === undefined ? '' : `; the nearest is "${oneLine(near, 80)}"`}`;
  }
  if (!isSeq(node)) return `${here} is no list`;
  if ('index' in step) {
    const item = node.items[step.index];
    walk.place.push(step.index);
    return item === undefined ? `${here} has ${node.items.length} items, none at [${step.index}]` : { value: item };
  }
  const [key, value] = step.where;
  const hits = node.items.filter(
    (item) =>
      isMap(item) &&
      item.items.some((pair) => keyText(pair) === key && isScalar(pair.value) && scalarText(pair.value) === value),
  );
  walk.place.push(node.items.indexOf(hits[0]));
  return hits.length === 1 ? { value: hits[0] } : `${here} has ${hits.length} matches for [${key}=${value}]`;
}

function toSite(walk: Walk, node: unknown): Site {
  const { source, path } = walk;
  if (isAlias(node))
    throw refuse(
      walk,
      node,
      'E_ALIAS_TARGET',
      `${shown(path)} is an alias of the anchor &${node.source}`,
      'Name the path of the anchor instead, or write the value out',
    );
  noteAnchor(walk, node);
  checkShared(walk);
  if (isMap(node)) {
    const keys = node.items.map(keyText);
    const twice = keys.find((key, i) => keys.indexOf(key) !== i);
    if (twice !== undefined)
      throw refuse(
        walk,
        node,
        'E_DUPLICATE_KEY',
        `the key "${oneLine(twice, 80)}" stands twice in ${shown(path)}`,
        'Remove all but one',
      );
    return { kind: 'map', keys, line: position(source, node).line };
  }
  if (isCollection(node)) throw refuse(walk, node, 'E_PATH_NOT_SCALAR', `${shown(path)} is a list`, 'Name a scalar');
  if (!isScalar(node) || !node.range) return { kind: 'missing', why: `${shown(path)} has no place in the text` };
  if (node.tag !== undefined && node.tag !== 'tag:yaml.org,2002:str')
    throw refuse(
      walk,
      node,
      'E_CUSTOM_TAG',
      `${shown(path)} carries the tag ${oneLine(node.tag, 80)}`,
      'Remove the tag',
    );
  const [start, end] = node.range;
  const style = styleOf(node, start, end);
  if (style === 'plain' && /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]#/.test(source.text.slice(start, end))) {
    throw refuse(
      walk,
      node,
      'E_COMMENT_SWALLOWED',
      `a non-ASCII blank before # makes the comment part of ${shown(path)}`,
      'Put an ordinary blank before the #',
    );
  }
  const { line, column } = position(source, node);
  return {
    kind: 'scalar',
    start,
    end,
    style,
    value: node.value,
    text: scalarText(node),
    line,
    column,
    place: walk.place,
  };
}

function styleOf(node: Scalar, start: number, end: number): ScalarSite['style'] {
  if (start === end) return 'empty';
  if (node.type === 'QUOTE_SINGLE') return 'single';
  if (node.type === 'QUOTE_DOUBLE') return 'double';
  return node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' ? 'block' : 'plain';
}

function noteAnchor(walk: Walk, node: unknown): void {
  if ((isCollection(node) || isScalar(node)) && node.anchor !== undefined) walk.anchors.push(node.anchor);
}

function checkShared(walk: Walk): void {
  if (walk.anchors.length === 0) return;
  const users: string[] = [];
  visit(walk.doc, {
    Alias(_key, alias, ancestors) {
      if (!walk.anchors.includes(alias.source)) return;
      const keys = ancestors.filter((n): n is Pair => isPair(n)).map((pair) => keyText(pair));
      users.push(keys.join('.') || `*${alias.source}`);
    },
  });
  if (users.length === 0) return;
  const list = users
    .slice(0, 5)
    .map((user) => oneLine(user, 80))
    .join(', ');
  throw refuse(
    walk,
    undefined,
    'E_ANCHOR_SHARED',
    `${shown(walk.path)} is shared by its anchor with ${list}: the edit would change that too`,
    'Write the value out in one of the places',
  );
}

function mergedKeys(doc: Document.Parsed, value: unknown): string[] {
  const nodes = isSeq(value) ? value.items : [value];
  return nodes.flatMap((node) => {
    const map = isAlias(node) ? node.resolve(doc) : node;
    return isMap(map) ? map.items.map(keyText) : [];
  });
}

// The source text of a key after unquoting, so that `on`, `8080` and "a.b" can be named.
function keyText(pair: Pair): string {
  return isScalar(pair.key) ? scalarText(pair.key) : '';
}

/** What stands in the file, quotes resolved: `1.10` stays `1.10`. */
function scalarText(scalar: Scalar): string {
  if (typeof scalar.value === 'string') return scalar.value;
  return scalar.source ?? (scalar.value === null ? '' : String(scalar.value));
}

function shown(path: ValuePath): string {
  return path.length === 0 ? 'the root' : oneLine(formatPath(path), 200);
}

function position(source: YamlSource, node: Node | undefined): { line: number; column: number } {
  if (!node?.range) return { line: 1, column: 1 };
  const { line, col } = source.lines.linePos(node.range[0]);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function refuse(walk: Walk, node: Node | undefined, code: ErrorCode, why: string, fix: string): ActionError {
  const { line, column } = position(walk.source, node);
  return new ActionError(code, {
    what: `file ${oneLine(walk.source.file, 200)}`,
    why,
    fix,
    at: { file: walk.source.file, line, column },
  });
}
