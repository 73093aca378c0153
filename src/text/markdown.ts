/** Markdown writers: every argument is untrusted text, every result is inert in GitHub's renderer. */
import { oneLine } from './line.ts';

/**
 * Running text. Escapes what could start markup, HTML, a mention, an issue reference or a bare link.
 * @param text any text; it becomes one line
 */
export function text(value: string, max = 1000): string {
  return oneLine(value, max)
    .replace(/[\\`*_[\]#!|~$]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@/g, '&#64;')
    .replace(/:\/\//g, '&#58;//')
    .replace(/\bwww\./gi, 'www&#46;')
    .replace(/^(\s*)([-+=])/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, '$1\\$2');
}

/** Inline code. The fence is longer than any run of backticks inside; `|` is escaped so that it is safe in a table. */
export function code(value: string, max = 1000): string {
  const line = oneLine(value, max).replace(/\|/g, '\\|');
  if (line === '') return '';
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map((run) => run[0].length));
  const ticks = '`'.repeat(longest + 1);
  const pad = line.startsWith('`') || line.endsWith('`') || line.startsWith(' ') ? ' ' : '';
  return `${ticks}${pad}${line}${pad}${ticks}`;
}

/** Block of code whose fence is longer than any run of backticks inside. The text keeps its line breaks. */
export function fence(value: string, language = ''): string {
  const longest = Math.max(2, ...[...value.matchAll(/`+/g)].map((run) => run[0].length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}${language}\n${value.replace(/\n$/, '')}\n${ticks}\n`;
}

/** Link with an escaped label. The address must be absolute http(s); anything else gives the label alone. */
export function link(label: string, address: string): string {
  if (!/^https?:\/\/[^\s<>()\\"'`]+$/.test(address)) return text(label);
  return `[${text(label)}](<${address}>)`;
}

/** Table. Cells are Markdown already (made with the writers above), one line each. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replace(/\n/g, ' ')).join(' | ')} |`;
  return `${[row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')}\n`;
}

/** Collapsed section with an escaped title. */
export function details(title: string, body: string): string {
  return `<details><summary>${text(title)}</summary>\n\n${body}\n</details>\n`;
}
