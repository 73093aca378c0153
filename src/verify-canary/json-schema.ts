/** The published JSON schema of the rules file, from the zod schema. Editors read it; the action does not. */
import { z } from 'zod';
import { canarySchema } from './schema.ts';

/** Text of actions/verify-canary/canary.schema.json. */
export function jsonSchema(): string {
  const schema = z.toJSONSchema(canarySchema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ title: 'Rules of verify-canary', ...schema }, null, 2)}\n`;
}
