/** What a registry does wrong, as errors of the suite. */
import { ActionError, type ErrorCode } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

/** An unusable answer of a registry, with the status it had. */
export class RegistryError extends ActionError {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(code: ErrorCode, status: number, what: string, why: string, fix: string, cause?: unknown) {
    super(code, { what, why, fix, ...(cause === undefined ? {} : { cause }) });
    this.status = status;
  }
}

/** Code, reason and advice for a status that was not expected. */
export function statusError(what: string, status: number, body: string, retryAfter?: number): RegistryError {
  const said = reason(body);
  const why = `the registry answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 401) {
    return new RegistryError(
      'E_AUTH',
      status,
      what,
      why,
      'Check username and password, or the token, of this registry',
    );
  }
  if (status === 403) {
    return new RegistryError('E_DENIED', status, what, why, 'Give this login the right on the repository');
  }
  if (status === 429) {
    const wait = retryAfter === undefined ? 'later' : `in ${Math.ceil(retryAfter)} s`;
    return new RegistryError('E_RATE_LIMIT', status, what, why, `Run again ${wait}, or log in for a higher limit`);
  }
  return new RegistryError('E_REGISTRY', status, what, why, 'Run again; when it stays, ask who runs the registry');
}

/** A tag that was to be created, and that another client has created meanwhile. */
export function takenError(what: string, there: string): RegistryError {
  const fix = 'Run again, which looks at what is there';
  return new RegistryError('E_REGISTRY', 409, what, `it was created as ${there} while it was being written`, fix);
}

// The error body is untrusted text of up to 64 KiB; codes and messages of the first three entries are enough.
function reason(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { code?: unknown; message?: unknown }[] };
    const lines = (Array.isArray(errors) ? errors : []).slice(0, 3).map((e) => `${e?.code ?? ''} ${e?.message ?? ''}`);
    return oneLine(lines.join('; ').trim(), 300);
  } catch {
    return '';
  }
}
