/** Careful reading of somebody else's JSON: everything may be missing, or be something else. */
import { oneLine } from '../text/index.ts';

export type Fields = Readonly<Record<string, unknown>>;

const MAX_MESSAGE = 300;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** One word of a state, `Unknown` when there is none. */
export function word(value: unknown): string {
  return typeof value === 'string' && value !== '' ? oneLine(value, 40) : 'Unknown';
}

/** A name or a label, '' when there is none. */
export function name(value: unknown): string {
  return typeof value === 'string' ? oneLine(value, 300) : '';
}

/** A sentence for people. */
export function message(value: unknown): string {
  return typeof value === 'string' ? oneLine(value, MAX_MESSAGE).trim() : '';
}

export function names(value: unknown): string[] {
  return list(value)
    .map(name)
    .filter((text) => text !== '');
}
