const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds of a duration: a number and one of `ms`, `s`, `m`, `h`, `d`. The same grammar in every input and config file.
 * @returns undefined when the text is anything else
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  return Number((Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN)).toPrecision(12));
}
