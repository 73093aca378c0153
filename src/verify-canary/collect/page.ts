/** Reads one metrics page over HTTP. */
import { pipeline } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { toHttpError } from '../../http/error.ts';
import { type Http, HttpError, type HttpResponse } from '../../http/index.ts';
import { ActionError } from '../../runner/index.ts';
import { oneLine } from '../../text/index.ts';
import { createExpositionReader, ExpositionError, type Sample } from './exposition.ts';

/** The page cannot be used this time. */
export class PageError extends Error {
  override readonly name = 'PageError';
}

const MAX_BODY = 16 * 1024 * 1024;
const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';

export interface Page {
  samples: Sample[];
  /** Names of all its metrics. */
  names: ReadonlySet<string>;
}

/**
 * Read piece by piece: a hundred pages of megabytes may be under way at once.
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
    const openMetrics = (response.headers.get('content-type') ?? '').includes('application/openmetrics-text');
    const reader = createExpositionReader(wanted, openMetrics);
    const decoder = new StringDecoder('utf8');
    for await (const piece of unpacked(response, host)) reader.add(decoder.write(piece));
    reader.add(decoder.end());
    return { samples: reader.end(), names: reader.names() };
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

/** The pieces of a page; whoever stops early closes the connection. */
async function* unpacked(response: HttpResponse, host: string): AsyncGenerator<Buffer> {
  const encoding = response.headers.get('content-encoding') ?? '';
  const packed = encoding === 'gzip';
  const { body } = response;
  if (!packed && encoding !== '' && encoding !== 'identity') {
    await response.discard();
    throw new PageError(`${host} answered in the encoding ${oneLine(encoding, 40)}`);
  }
  // The pipeline passes faults on both ways; they are thrown where its end is read.
  const stream = packed ? pipeline(limited(body, host), createGunzip(), () => {}) : body;
  try {
    yield* limited(stream, host);
  } catch (error) {
    if (packed && String((error as NodeJS.ErrnoException).code).startsWith('Z_')) {
      throw new PageError(`${host} answered a broken gzip stream`);
    }
    throw toHttpError(error, host);
  } finally {
    stream.destroy();
    body.destroy();
  }
}

async function* limited(stream: AsyncIterable<Buffer>, host: string): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of stream) {
    size += piece.length;
    if (size > MAX_BODY) throw new HttpError('too-large', `${host}: the page is larger than ${MAX_BODY} bytes`);
    yield piece;
  }
}
