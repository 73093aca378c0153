/** Unified diff of the files of a round. */
import { createTwoFilesPatch } from 'diff';
import type { FileEdit } from './round.ts';

/** It applies with `git apply`. */
export function diffOf(edits: readonly FileEdit[]): string {
  const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return edits
    .map((e) =>
      createTwoFilesPatch(`a/${e.path}`, `b/${e.path}`, decode(e.before), decode(e.bytes), undefined, undefined, {
        context: 3,
      }).replace(/^=+\n/, ''),
    )
    .join('');
}

/** Cut on a line boundary, with a note. @param most characters */
export function cutDiff(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, text.lastIndexOf('\n', most) + 1)}# cut here: the commit holds the whole diff\n`;
}
