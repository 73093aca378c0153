/** The published JSON schema of the rules file, from the zod schema. Editors read it; the action does not. */
import { z } from 'zod';
import { canarySchema } from './schema.ts';
import { templateEntry, templateNames } from './templates/index.ts';

/** Text of actions/verify-canary/canary.schema.json. */
export function jsonSchema(): string {
  const options = { io: 'input', target: 'draft-7' } as const;
  const schema = z.toJSONSchema(canarySchema, options);
  // The schema of the source sees the rules after the templates have become metrics; the file may have both.
  const metrics = schema.properties?.metrics as { items?: unknown };
  const { $schema: _, ...entry } = z.toJSONSchema(templateEntry, options);
  const template = { ...entry, properties: { ...entry.properties, template: { enum: templateNames() } } };
  metrics.items = { anyOf: [metrics.items, template] };
  return `${JSON.stringify({ title: 'Rules of verify-canary', ...schema }, null, 2)}\n`;
}
