/** Short ways to edit a text and to see what it was refused with. */
import { CORE_SCHEMA, loadAll, YAML11_SCHEMA } from 'js-yaml';
import { parseAllDocuments } from 'yaml';
import { ActionError } from '../../src/runner/index.ts';
import { type Change, editValues, parsePath } from '../../src/yaml/index.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const change = (path: string, value: string, over: Partial<Change> = {}): Change => ({
  document: undefined,
  path: parsePath(path),
  value,
  type: 'string',
  mayChangeType: true,
  ...over,
});

export const edit = (text: string, ...changes: Change[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(editValues(bytes(text), 'v.yaml', changes).bytes);

export function refusal(run: () => unknown): ActionError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  return undefined;
}

export const codeOf = (run: () => unknown): string => refusal(run)?.code ?? 'none';

const values = (text: string, version: '1.1' | '1.2'): unknown[] =>
  parseAllDocuments(text, { version, uniqueKeys: false }).map((d) => (d as { toJS(): unknown }).toJS());

/** The text as four readers see it, each a list of documents. */
export const readings = (text: string): unknown[][] => [
  values(text, '1.2'),
  values(text, '1.1'),
  loadAll(text, { schema: CORE_SCHEMA, json: true }),
  loadAll(text, { schema: YAML11_SCHEMA, json: true }),
];
