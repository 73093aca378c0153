/**
 * Writers for single lines of untrusted text: package names, tags, branch names, server messages, file content.
 * Everything that reaches a log, an annotation or a commit message passes through here first.
 */

// C0 and C1 controls, the line separators of Unicode, and the bidirectional and zero-width characters that make a text
// read differently from what it is ("Trojan Source", CVE-2021-42574).
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/g;
const ANSI = /\u001b(?:\[[0-9;?]{0,32}[ -/]{0,4}[@-~]|\][^\u0007\u001b]{0,256}(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * One printable line: ANSI sequences removed, tabs and line breaks become one blank, other controls, bidirectional and
 * zero-width characters become `\u{hex}`, lone surrogates U+FFFD.
 * @param text any text
 * @param max longest result in UTF-16 units; a longer one is cut and ends in `…`
 */
export function oneLine(text: string, max = 4000): string {
  const bounded = text.length > max * 4 ? text.slice(0, max * 4) : text;
  const line = bounded
    .replace(ANSI, '')
    .replace(/\r\n?|[\n\t\u2028\u2029]/g, ' ')
    .replace(DANGEROUS, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`)
    .replace(LONE_SURROGATE, '\ufffd');
  return line.length > max ? `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/** Same as {@link oneLine}, line by line: keeps line breaks as the only controls. */
export function manyLines(text: string, maxLine = 4000): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => oneLine(line.replace(/\t/g, '  '), maxLine))
    .join('\n');
}

/** Cuts a text to at most `max` bytes of UTF-8, never inside a character. */
export function truncateBytes(text: string, max: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= max) return text;
  let end = max;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}
