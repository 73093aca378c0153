/** Reads one metrics page over HTTP. */
import { gunzipSync } from 'node:zlib';
import { type Http, HttpError } from '../../http/index.ts';
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { ExpositionError, parseExposition, type Sample } from './exposition.ts';

/** The page cannot be used this time. */
export class PageError extends Error {
  override readonly name = 'PageError';
}

const MAX_BODY = 16 * 1024 * 1024;
const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';

export interface Page {
  samples: Sample[];
  /** The whole text, for the names that it has. */
  text: string;
}

/**
 * @param first true when this target has never answered before: then what a person must mend is red at once
 * @throws PageError, ActionError E_PERMISSION_MISSING, E_REDIRECT, E_RESPONSE_TOO_LARGE
 */
export async function readPage(
  http: Http,
  url: URL,
  wanted: ReadonlySet<string>,
  timeout: number,
  first: boolean,
  signal: AbortSignal,
): Promise<Page> {
  const host = oneLine(url.host, 200);
  try {
    const ms = timeout * 1000;
    const response = await http.send({
      method: 'GET',
      url,
      headers: { accept: ACCEPT, 'accept-encoding': 'gzip' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
      timeouts: { headers: ms, body: ms },
    });
    if (response.status !== 200) {
      await response.discard();
      throw refuse(response.status, host);
    }
    const bytes = await response.bytes(MAX_BODY);
    const text = decode(bytes, response.headers.get('content-encoding') ?? '', host);
    const openMetrics = (response.headers.get('content-type') ?? '').includes('application/openmetrics-text');
    return { samples: parseExposition(text, wanted, openMetrics), text };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ExpositionError) throw new PageError(`${host}: ${oneLine(error.message, 300)}`);
    if (!(error instanceof HttpError)) throw error;
    if (error.kind === 'too-large' && first) {
      throw new ActionError('E_RESPONSE_TOO_LARGE', {
        what: `metrics page of ${host}`,
        why: 'it is larger than 16 MB',
        fix: 'Point the input at a page with fewer series, or use prometheus-url with a narrow selector',
      });
    }
    if (error.kind === 'policy') {
      throw new ActionError('E_TARGET_INVALID', {
        what: 'target',
        why: oneLine(error.message, 300),
        fix: 'Give the address of a metrics page',
      });
    }
    throw new PageError(oneLine(error.message, 300));
  }
}

function refuse(status: number, host: string): Error {
  if (status === 401 || status === 403) {
    return new ActionError('E_PERMISSION_MISSING', {
      what: `metrics page of ${host}`,
      why: `it answered ${status}, and the source of targets has no credential`,
      fix: 'Open the page to the runner, or use prometheus-url with prometheus-token',
    });
  }
  if (status >= 300 && status < 400) {
    return new ActionError('E_REDIRECT', {
      what: `metrics page of ${host}`,
      why: `it answered with a redirect (${status}), which is not followed`,
      fix: 'Give the address it points to',
    });
  }
  return new PageError(`${host} answered ${status}`);
}

function decode(bytes: Uint8Array, encoding: string, host: string): string {
  if (encoding === '' || encoding === 'identity') return Buffer.from(bytes).toString('utf8');
  if (encoding !== 'gzip') throw new PageError(`${host} answered in the encoding ${oneLine(encoding, 40)}`);
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BODY }).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError('too-large', `${host}: the unpacked page is larger than ${MAX_BODY} bytes`);
    }
    throw new PageError(`${host} answered a broken gzip stream`);
  }
}

/** The metric names of a page. */
export function pageNames(text: string): string[] {
  return [...new Set([...text.matchAll(/^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ \t]/gm)].map((m) => m[1] ?? ''))];
}
