/** An archive of the database at a URL: asked for by one HEAD, fetched only when no index of that state is at hand. */
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type AnswerHeaders,
  type Http,
  HttpError,
  type HttpResponse,
  retryAfter,
  withRetry,
} from '../../http/index.ts';
import { ActionError, type Clock, type Deadline } from '../../runner/index.ts';
import { formatBytes } from '../../text/index.ts';
import { corrupt } from './corrupt.ts';

export interface RemotePorts {
  http: Http;
  clock: Clock;
  deadline: Deadline;
  random: () => number;
  /** Folder for what is fetched; default: the system's. */
  temp?: string;
}

/** One archive, wherever it is. */
export interface Archive {
  /** For messages. */
  name: string;
  /** Tells one state of the archive from another. @throws ActionError E_DB_MISSING */
  source(): Promise<string>;
  /** The bytes as a file, and the state they are of (it may have changed in between). */
  fetch(): Promise<{ path: string; source: () => string } & Disposable>;
}

const MAX_ARCHIVE = 1024 * 1024 * 1024;
const RETRIES = 4;

/** @param url of the archive itself, ".../PyPI/all.zip" */
export function remoteArchive(url: URL, ports: RemotePorts, maxBytes = MAX_ARCHIVE): Archive {
  const name = url.origin + url.pathname;
  return {
    name,
    async source() {
      const response = await ask(url, 'HEAD', ports);
      await response.discard();
      return stateOf(url, response.headers) ?? `${name} ${ports.random()}`;
    },
    async fetch() {
      const response = await ask(url, 'GET', ports);
      const folder = mkdtempSync(join(ports.temp ?? tmpdir(), 'scan-deps-'));
      const remove = (): void => rmSync(folder, { recursive: true, force: true });
      try {
        const path = join(folder, 'all.zip');
        const sha256 = await save(response, path, name, maxBytes, ports);
        const state = stateOf(url, response.headers) ?? sha256;
        return { path, source: () => state, [Symbol.dispose]: remove };
      } catch (error) {
        remove();
        throw error;
      }
    },
  };
}

/** @returns undefined when the server names neither a tag nor a hash: then every run fetches */
function stateOf(url: URL, headers: AnswerHeaders): string | undefined {
  const marks = [headers.get('etag'), headers.get('x-goog-hash')].filter((mark) => mark !== null && mark !== '');
  if (marks.length === 0) return undefined;
  return [url.href, ...marks, headers.get('content-length') ?? ''].join(' ');
}

async function ask(url: URL, method: 'HEAD' | 'GET', ports: RemotePorts): Promise<HttpResponse> {
  const { http, clock, deadline, random } = ports;
  const attempt = (): Promise<HttpResponse> =>
    http.send({ method, url, headers: { 'user-agent': 'scan-deps' }, signal: deadline.signal });
  const busy = (status: number): boolean => status === 408 || status === 429 || status >= 500;
  try {
    const response = await withRetry(attempt, {
      retries: RETRIES,
      baseMs: 500,
      capMs: 8000,
      retryAfterCapMs: 30_000,
      clock,
      random,
      deadline,
      classify: (outcome) => {
        if ('error' in outcome) return outcome.error instanceof HttpError && outcome.error.transient ? 'retry' : 'ok';
        if (!busy(outcome.value.status)) return 'ok';
        const wait = retryAfter(outcome.value.headers, clock.now());
        return wait === undefined ? 'retry' : { retryAfterMs: Math.min(wait, 30) * 1000 };
      },
    });
    if (response.status === 200) return response;
    await response.discard();
    throw unavailable(url, `the server answered ${response.status}`);
  } catch (error) {
    throw asFault(error, url, deadline);
  }
}

/** @returns the SHA-256 of what came, once its length and (where it is told) its MD5 are right */
async function save(
  response: HttpResponse,
  path: string,
  name: string,
  maxBytes: number,
  { deadline }: RemotePorts,
): Promise<string> {
  const told = Number(response.headers.get('content-length') ?? Number.NaN);
  if (told > maxBytes) {
    // Nobody listens to a body that is thrown away, and its abort is an error event.
    response.body.on('error', () => {}).destroy();
    throw tooLarge(name, told, maxBytes);
  }
  const hashes = { sha256: createHash('sha256'), md5: createHash('md5') };
  let length = 0;
  const measure = new Transform({
    transform(piece: Buffer, _encoding, done) {
      length += piece.length;
      if (length > maxBytes) return done(tooLarge(name, length, maxBytes));
      for (const hash of Object.values(hashes) as Hash[]) hash.update(piece);
      done(null, piece);
    },
  });
  try {
    await pipeline(response.body, measure, createWriteStream(path), { signal: deadline.signal });
  } catch (error) {
    throw asFault(error, new URL(name), deadline);
  }
  if (!Number.isNaN(told) && told !== length) throw corrupt(name, `${length} bytes came, ${told} were announced`);
  const md5 = /(?:^|[\s,])md5=([A-Za-z0-9+/]{22}==)/.exec(response.headers.get('x-goog-hash') ?? '')?.[1];
  if (md5 !== undefined && hashes.md5.digest('base64') !== md5) throw corrupt(name, 'its MD5 is not the announced one');
  return hashes.sha256.digest('hex');
}

function asFault(error: unknown, url: URL, deadline: Deadline): Error {
  if (deadline.signal.aborted) return deadline.signal.reason as Error;
  if (error instanceof ActionError) return error;
  return unavailable(url, error instanceof HttpError ? error.message : String((error as Error).message), error);
}

function unavailable(url: URL, why: string, cause?: unknown): ActionError {
  return new ActionError('E_DB_MISSING', {
    what: `database ${url.origin}${url.pathname}`,
    why,
    fix: 'Correct the input database, or try again when the server is back: <URL>/<ECOSYSTEM>/all.zip must be there for every ecosystem of the packages',
    cause,
  });
}

function tooLarge(name: string, bytes: number, most: number): ActionError {
  return new ActionError('E_LIMIT', {
    what: `database ${name}`,
    why: `${formatBytes(bytes)} is more than the ${formatBytes(most)} that are read`,
    fix: 'Give the address of an advisory database',
  });
}
