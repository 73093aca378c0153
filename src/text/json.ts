/** @returns the value of a JSON text, or undefined (which no JSON text means) when it is none: for callers with a schema */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
