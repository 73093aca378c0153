/** Blob upload: mount, else POST, PATCH, PUT. Some registries mishandle POST with PUT-and-body, so PATCH it is. */
import { Readable } from 'node:stream';
import type { HttpResponse } from '../http/index.ts';
import { DigestMismatch, verifying } from './digest.ts';
import { RegistryError } from './error.ts';
import type { Descriptor } from './manifest.ts';
import { isTransient, type Transport } from './transport.ts';

export interface UploadRequest {
  repository: string;
  blob: Pick<Descriptor, 'digest' | 'size'>;
  /** Opens the bytes from their beginning. */
  source: () => Promise<Readable>;
  mountFrom?: string | undefined;
}

const CHUNK = 16 * 1024 * 1024;
/** A registry may ask for larger chunks; each is held in memory. */
const MAX_CHUNK = 128 * 1024 * 1024;
const RESUMES = 3;

/** A fault after which the whole upload may be started again. Its cause is the error to show when that does not help. */
export class UploadAgain extends Error {
  override readonly name = 'UploadAgain';
  /** Seconds that the registry asks to wait first. */
  readonly wait: number | undefined;

  constructor(cause: Error, wait?: number) {
    super(cause.message, { cause });
    this.wait = wait;
  }
}

/** @throws UploadAgain, RegistryError, or what the source throws */
export async function uploadBlob(transport: Transport, request: UploadRequest): Promise<'mounted' | 'uploaded'> {
  const { repository, blob } = request;
  const what = `blob ${blob.digest} to ${transport.host}/${repository}`;
  const scopes = [`repository:${repository}:pull,push`];
  const start = await begin(transport, request, scopes, what);
  if (start === 'mounted') return start;
  // An empty stream would be sent without a length, which some registries refuse.
  const body = blob.size === 0 ? new Uint8Array() : await checked(request);
  const streamed = await send(transport, start.location, body, { size: blob.size, scopes });
  let location: URL;
  if (streamed.status === 413) {
    await streamed.discard();
    const fresh = await begin(transport, { ...request, mountFrom: undefined }, scopes, what);
    if (fresh === 'mounted') return fresh;
    location = await inChunks(transport, fresh, request, { scopes, what });
  } else {
    location = await patched(transport, start.location, streamed, what);
  }
  location.searchParams.set('digest', blob.digest);
  const done = await transport.send({ method: 'PUT', url: location, scopes, body: new Uint8Array(), repeat: false });
  if (done.status !== 201) throw await problem(transport, done, what);
  await done.discard();
  return 'uploaded';
}

async function begin(
  transport: Transport,
  { repository, blob, mountFrom }: UploadRequest,
  scopes: readonly string[],
  what: string,
): Promise<Started | 'mounted'> {
  const url = new URL(`/v2/${repository}/blobs/uploads/`, transport.base);
  if (mountFrom !== undefined) {
    const mount = new URL(url);
    mount.searchParams.set('mount', blob.digest);
    mount.searchParams.set('from', mountFrom);
    const both = [...scopes, `repository:${mountFrom}:pull`];
    const response = await transport.send({ method: 'POST', url: mount, scopes: both, body: new Uint8Array() });
    if (response.status === 201) {
      await response.discard();
      return 'mounted';
    }
    if (response.status === 202) return started(transport, mount, response, what);
    if (![401, 403, 404, 405].includes(response.status)) throw await problem(transport, response, what);
    await response.discard();
  }
  const response = await transport.send({ method: 'POST', url, scopes, body: new Uint8Array() });
  if (response.status !== 202) throw await problem(transport, response, what);
  return started(transport, url, response, what);
}

interface Started {
  location: URL;
  /** The registry takes no smaller chunks than this, but for the last one. */
  minChunk: number;
}

async function started(transport: Transport, url: URL, response: HttpResponse, what: string): Promise<Started> {
  const least = Number(response.headers.get('oci-chunk-min-length') ?? '0');
  const location = await nextLocation(transport, url, response, what);
  if (!Number.isSafeInteger(least) || least < 0 || least > MAX_CHUNK) {
    const why = `it takes no chunks below ${least} bytes`;
    throw new RegistryError('E_PROTOCOL', response.status, what, why, 'Ask who runs this registry');
  }
  return { location, minChunk: least };
}

async function checked({ source, blob }: UploadRequest): Promise<Readable> {
  const stream = await source();
  const check = verifying(blob.digest, blob.size);
  stream.once('error', (error) => check.destroy(error));
  return stream.pipe(check);
}

function send(
  transport: Transport,
  url: URL,
  body: Readable | Uint8Array,
  { size, scopes, from }: { size: number; scopes: readonly string[]; from?: number },
): Promise<HttpResponse> {
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(size),
    ...(from === undefined ? {} : { 'content-range': `${from}-${from + size - 1}` }),
  };
  // A stream that fails its check breaks the request off before its last byte, so nothing can be committed.
  return transport.send({ method: 'PATCH', url, scopes, headers, body, repeat: false }).catch((error: unknown) => {
    if (body instanceof Readable && body.errored instanceof DigestMismatch) throw body.errored;
    throw error;
  });
}

async function inChunks(
  transport: Transport,
  { location: first, minChunk }: Started,
  request: UploadRequest,
  { scopes, what }: { scopes: readonly string[]; what: string },
): Promise<URL> {
  let location = first;
  let sent = 0;
  for await (const chunk of slices(await checked(request), Math.max(CHUNK, minChunk))) {
    const end = sent + chunk.length;
    for (let tries = 0; sent < end; tries += 1) {
      const rest = chunk.subarray(chunk.length - (end - sent));
      const response = await send(transport, location, rest, { size: rest.length, scopes, from: sent });
      if (response.status !== 416 || tries >= RESUMES) {
        location = await patched(transport, location, response, what);
        const arrived = stored(response);
        if (arrived !== undefined && arrived < end) throw cut(response, what, arrived, end);
        sent = end;
        continue;
      }
      // The registry has another idea of what has arrived: ask, and go on from there.
      await response.discard();
      const state = await transport.send({ method: 'GET', url: location, scopes });
      location = await nextLocation(transport, location, state, what, [204]);
      const arrived = stored(state) ?? 0;
      if (arrived < end - chunk.length || arrived > end) throw lost(what);
      sent = arrived;
    }
  }
  return location;
}

/** Bytes that the registry says it has; undefined when it does not say. */
function stored(response: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}

function cut({ status }: HttpResponse, what: string, arrived: number, sent: number): RegistryError {
  const why = `it has only ${arrived} of the ${sent} bytes that were sent, and says that all is well`;
  return new RegistryError('E_PROTOCOL', status, what, why, 'Run again; when it stays, ask who runs this registry');
}

// Only this chunk is still at hand; what is missing before it needs the whole blob again.
function lost(what: string): UploadAgain {
  const fix = 'Run again; when it stays, ask who runs the registry';
  return new UploadAgain(new RegistryError('E_REGISTRY', 416, what, 'the registry has lost a part of it', fix));
}

async function* slices(stream: Readable, size: number): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let held = 0;
  for await (const part of stream) {
    rest.push(part as Buffer);
    held += (part as Buffer).length;
    if (held < size) continue;
    const all = Buffer.concat(rest);
    let at = 0;
    for (; all.length - at >= size; at += size) yield all.subarray(at, at + size);
    rest = [all.subarray(at)];
    held = all.length - at;
  }
  if (held > 0) yield Buffer.concat(rest);
}

// The specification has 202 with a Location; ECR answers 201 and Pulp 204, and some leave the Location as it was.
function patched(transport: Transport, current: URL, response: HttpResponse, what: string): Promise<URL> {
  return nextLocation(transport, current, response, what, [201, 202, 204], current.href);
}

// Relative or absolute, and with state in its query: it is only ever added to, never rebuilt.
async function nextLocation(
  transport: Transport,
  base: URL,
  response: HttpResponse,
  what: string,
  wanted: readonly number[] = [202],
  current: string | null = null,
): Promise<URL> {
  const location = response.headers.get('location') ?? current;
  if (!wanted.includes(response.status)) throw await problem(transport, response, what);
  await response.discard();
  if (location === null || !URL.canParse(location, base.href)) {
    const fix = 'Ask who runs this registry';
    throw new RegistryError('E_PROTOCOL', response.status, what, 'the upload has no usable Location', fix);
  }
  const next = new URL(location, base);
  if (base.protocol === 'https:' && next.protocol !== 'https:') {
    const fix = 'Ask who runs this registry';
    throw new RegistryError('E_REDIRECT', response.status, what, 'the upload Location leaves https', fix);
  }
  return next;
}

async function problem(transport: Transport, response: HttpResponse, what: string): Promise<Error> {
  const wait = transport.wait(response);
  const failure = await transport.failure(what, response);
  // A token that ran out in mid-stream, a lost upload session, or a server fault: start this blob again.
  const again = response.status === 401 || response.status === 404 || isTransient(response.status);
  if (!again) return failure;
  return new UploadAgain(failure, wait);
}
