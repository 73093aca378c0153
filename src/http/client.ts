/**
 * The HTTP client of the suite, on undici (which the toolkit brings along): no automatic redirect and no automatic
 * retry, streams both ways, proxies by the usual variables, addresses checked at connect time.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import EnvHttpProxyAgent from 'undici/lib/dispatcher/env-http-proxy-agent.js';
import { HttpError, toHttpError } from './error.ts';
import { type AnswerHeaders, answerHeaders } from './headers.ts';
import { checkUrl, guardedLookup, isLoopbackHost, type OriginPolicy } from './policy.ts';

export interface HttpRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | string | Readable;
  signal?: AbortSignal;
  /** Milliseconds until the headers of the answer (default 30 s) and between two pieces of its body (default 60 s). */
  timeouts?: { headers?: number; body?: number };
}

export interface HttpResponse {
  status: number;
  headers: AnswerHeaders;
  body: Readable;
  /** The whole body. HttpError too-large over `max` bytes, reset when it is cut short. */
  bytes(max: number): Promise<Uint8Array>;
  text(max: number): Promise<string>;
  /** HttpError bad-body when it is not JSON. */
  json(max: number): Promise<unknown>;
  /** Reads and drops the rest, so that the connection can be used again. */
  discard(): Promise<void>;
}

export interface Http {
  /** Every status is an answer, also a redirect. Rejects with HttpError only. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;
const HEADERS_MS = 30_000;
const BODY_MS = 60_000;
const DISCARD_MAX = 64 * 1024;

/** @param policy which hosts may be spoken to without TLS */
export function openHttp(policy: OriginPolicy = {}): Http {
  const connect = { timeout: CONNECT_MS, lookup: guardedLookup };
  const direct = new Agent({ connect });
  // Loopback never goes through a proxy, whatever the environment says.
  const outside = usesProxy(process.env) ? new EnvHttpProxyAgent({ connect }) : direct;
  return {
    async send(wanted) {
      checkUrl(wanted.url, policy);
      const dispatcher = isLoopbackHost(wanted.url.hostname) ? direct : outside;
      return answer(await dispatch(dispatcher, wanted), wanted.url);
    },
    async close() {
      await Promise.all(outside === direct ? [direct.destroy()] : [direct.destroy(), outside.destroy()]);
    },
  };
}

function usesProxy(env: NodeJS.ProcessEnv): boolean {
  return ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((name) => (env[name] ?? '') !== '');
}

async function dispatch(dispatcher: Dispatcher, wanted: HttpRequest): Promise<Dispatcher.ResponseData> {
  try {
    return await request.call(dispatcher, {
      origin: wanted.url.origin,
      path: wanted.url.pathname + wanted.url.search,
      method: wanted.method as Dispatcher.HttpMethod,
      headers: { ...wanted.headers },
      body: wanted.body ?? null,
      signal: wanted.signal ?? null,
      // Otherwise undici closes the connection after each HEAD, and the next request opens one, with all its round trips.
      ...(wanted.method === 'HEAD' ? { reset: false } : {}),
      headersTimeout: wanted.timeouts?.headers ?? HEADERS_MS,
      bodyTimeout: wanted.timeouts?.body ?? BODY_MS,
    });
  } catch (error) {
    throw toHttpError(error, where(wanted.url));
  }
}

function where(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function answer(data: Dispatcher.ResponseData, url: URL): HttpResponse {
  const bytes = async (max: number): Promise<Uint8Array> => {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const part of data.body) {
        size += (part as Buffer).length;
        if (size > max) throw new HttpError('too-large', `${where(url)}: the answer is larger than ${max} bytes`);
        parts.push(part as Buffer);
      }
    } catch (error) {
      data.body.destroy();
      throw toHttpError(error, where(url));
    }
    return Buffer.concat(parts);
  };
  const text = async (max: number): Promise<string> => Buffer.from(await bytes(max)).toString('utf8');
  return {
    status: data.statusCode,
    headers: answerHeaders(data.headers),
    body: data.body,
    bytes,
    text,
    async json(max) {
      const body = await text(max);
      try {
        return JSON.parse(body) as unknown;
      } catch (error) {
        throw new HttpError('bad-body', `${where(url)}: the answer is not JSON`, error);
      }
    },
    async discard() {
      // A body that is longer than this, or cut, costs the connection and nothing else.
      await bytes(DISCARD_MAX).catch(() => {});
    },
  };
}
