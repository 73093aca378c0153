/** Short texts, such as a key or a value alone, as the four judges read them. */
import { LineCounter } from 'yaml';
import { Refusal, readAll } from './judges.ts';
import { parseTokens } from './tokens.ts';

/** The value by judge; undefined when one refuses the text. */
export function readShort(text: string): readonly unknown[] | undefined {
  try {
    const lines = new LineCounter();
    return readAll(text, parseTokens(text, lines).tokens, lines).values.map(([document]) => document);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
