/** The text that takes the place of a scalar, and exactly which characters it replaces. */
import type { ScalarSite } from './site.ts';
import type { Span } from './splice.ts';

/** @param rendered '' leaves nothing behind the colon */
export function spanFor(text: string, site: ScalarSite, rendered: string): Span {
  if (site.style === 'block') return blockSpan(text, site, rendered);
  const { start, end } = site;
  if (rendered === '') return { start: start - blanksToTake(text, site), end, text: '' };
  if (site.style !== 'empty') return { start, end, text: rendered };
  const before = /[ \t]/.test(text[start - 1] ?? ' ') ? '' : ' ';
  const after = text[start] === '#' ? ' ' : '';
  return { start, end, text: `${before}${rendered}${after}` };
}

/** Offset behind the line break that ends the line of `at`; the end of the text when there is none. */
export function lineEnd(text: string, at: number): number {
  const feed = text.indexOf('\n', at);
  return feed < 0 ? text.length : feed + 1;
}

// The way back of what is put into an empty value: one blank when a comment follows, which has kept its own; all at the end of a line.
function blanksToTake(text: string, { start, end, style }: ScalarSite): number {
  if (style === 'empty') return 0;
  const rest = /[ \t]*(?:(#)|\r?\n|$)/y;
  rest.lastIndex = end;
  const follows = rest.exec(text);
  if (follows === null) return 0;
  const blanks = blanksBefore(text, start);
  return follows[1] === '#' ? Math.min(1, blanks) : blanks;
}

function blanksBefore(text: string, at: number): number {
  let count = 0;
  while (text[at - 1 - count] === ' ' || text[at - 1 - count] === '\t') count += 1;
  return count;
}

// One line: the value, the comment of the block's header, the line break of the last line. Blank lines below stay where they are.
function blockSpan(text: string, { start, end }: ScalarSite, rendered: string): Span {
  let last = end;
  while (last > start && ' \t\r\n'.includes(text[last - 1] ?? '')) last -= 1;
  const feed = text.indexOf('\n', last);
  const closed = feed >= 0 && feed < end;
  const ending = closed ? (text[feed - 1] === '\r' ? '\r\n' : '\n') : '';
  const header = text.slice(start, Math.min(end, lineEnd(text, start)));
  const comment = /[ \t]+#[^\r\n]*/.exec(header)?.[0] ?? '';
  const taken = rendered === '' ? blanksBefore(text, start) : 0;
  return { start: start - taken, end: closed ? feed + 1 : end, text: `${rendered}${comment}${ending}` };
}
