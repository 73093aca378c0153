/** The published JSON schemas, from the zod schemas. Editors and readers of the report use them; the action does not. */
import { z } from 'zod';
import { ignoreFileSchema } from './policy/ignore-file.ts';
import { reportSchema } from './report/schema.ts';

/** Text of actions/scan-deps/scan-deps.schema.json: the report. */
export function reportJsonSchema(): string {
  return textOf('Report of scan-deps', z.toJSONSchema(reportSchema, { io: 'output', target: 'draft-7' }));
}

/** Text of actions/scan-deps/ignore.schema.json: the file of accepted risks. */
export function ignoreJsonSchema(): string {
  return textOf('Accepted risks of scan-deps', z.toJSONSchema(ignoreFileSchema, { io: 'input', target: 'draft-7' }));
}

const textOf = (title: string, schema: object): string => `${JSON.stringify({ title, ...schema }, null, 2)}\n`;
