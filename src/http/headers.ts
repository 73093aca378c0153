/** The headers of an answer. The global Headers would bring in the whole of fetch: 50 ms and 3 MB for two look-ups by name. */

export interface AnswerHeaders {
  /** Several of one name are joined by `, `; null when there is none. */
  get(name: string): string | null;
  has(name: string): boolean;
}

/** @param raw as undici hands them over: names in lower case */
export function answerHeaders(raw: Readonly<Record<string, string | string[] | undefined>>): AnswerHeaders {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) values.set(name, (Array.isArray(value) ? value.join(', ') : value).trim());
  }
  return {
    get: (name) => values.get(name.toLowerCase()) ?? null,
    has: (name) => values.has(name.toLowerCase()),
  };
}
