/** From text to tokens, with what only they tell: comments, and how deep the text nests before anything is built from it. */
import { CST, Lexer, type LineCounter, Parser } from 'yaml';
import { MAX_DEPTH, Refusal } from './judges.ts';

export interface Comment {
  /** UTF-16 offset of the `#`. */
  offset: number;
  /** From the `#` to the end of the line, without the line break. */
  text: string;
}

export interface Syntax {
  tokens: readonly CST.Token[];
  /** In the order of the text. */
  comments: readonly Comment[];
}

/** The concrete syntax tree; both YAML versions are composed from it. @throws Refusal as soon as it nests too deep */
export function parseTokens(text: string, lines: LineCounter): Syntax {
  const tokens: CST.Token[] = [];
  const comments: Comment[] = [];
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let scalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    // What follows the mark of a scalar is its text, whatever it looks like.
    if (!scalar && lexeme.startsWith('#')) comments.push({ offset: parser.offset, text: lexeme });
    scalar = !scalar && lexeme === CST.SCALAR;
    for (const token of parser.next(lexeme)) tokens.push(token);
    // Going on would take time by the square of the depth.
    if (parser.stack.length > MAX_DEPTH && parser.stack.filter((token) => 'items' in token).length > MAX_DEPTH)
      throw new Refusal(`nesting is deeper than ${MAX_DEPTH}`, Math.max(1, lines.linePos(parser.offset).line));
  }
  for (const token of parser.end()) tokens.push(token);
  return { tokens, comments };
}
