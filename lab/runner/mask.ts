/** Secrets in text become `***`: each value, each of its lines, and the forms in which tools like to print it. */

export interface Masker {
  add(secret: string): void;
  mask(text: string): string;
  /** Whether the text holds a secret. */
  holds(text: string): boolean;
}

export function masker(secrets: Iterable<string> = []): Masker {
  const values = new Set<string>();
  let pattern: RegExp | undefined;
  const add = (secret: string): void => {
    for (const line of [secret, ...secret.split(/\r?\n/)]) for (const form of forms(line)) values.add(form);
    pattern = undefined;
  };
  for (const secret of secrets) add(secret);
  const mask = (text: string): string => {
    if (values.size === 0) return text;
    // Longest first, or a secret that begins like another would leave its end readable.
    pattern ??= new RegExp(
      [...values]
        .sort((a, b) => b.length - a.length)
        .map(literal)
        .join('|'),
      'g',
    );
    return text.replace(pattern, '***');
  };
  return { add, mask, holds: (text) => mask(text) !== text };
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** Plain, base64 at each of the three alignments, JSON and URL escaped. A blank line is no secret. */
function forms(secret: string): string[] {
  if (secret.trim() === '') return [];
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => {
    const text = bytes.subarray(shift).toString('base64').replace(/=+$/, '');
    // The last character also depends on what follows the secret.
    return bytes.subarray(shift).length % 3 === 0 ? text : text.slice(0, -1);
  });
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...base64.filter((text) => text.length >= 8),
  ].filter((text) => text !== '');
}
