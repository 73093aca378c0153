/** Values that stand in several places through an anchor: an edit of one would change all. */
import { type Document, isCollection, isPair, isScalar, type Pair, visit } from 'yaml';
import { oneLine } from '../text/index.ts';
import { keyText } from './keys.ts';
import type { ValuePath } from './path.ts';
import { refuse, shown } from './site.ts';
import type { YamlSource } from './source.ts';

export function anchorOf(node: unknown): string[] {
  return (isCollection(node) || isScalar(node)) && node.anchor !== undefined ? [node.anchor] : [];
}

/** @throws ActionError E_ANCHOR_SHARED listing the places when one of the anchors is used */
export function checkUnshared(
  source: YamlSource,
  document: Document.Parsed,
  anchors: readonly string[],
  path: ValuePath,
): void {
  if (anchors.length === 0) return;
  const users: string[] = [];
  visit(document, {
    Alias(_key, alias, ancestors) {
      if (!anchors.includes(alias.source)) return;
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
    source,
    undefined,
    'E_ANCHOR_SHARED',
    `${shown(path)} is shared by its anchor with ${list}: the edit would change that too`,
    'Write the value out in one of the places',
  );
}
