/** The one error class of the suite. A code says what happened, the facts say what failed, why, and what to do. */
import { types } from 'node:util';
import { oneLine } from '../text/index.ts';

export type ErrorCode = `E_${string}`;
export type WarningCode = `W_${string}`;

/** A place in a file of the checkout: path relative to the workspace, lines and columns from 1. */
export interface Place {
  file: string;
  line?: number;
  endLine?: number;
  column?: number;
}

export interface ErrorFacts {
  /** What failed, in words of the user's world: "input tags". */
  what: string;
  /** The cause, without a full stop. */
  why: string;
  /** What to do, a sentence without its full stop. */
  fix: string;
  at?: Place;
  cause?: unknown;
}

/** An expected failure. Its text is safe to print only through a log or writer (it may quote untrusted input). */
export class ActionError extends Error {
  override readonly name = 'ActionError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts) {
    super(`${facts.what}: ${facts.why}. ${facts.fix}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }
}

/**
 * Turns whatever was thrown into a code and one line `<action>: <what>: <why>. <fix> [CODE]`.
 * An error nobody expected becomes E_INTERNAL: a bug of the suite, never the user's fault.
 */
export function describeError(action: string, error: unknown): { code: ErrorCode; message: string; at?: Place } {
  if (error instanceof ActionError) {
    const message = oneLine(`${action}: ${error.message.replace(/\.?$/, '.')} [${error.code}]`);
    return error.facts.at === undefined
      ? { code: error.code, message }
      : { code: error.code, message, at: error.facts.at };
  }
  const text = types.isNativeError(error) ? `${error.name}: ${error.message}` : String(error);
  const why = oneLine(text, 1000).replace(/\.$/, '');
  return {
    code: 'E_INTERNAL',
    message: `${action}: unexpected failure: ${why}. This is a bug in ${action}: please report it with the log. [E_INTERNAL]`,
  };
}
