/** Pins: a comment by which people keep a value as it is. */
import { find } from './find.ts';
import type { ValuePath } from './path.ts';
import type { YamlSource } from './source.ts';

const PIN = /(?:^|\s)#\s*bump:pin(?:\s+(.*))?$/;

/**
 * Whether a comment `# bump:pin <why>` stands on a line of the target: of its key, or of its value when that is a scalar.
 * @returns the why, '' when none is given, undefined when the target is not pinned or not there
 * @throws ActionError what find refuses
 */
export function pinOf(source: YamlSource, document: number | undefined, path: ValuePath): string | undefined {
  const site = find(source, document, path);
  if (site.kind === 'missing' || path.length === 0) return undefined;
  const line = (at: number): number => source.lines.linePos(at).line;
  const lines = new Set([line(site.keyStart)]);
  // The end of a block is the start of the next line.
  if (site.kind === 'scalar')
    for (const at of site.style === 'block' ? [site.start] : [site.start, site.end]) lines.add(line(at));
  for (const comment of source.comments) {
    const pin = lines.has(line(comment.offset)) ? PIN.exec(comment.text) : null;
    if (pin !== null) return (pin[1] ?? '').trim();
  }
  return undefined;
}
