/** Operations whose body was cut or changed on its way, done again as a whole. */
import { withRetry } from '../http/index.ts';
import { DigestMismatch } from './digest.ts';
import { RegistryError } from './error.ts';
import { isTransientError, RETRY_AFTER_CAP_MS, type RegistryOptions, type Transport } from './transport.ts';
import { UploadAgain } from './upload.ts';

const MOST = 2;

/** @throws RegistryError E_DIGEST when the bytes stay others, and those of the transport */
export function repeating<T>(operation: () => Promise<T>, transport: Transport, options: RegistryOptions): Promise<T> {
  const { clock, deadline, random = Math.random, retries = 4 } = options;
  return withRetry(operation, {
    retries: Math.min(retries, MOST),
    baseMs: 500,
    capMs: 20_000,
    retryAfterCapMs: RETRY_AFTER_CAP_MS,
    clock,
    deadline,
    random,
    classify(outcome) {
      if (!('error' in outcome) || !isBodyFault(outcome.error)) return 'ok';
      const wait = outcome.error instanceof UploadAgain ? outcome.error.wait : undefined;
      return wait === undefined ? 'retry' : { retryAfterMs: wait * 1000 };
    },
  }).catch((error: unknown) => {
    if (error instanceof DigestMismatch) throw otherBytes(transport.host, error.message, error);
    throw error instanceof UploadAgain ? error.cause : transport.explain(error);
  });
}

/** The error for bytes that are not those of their digest. */
export function otherBytes(what: string, why: string, cause?: unknown): RegistryError {
  const fix = 'The registry, or something on the way to it, changes content: do not use this image';
  return new RegistryError('E_DIGEST', 200, what, why, fix, cause);
}

// Requests repeat their own transient answers; what is left is what only shows while a body is read.
function isBodyFault(error: unknown): boolean {
  if (error instanceof UploadAgain || error instanceof DigestMismatch) return true;
  return isTransientError(error) || (error instanceof RegistryError && error.code === 'E_DIGEST');
}
