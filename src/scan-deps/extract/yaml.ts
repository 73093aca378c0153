/** YAML from the loader's own events: every scalar as its text, every key with its offset; no alias, no tag, no type. */
import { EVENT_ID, type Event, getScalarValue, parseEvents, YAMLException } from 'js-yaml';
import type { ExtractContext } from './context.ts';
import { Refusal } from './sheet.ts';

export type YamlNode = string | YamlNode[] | YamlMap;
export type YamlMap = Map<string, YamlEntry>;

export interface YamlEntry {
  value: YamlNode;
  /** Offset of the key in the text. */
  at: number;
}

/**
 * Every document of the stream.
 * @throws Refusal for what is not YAML, is nested too deep, has an anchor or alias, or a key twice
 */
export function parseYaml(text: string, { limits }: ExtractContext): YamlNode[] {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: limits.depth });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = error.mark === undefined ? undefined : error.mark.line + 1;
    if (/nest|depth/i.test(error.reason ?? error.message))
      throw new Refusal(`it is nested deeper than ${limits.depth}`, line, 'E_LIMIT');
    throw new Refusal('it is not YAML', line);
  }
  return build(events, text);
}

type Frame = { map: YamlMap; key?: { name: string; at: number } } | { list: YamlNode[] };

function build(events: readonly Event[], text: string): YamlNode[] {
  const documents: YamlNode[] = [];
  const stack: Frame[] = [];
  const put = (value: YamlNode, at: number): void => {
    const frame = stack.at(-1);
    if (frame === undefined) return;
    if ('list' in frame) frame.list.push(value);
    else if (frame.key === undefined) {
      if (typeof value !== 'string') throw new Refusal('a key that is no text', lineAt(text, at));
      if (frame.map.has(value)) throw new Refusal('a key stands there twice', lineAt(text, at));
      frame.key = { name: value, at };
    } else {
      frame.map.set(frame.key.name, { value, at: frame.key.at });
      delete frame.key;
    }
  };
  for (const event of events) {
    if ('anchorStart' in event && event.anchorStart >= 0)
      throw new Refusal('a lock has no anchors and no aliases', lineAt(text, event.anchorStart), 'E_LIMIT');
    if (event.type === EVENT_ID.DOCUMENT) stack.push({ list: documents });
    else if (event.type === EVENT_ID.POP) stack.pop();
    else if (event.type === EVENT_ID.SCALAR) {
      const value = event.fast ? text.slice(event.valueStart, event.valueEnd) : getScalarValue(text, event);
      put(value, event.valueStart);
    } else if (event.type === EVENT_ID.MAPPING) {
      const map: YamlMap = new Map();
      put(map as never, event.start);
      stack.push({ map });
    } else if (event.type === EVENT_ID.SEQUENCE) {
      const list: YamlNode[] = [];
      put(list, event.start);
      stack.push({ list });
    }
  }
  return documents;
}

const lineAt = (text: string, offset: number): number => lineIndex(text)(offset);

/** Lines by offset: the text is searched once. */
export function lineIndex(text: string): (offset: number) => number {
  const starts: number[] = [];
  for (let found = text.indexOf('\n'); found >= 0; found = text.indexOf('\n', found + 1)) starts.push(found);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}

export function mapOf(node: YamlNode | undefined): YamlMap | undefined {
  return node instanceof Map ? node : undefined;
}

export const at = (map: YamlMap | undefined, key: string): YamlNode | undefined => map?.get(key)?.value;

/** Text of a scalar; undefined for what is none. */
export function textAt(map: YamlMap | undefined, key: string): string | undefined {
  const value = at(map, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
