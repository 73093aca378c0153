/** What finding a target gives. */
import type { Node, Scalar, YAMLMap } from 'yaml';
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import { formatPath, type ValuePath } from './path.ts';
import type { YamlSource } from './source.ts';
import type { Place } from './values.ts';

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
  /** True when the tag !!str makes a string of it. */
  tagged: boolean;
  /** An item of a list in brackets, where nothing at all would be no item. */
  inBrackets: boolean;
  line: number;
  column: number;
  /** By judge. */
  places: readonly Place[];
  /** Offset of its key; of itself in a list. */
  keyStart: number;
}

export interface MapSite {
  kind: 'map';
  keys: readonly string[];
  line: number;
  keyStart: number;
}

export interface MissingSite {
  kind: 'missing';
  why: string;
  /** The last node on the way that is there, when it can be given keys. */
  last?: LastNode;
}

export interface LastNode {
  node: YAMLMap | Scalar;
  /** The collection that holds it; undefined at the root. */
  holder: unknown;
  /** Steps of the path that lead to it. */
  steps: number;
  /** Anchors of it and of what it stands in. */
  anchors: readonly string[];
}

export type Site = ScalarSite | MapSite | MissingSite;

/** A path for messages. */
export function shown(path: ValuePath): string {
  return path.length === 0 ? 'the root' : oneLine(formatPath(path), 200);
}

export function position(source: YamlSource, node: Node | undefined): { line: number; column: number } {
  if (!node?.range) return { line: 1, column: 1 };
  const { line, col } = source.lines.linePos(node.range[0]);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** A refusal that names the file, and the place in it. */
export function refuse(
  source: YamlSource,
  node: Node | undefined,
  code: ErrorCode,
  why: string,
  fix: string,
): ActionError {
  const { line, column } = position(source, node);
  return new ActionError(code, {
    what: `file ${oneLine(source.file, 200)}`,
    why,
    fix,
    at: { file: source.file, line, column },
  });
}
