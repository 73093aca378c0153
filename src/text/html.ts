/** HTML writers for self-contained reports. */
import { oneLine } from './line.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text between tags. */
export function text(value: string, max = 4000): string {
  return oneLine(value, max).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
}

/** Value of a double-quoted attribute, quotes not included. */
export function attribute(value: string, max = 4000): string {
  return text(value, max).replace(/`/g, '&#96;');
}
