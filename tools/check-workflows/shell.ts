/** Reads a script of a workflow as far as the rules need it: commands, and their words with the quotes left on. */

/** One command: its words as they are written, quotes and all. */
export type Command = readonly string[];

/** Splits at the ends of commands (`;`, `&`, `|`, line ends, brackets), outside of quotes; a comment is nothing. */
export function commandsOf(script: string): Command[] {
  const commands: Command[] = [];
  let words: string[] = [];
  let word = '';
  let quote = '';
  const endWord = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  const text = script.replace(/\\\n\s*/g, ' ');
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i] ?? '';
    if (quote !== '') {
      word += c;
      if (c === '\\' && quote === '"') word += text[++i] ?? '';
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'") {
      quote = c;
      word += c;
    } else if (c === '\\') word += c + (text[++i] ?? '');
    else if (c === '#' && word === '') {
      while (i + 1 < text.length && text[i + 1] !== '\n') i += 1;
    } else if (c === '&' && (text[i - 1] === '>' || text[i + 1] === '>')) word += c;
    else if (/[\n;&|]/.test(c)) endCommand();
    else if (/\s/.test(c)) endWord();
    else word += c;
  }
  endCommand();
  return commands.map(withoutPrefix).filter((command) => command.length > 0);
}

// `if`, `!`, `then` and `NAME=value` before a command are not its name.
function withoutPrefix(words: Command): Command {
  const first = words.findIndex(
    (word) => !/^(if|then|else|elif|while|until|do|!|\{|\(|time|exec|command)$|^\w+=/.test(word),
  );
  return first < 0 ? [] : words.slice(first);
}

/** Does the shell put a value into this word? */
export const hasValue = (word: string): boolean => /\$[\w{(@*#?]|`/.test(word.replace(/'[^']*'/g, ''));
