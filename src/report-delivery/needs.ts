import { z } from 'zod';
import { ActionError } from '../runner/index.ts';
import { parseJson } from '../text/index.ts';

const schema = z.record(
  z.string(),
  z.object({
    result: z.enum(['success', 'failure', 'cancelled', 'skipped']),
    outputs: z.record(z.string(), z.string()).default({}),
  }),
);

/** Results and outputs of the jobs before, as `toJSON(needs)` gives them. */
export type Needs = Readonly<z.output<typeof schema>>;

/** @throws ActionError E_INPUT when it is not what `toJSON(needs)` writes */
export function parseNeeds(text: string): Needs {
  const result = schema.safeParse(parseJson(text));
  if (result.success) return result.data;
  throw new ActionError('E_INPUT', {
    what: 'input needs',
    why: 'it is not a map of job results',
    fix: 'Pass it as needs: ${{ toJSON(needs) }}',
  });
}
