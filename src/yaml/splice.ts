import { ActionError } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

/** Replaces `text[start, end)`; offsets in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
  text: string;
}

/** Replaces the spans; everything between them is the same code units. @throws ActionError E_OVERLAPPING_EDITS */
export function splice(text: string, spans: readonly Span[], file: string): string {
  const ordered = [...spans].sort((a, b) => a.start - b.start || a.end - b.end);
  let result = '';
  let at = 0;
  for (const [i, span] of ordered.entries()) {
    const before = ordered[i - 1];
    if (before !== undefined && (span.start < before.end || span.start === before.start)) {
      throw new ActionError('E_OVERLAPPING_EDITS', {
        what: `file ${oneLine(file, 200)}`,
        why: 'two edits touch the same place',
        fix: 'Name each target once',
        at: { file },
      });
    }
    result += text.slice(at, span.start) + span.text;
    at = span.end;
  }
  return result + text.slice(at);
}

/** Insertions at one place become one, in their order. */
export function joinAt(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const same = joined.find((s) => s.start === span.start && s.end === s.start && span.end === span.start);
    if (same === undefined) joined.push({ ...span });
    else same.text += span.text;
  }
  return joined;
}
