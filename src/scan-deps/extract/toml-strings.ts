/**
 * Lines of the strings in a TOML text that a parser has accepted: which statement they stand in, and where. One pass;
 * what a string means is the parser's word, this only finds the place of it.
 */

/** @returns the line of a string below a key; of equal ones each is found once, in order */
export function stringLines(text: string): (path: readonly string[], value: string) => number | undefined {
  const statements = new Map<string, Map<string, Places>>();
  const scanner = new Scanner(text);
  for (let next = scanner.statement(); next !== undefined; next = scanner.statement()) {
    const id = JSON.stringify(next.path);
    const byText = statements.get(id) ?? new Map<string, Places>();
    statements.set(id, byText);
    for (const { value, line } of next.strings) {
      const places = byText.get(value);
      if (places === undefined) byText.set(value, { lines: [line], next: 0 });
      else places.lines.push(line);
    }
  }
  return (path, value) => {
    // The key may be written as a statement of its own, or inside an inline table of a shorter key.
    for (let length = path.length; length > 0; length -= 1) {
      const places = statements.get(JSON.stringify(path.slice(0, length)))?.get(value);
      if (places === undefined || places.next >= places.lines.length) continue;
      places.next += 1;
      return places.lines[places.next - 1];
    }
    return undefined;
  };
}

interface Places {
  lines: number[];
  /** The first that nobody asked for yet. */
  next: number;
}

interface Statement {
  path: string[];
  strings: { value: string; line: number }[];
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #table: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** The next key with its value; headers only change the table. */
  statement(): Statement | undefined {
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return undefined;
      if (this.#text[this.#at] === '[') {
        while (this.#text[this.#at] === '[') this.#at += 1;
        this.#table = this.#keys(']');
        while (this.#text[this.#at] === ']') this.#at += 1;
      } else {
        const path = [...this.#table, ...this.#keys('=')];
        this.#at += 1;
        return { path, strings: this.#value() };
      }
    }
  }

  #skipBlank(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const c = this.#text[this.#at];
      if (c === '\n') this.#line += 1;
      else if (c === '#') this.#skipComment();
      else if (c !== ' ' && c !== '\t' && c !== '\r') return;
    }
  }

  /** Stops before the line break. */
  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = (end < 0 ? this.#text.length : end) - 1;
  }

  #keys(end: string): string[] {
    const keys: string[] = [];
    let bare = '';
    for (; this.#at < this.#text.length; this.#at += 1) {
      const c = this.#text[this.#at] ?? '';
      if (c === end || c === '\n') break;
      if (c === '"' || c === "'") {
        keys.push(this.#string());
        this.#at -= 1;
      } else if (/[\w-]/.test(c)) bare += c;
      else if (bare !== '') {
        keys.push(bare);
        bare = '';
      }
    }
    return bare === '' ? keys : [...keys, bare];
  }

  #value(): Statement['strings'] {
    const strings: Statement['strings'] = [];
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const c = this.#text[this.#at];
      if (c === '\n') {
        if (depth <= 0) break;
        this.#line += 1;
      } else if (c === '#') this.#skipComment();
      else if (c === '[' || c === '{') depth += 1;
      else if (c === ']' || c === '}') depth -= 1;
      else if (c === '"' || c === "'") {
        const { at, line } = { at: this.#at, line: this.#line };
        const value = this.#string();
        if (this.#at > at) strings.push({ value, line });
        this.#at -= 1;
      }
    }
    return strings;
  }

  /** From the opening quote to behind the closing one. */
  #string(): string {
    const quote = this.#text[this.#at] ?? '';
    const mark = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    const start = this.#at + mark.length;
    let end = start;
    while (end < this.#text.length && !this.#text.startsWith(mark, end)) {
      if (this.#text[end] === '\n') this.#line += 1;
      end += quote === '"' && this.#text[end] === '\\' ? 2 : 1;
    }
    // A run of quotes at the end of a multi-line string: the last three close it.
    while (mark.length === 3 && this.#text[end + 3] === quote) end += 1;
    this.#at = end + mark.length;
    const raw = this.#text.slice(start, end);
    return quote === '"' && raw.includes('\\') ? unescaped(raw) : raw;
  }
}

function unescaped(raw: string): string {
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw;
  }
}
