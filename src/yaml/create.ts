/** Adding keys that are missing. Only to block maps, where a new key is new lines and every old line stays as it is. */
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { checkUnshared } from './anchors.ts';
import { type Change, renderChange } from './change.ts';
import { find, pickDocument } from './find.ts';
import { keyReadings } from './keys.ts';
import type { ValuePath } from './path.ts';
import { isUnwritable, renderString } from './quote.ts';
import { type LastNode, type MissingSite, refuse, shown } from './site.ts';
import type { YamlSource } from './source.ts';
import { lineEnd, spanFor } from './spans.ts';
import { joinAt, type Span } from './splice.ts';

export interface Creation {
  spans: readonly Span[];
  /** Parents that were empty or null and hold a map now. */
  emptied: readonly { document: number | undefined; path: ValuePath }[];
  /** Line of the old text that each change comes to stand before. */
  lines: ReadonlyMap<Change, number>;
}

type Tree = Map<string, Tree | Change>;

// All that is added below one node that is there.
interface Graft {
  at: number;
  indent: number;
  tree: Tree;
}

/**
 * @param changes whose targets are missing
 * @throws ActionError E_PATH_MISSING (flow maps, lists, other scalars, empty documents get no keys), E_ANCHOR_SHARED, E_MERGE_KEY,
 *   E_DUPLICATE_KEY, E_CUSTOM_TAG, E_OVERLAPPING_EDITS, E_INPUT
 */
export function planCreations(source: YamlSource, changes: readonly Change[]): Creation {
  const grafts = new Map<Node, Graft>();
  const spans: Span[] = [];
  const emptied: { document: number | undefined; path: ValuePath }[] = [];
  const lines = new Map<Change, number>();
  for (const change of changes) {
    const site = find(source, change.document, change.path);
    if (site.kind !== 'missing') continue;
    const { last, keys } = missingKeys(source, change, site);
    const node = last.node as Node;
    let graft = grafts.get(node);
    if (graft === undefined) {
      graft = isMap(node) ? belowMap(source, change, node, last, keys) : belowNothing(source, change, last, site);
      grafts.set(node, graft);
      if (!isMap(node)) {
        const parent = change.path.slice(0, last.steps);
        emptied.push({ document: change.document, path: parent });
        const old = find(source, change.document, parent);
        if (old.kind === 'scalar' && old.style !== 'empty') spans.push(spanFor(source.text, old, ''));
      }
    }
    plant(source, graft.tree, keys, change);
    lines.set(change, source.lines.linePos(graft.at).line);
  }
  // The deeper map first: what ends on the same line ends inside the outer one.
  const ordered = [...grafts.values()].sort((a, b) => b.indent - a.indent);
  for (const graft of ordered) spans.push(toSpan(source.text, graft));
  return { spans: joinAt(spans), emptied, lines };
}

function missingKeys(source: YamlSource, change: Change, site: MissingSite): { last: LastNode; keys: string[] } {
  const { last } = site;
  if (last === undefined) throw impossible(source, change, site.why);
  const keys = change.path.slice(last.steps).map((step) => {
    if ('key' in step) return step.key;
    throw impossible(source, change, `${site.why}, and items of a list are not created`);
  });
  for (const key of keys) {
    const code = key === '<<' ? 'E_MERGE_KEY' : isUnwritable(key) ? 'E_INPUT' : undefined;
    if (code !== undefined) throw impossible(source, change, `no key "${oneLine(key, 80)}" is created`, code);
  }
  return { last, keys };
}

function belowMap(source: YamlSource, change: Change, map: YAMLMap, last: LastNode, [key = '']: string[]): Graft {
  const where = shown(change.path.slice(0, last.steps));
  const document = pickDocument(source, change.document);
  checkUnshared(source, document, last.anchors, change.path);
  const { srcToken } = map;
  if (map.flow === true || srcToken?.type !== 'block-map' || map.items.length === 0)
    throw impossible(source, change, `${where} is a map in braces, which gets no new keys`);
  if (map.items.some((pair) => keyReadings(source, document, pair.key).includes(key))) {
    const why = `some parsers take "${oneLine(key, 80)}" for a key that ${where} has already`;
    throw refuse(source, map as Node, 'E_DUPLICATE_KEY', why, 'Name the key as the file spells it');
  }
  const { indent } = srcToken;
  return { at: endOfOwnLines(source.text, map, indent), indent, tree: new Map() };
}

function belowNothing(source: YamlSource, change: Change, last: LastNode, site: MissingSite): Graft {
  const where = shown(change.path.slice(0, last.steps));
  if (last.steps === 0) throw impossible(source, change, 'the document is empty');
  const { holder } = last;
  if (!isMap(holder) || holder.flow === true || holder.srcToken?.type !== 'block-map')
    throw impossible(source, change, `${site.why}, and it stands in a list or in braces`);
  // Refuses what is shared or carries a tag.
  const parent = find(source, change.document, change.path.slice(0, last.steps));
  if (parent.kind !== 'scalar' || parent.tagged) throw impossible(source, change, `${where} can hold no map`);
  return { at: lineEnd(source.text, parent.end), indent: holder.srcToken.indent + 2, tree: new Map() };
}

function plant(source: YamlSource, tree: Tree, keys: readonly string[], change: Change): void {
  const [key = '', ...rest] = keys;
  const there = tree.get(key);
  if (rest.length > 0 && (there === undefined || there instanceof Map)) {
    const next: Tree = there ?? new Map();
    tree.set(key, next);
    plant(source, next, rest, change);
  } else if (there === undefined) tree.set(key, change);
  else throw impossible(source, change, 'two changes add the same key', 'E_OVERLAPPING_EDITS');
}

function toSpan(text: string, { at, indent, tree }: Graft): Span {
  const open = at > 0 && text[at - 1] !== '\n';
  const feed = text.lastIndexOf('\n', at - 1);
  const ending = feed > 0 && text[feed - 1] === '\r' ? '\r\n' : '\n';
  const added = toLines(tree, indent).map((line) => (open ? `${ending}${line}` : `${line}${ending}`));
  return { start: at, end: at, text: added.join('') };
}

function toLines(tree: Tree, indent: number): string[] {
  return [...tree].flatMap(([key, below]) => {
    const head = `${' '.repeat(indent)}${renderString(key, 'plain')}:`;
    if (below instanceof Map) return [head, ...toLines(below, indent + 2)];
    const value = renderChange(below, 'plain');
    return [value === '' ? head : `${head} ${value}`];
  });
}

// Behind the last line of the map: its last value, and comments further in than its keys. Blank lines below stay below.
function endOfOwnLines(text: string, map: YAMLMap, indent: number): number {
  const end = endOfContent(text, map, indent);
  let own = text[end - 1] === '\n' ? end : lineEnd(text, end);
  for (let at = own; at < text.length; ) {
    const next = lineEnd(text, at);
    const [, blanks = '', rest = ''] = /^([ \t]*)(\S?)/.exec(text.slice(at, Math.min(next, at + 2048))) ?? [];
    if (rest === '#' && blanks.length > indent) own = next;
    else if (rest !== '') break;
    at = next;
  }
  return own;
}

function endOfContent(text: string, node: unknown, indent: number): number {
  if (isMap(node) && node.flow !== true && node.items.length > 0) {
    const pair = node.items.at(-1);
    return endOfContent(text, pair?.value ?? pair?.key, indent);
  }
  if (isSeq(node) && node.flow !== true && node.items.length > 0) return endOfContent(text, node.items.at(-1), indent);
  const range = (node as Node | null)?.range;
  if (!range) return text.length;
  const [start, end] = range;
  const keeps = /^[|>][^\n#]*\+/.test(text.slice(start, start + 8));
  return isScalar(node) && node.type?.startsWith('BLOCK_') && !keeps ? endOfBlock(text, start, end, indent) : end;
}

// Lines of blanks at the end of a block are nothing, unless they reach further in than its text.
function endOfBlock(text: string, start: number, end: number, indent: number): number {
  let at = end;
  while (at > start) {
    const line = text.lastIndexOf('\n', at - 2) + 1;
    if (line <= start || text.slice(line, at).trim() !== '' || at - line > indent + 2) break;
    at = line;
  }
  return at;
}

function impossible(source: YamlSource, change: Change, why: string, code: ErrorCode = 'E_PATH_MISSING'): ActionError {
  return new ActionError(code, {
    what: `path ${oneLine(shown(change.path), 200)} in ${oneLine(source.file, 200)}`,
    why,
    fix: 'Add the key to the file by hand',
    at: { file: source.file },
  });
}
