/** What the forge answers, and how it is sent. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  json?: unknown;
  raw?: Buffer;
  stream?: Readable;
}

const DOCS = 'https://docs.github.com/rest';

export const ok = (json: unknown, status = 200): Answer => ({ status, json });
export const NO_CONTENT: Answer = { status: 204 };
export const refusal = (status: number, message: string): Answer =>
  ok({ message, documentation_url: DOCS, status: String(status) }, status);
export const NOT_FOUND: Answer = refusal(404, 'Not Found');
export const unprocessable = (message: string): Answer => refusal(422, message);
/** GitHub's form for a field that is wrong. */
export const invalidField = (resource: string, field: string, code: string): Answer =>
  ok(
    { message: 'Validation Failed', errors: [{ resource, field, code }], documentation_url: DOCS, status: '422' },
    422,
  );

/** Sends an answer. @returns bytes of its body */
export async function send(res: ServerResponse, answer: Answer, slowBodyMs = 0): Promise<number> {
  const id = { 'x-github-request-id': randomUUID() };
  if (answer.stream !== undefined) {
    res.writeHead(answer.status, { ...id, ...answer.headers });
    return pipe(res, answer.stream, slowBodyMs);
  }
  const bytes = answer.raw ?? Buffer.from(answer.json === undefined ? '' : JSON.stringify(answer.json));
  res.writeHead(answer.status, {
    ...id,
    ...(answer.json === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...(answer.status === 204 ? {} : { 'content-length': String(bytes.length) }),
    ...answer.headers,
  });
  if (slowBodyMs > 0) {
    res.write(bytes.subarray(0, bytes.length >> 1));
    await sleep(slowBodyMs);
    res.end(bytes.subarray(bytes.length >> 1));
  } else res.end(bytes);
  return bytes.length;
}

async function pipe(res: ServerResponse, stream: Readable, slowBodyMs: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) {
    const part = chunk as Buffer;
    if (bytes === 0 && slowBodyMs > 0) await sleep(slowBodyMs);
    bytes += part.length;
    if (res.destroyed) stream.destroy();
    else if (!res.write(part)) await Promise.race([drained(res), closed(res)]);
  }
  res.end();
  return bytes;
}

const drained = (res: ServerResponse): Promise<void> => new Promise((resolve) => res.once('drain', resolve));
const closed = (res: ServerResponse): Promise<void> => new Promise((resolve) => res.once('close', resolve));

/** A list by `per_page` and `page`, with GitHub's Link header. */
export function paged(all: readonly unknown[], query: URLSearchParams, url: string, wrap?: string): Answer {
  const size = Math.min(100, Math.max(1, Number(query.get('per_page') ?? 30) || 30));
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const items = all.slice((page - 1) * size, page * size);
  const last = Math.max(1, Math.ceil(all.length / size));
  const to = (number: number, rel: string): string => {
    const next = new URLSearchParams(query);
    next.set('page', String(number));
    return `<${url}?${next}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [to(page - 1, 'prev')] : []),
    ...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
  ];
  return {
    status: 200,
    json: wrap === undefined ? items : { total_count: all.length, [wrap]: items },
    ...(links.length > 0 ? { headers: { link: links.join(', ') } } : {}),
  };
}
