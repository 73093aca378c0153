/** The shape of every refusal of one input. */
import { ActionError, type ErrorCode } from '../runner/index.ts';

/** @param input its name, as in action.yml */
export function bad(code: ErrorCode, input: string, why: string, fix: string): ActionError {
  return new ActionError(code, { what: `input ${input}`, why, fix });
}
