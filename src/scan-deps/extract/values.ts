/** Narrowing of parsed values. Tables keyed by package names are read by own keys only: `constructor` is a package. */

export type Table = Record<string, unknown>;

export function asTable(value: unknown): Table | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** An own property, whatever its name. */
export function own(table: Table | undefined, key: string): unknown {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

export function entriesOf(value: unknown): [string, unknown][] {
  return Object.entries(asTable(value) ?? {});
}
