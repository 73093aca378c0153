import { types } from 'node:util';

export type HttpErrorKind = 'policy' | 'connect' | 'timeout' | 'reset' | 'tls' | 'too-large' | 'aborted' | 'bad-body';

/** No answer, or one that could not be read. A status code is never an HttpError. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }

  /** True when the same request may succeed a moment later. Whether it may be repeated is the caller's to know. */
  get transient(): boolean {
    return this.kind === 'connect' || this.kind === 'timeout' || this.kind === 'reset';
  }
}

const KINDS: Readonly<Record<string, HttpErrorKind>> = {
  ECONNREFUSED: 'connect',
  ENOTFOUND: 'connect',
  EAI_AGAIN: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_ABORTED: 'aborted',
};

/** Sorts whatever the HTTP library throws. `where` is scheme, host and path, never the query. */
export function toHttpError(error: unknown, where: string): HttpError {
  if (error instanceof HttpError) return error;
  // Not instanceof: an error of Node's own may come from another realm.
  if (!types.isNativeError(error)) return new HttpError('reset', `${where}: ${String(error)}`, error);
  if (error.cause instanceof HttpError) return error.cause;
  const code = 'code' in error ? String(error.code) : '';
  if (error.name === 'AbortError') return new HttpError('aborted', `${where}: cancelled`, error);
  const tls = /^(ERR_TLS|CERT_|DEPTH_|UNABLE_TO|SELF_SIGNED|ERR_SSL)/.test(code) || code.includes('CERT');
  return new HttpError(tls ? 'tls' : (KINDS[code] ?? 'reset'), `${where}: ${error.message || code}`, error);
}
