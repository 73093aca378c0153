/** When a string may stand plain. On purpose wider than any one parser: Helm reads YAML 1.1 through Go, others read 1.2. */

const PLAIN = /^[A-Za-z0-9_./][A-Za-z0-9_./@:+-]*$/;

// What some parser reads as something else than a string: numbers in all spellings, base 60, dates, null, booleans, infinities.
const NOT_A_STRING: readonly RegExp[] = [
  /^[-+]?0x[0-9a-f_]+$/i,
  /^[-+]?0o[0-7_]+$/i,
  /^[-+]?0b[01_]+$/i,
  /^[-+]?[0-9_]*\.?[0-9_]*(e[-+]?[0-9_]+)?$/i,
  /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt].*)?$/,
  /^(null|true|false|yes|no|on|off|y|n)$/i,
  /^[-+]?\.(inf|nan)$/i,
];

/** True when every parser reads the text as that very string without quotes. About one in eighteen 7-digit short SHAs is not. */
export function isPlainSafe(text: string): boolean {
  return (
    text.length <= 4096 &&
    PLAIN.test(text) &&
    !text.endsWith(':') &&
    !NOT_A_STRING.some((pattern) => pattern.test(text))
  );
}

/** True when no parser makes anything but text of it, where it stands plain already. */
export function isReadAsText(text: string): boolean {
  return (
    !['', '~', '<<', '='].includes(text) &&
    !/^[0-9]{4}-/.test(text) &&
    !NOT_A_STRING.some((pattern) => pattern.test(text))
  );
}

/** True for texts that no scalar may carry: NUL, line breaks, other controls, lone surrogates, U+2028/2029, and what YAML calls not printable. */
export function isUnwritable(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/.test(text) || !text.isWellFormed();
}

export type QuoteStyle = 'plain' | 'single' | 'double';

/** A string in the wanted style; plain falls back to double quotes (JSON escapes) when it would not be read as that string. */
export function renderString(text: string, style: QuoteStyle): string {
  if (style === 'single') return `'${text.replaceAll("'", "''")}'`;
  if (style === 'plain' && isPlainSafe(text)) return text;
  return JSON.stringify(text);
}
