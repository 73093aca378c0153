/** Short texts, such as a key or a value alone, as the four judges read them. */
import { LineCounter } from 'yaml';
import { type Leaf, Refusal, readAll } from './judges.ts';
import { parseTokens } from './tokens.ts';

/** Leaves by judge; undefined when one refuses the text. */
export function readShort(text: string): readonly (readonly Leaf[])[] | undefined {
  try {
    const lines = new LineCounter();
    return readAll(text, parseTokens(text, lines).tokens, lines).leaves;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
