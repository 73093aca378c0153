/** Logical lines of a requirements file: physical lines joined at `\`, comments cut, as pip's req_file does. */

export interface LogicalLine {
  text: string;
  /** The comment without its `#`, also of a line that is nothing else. */
  comment?: string;
  /** First and last physical line, from 1. */
  line: number;
  endLine: number;
}

// Python's str.splitlines also breaks at these; a requirement hidden behind one is installed, so it is seen.
const OTHER_BREAKS = /[\v\f\u001c-\u001e\u0085\u2028\u2029]/;

export function logicalLines(text: string): LogicalLine[] {
  const result: LogicalLine[] = [];
  let parts: string[] = [];
  let first = 0;
  const flush = (end: number): void => {
    if (parts.length > 0) result.push(cutComment(parts.join(''), first, end));
    parts = [];
  };
  for (const [index, physical] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1;
    for (const piece of physical.split(OTHER_BREAKS)) {
      if (parts.length === 0) first = line;
      const isComment = /^\s*#/.test(piece);
      if (piece.endsWith('\\') && !isComment) {
        parts.push(piece.replace(/^\\+|\\+$/g, ''));
        continue;
      }
      // A comment line ends a continuation; the blank keeps its `#` a comment.
      parts.push(isComment ? ` ${piece}` : piece);
      flush(line);
    }
  }
  flush(first);
  return result;
}

// `#` begins a comment only at the start or after white space: `pkg @ url#egg=x` has none.
function cutComment(text: string, line: number, endLine: number): LogicalLine {
  const at = /(?:^|\s)#/.exec(text);
  if (at === null) return { text: text.trim(), line, endLine };
  const hash = text.indexOf('#', at.index);
  return { text: text.slice(0, at.index).trim(), comment: text.slice(hash + 1).trimEnd(), line, endLine };
}
