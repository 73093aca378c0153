/** Blobs: read with ranges, mount, upload in one piece or in chunks. */
import type { IncomingMessage } from 'node:http';
import { type Answer, DIGEST, needRepository, RegistryProblem, type Served } from './answer.ts';
import type { Route } from './routes.ts';
import type { Upload } from './store.ts';

export function readBlob(served: Served, route: Route, req: IncomingMessage): Answer {
  const digest = route.reference;
  const size = needRepository(served, route).blobs.has(digest) ? served.blobs.size(digest) : undefined;
  if (size === undefined) throw new RegistryProblem(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  if (served.habits.blobRedirect !== undefined && route.operation === 'get-blob') {
    return { status: 307, headers: { location: `${served.habits.blobRedirect}${req.url ?? ''}` } };
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '') ?? [];
  const start = from === undefined ? 0 : Number(from);
  const end = to === undefined || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== undefined && (start >= size || end < start)) {
    throw new RegistryProblem(416, 'RANGE_INVALID', 'no such range', { 'content-range': `bytes */${size}` });
  }
  return {
    status: from === undefined ? 200 : 206,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(end - start + 1),
      'accept-ranges': 'bytes',
      ...(served.habits.noDigestHeader ? {} : { 'docker-content-digest': digest }),
      ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
    },
    ...(route.operation === 'head-blob' ? {} : { stream: served.blobs.stream(digest, start, end) }),
  };
}

export function deleteBlob(served: Served, route: Route): Answer {
  if (!needRepository(served, route).blobs.delete(route.reference)) {
    throw new RegistryProblem(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  }
  served.repositories.save();
  return { status: 202, headers: {} };
}

export async function startUpload(served: Served, route: Route, req: IncomingMessage, url: URL): Promise<Answer> {
  const name = route.repository ?? '';
  const mount = url.searchParams.get('mount');
  if (mount !== null) {
    const status = served.habits.mountStatus;
    if (status !== undefined && status !== 202) throw new RegistryProblem(status, 'DENIED', 'mount refused');
    const from = served.repositories.find(url.searchParams.get('from') ?? '');
    if (status === undefined && from?.blobs.has(mount)) return keepBlob(served, name, mount);
  }
  const upload = await served.blobs.begin();
  served.uploads.set(upload.id, upload);
  const target = { ...route, reference: upload.id };
  const digest = url.searchParams.get('digest');
  if (digest !== null && mount === null) {
    await receive(served, upload, req);
    return commit(served, target, upload, digest);
  }
  return uploadState(served, target, 202);
}

export function needUpload(served: Served, route: Route): Upload {
  const upload = served.uploads.get(route.reference);
  if (upload === undefined) throw new RegistryProblem(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
  return upload;
}

export function uploadState(served: Served, route: Route, status: number): Answer {
  const upload = needUpload(served, route);
  const path = `/v2/${route.repository}/blobs/uploads/${upload.id}?_state=${upload.size}`;
  const where = served.habits.location ?? 'absolute';
  const origin = where === 'relative' ? '' : where === 'absolute' ? served.origin : where.origin;
  return {
    status,
    headers: {
      location: `${origin}${path}`,
      range: `0-${Math.max(0, upload.size - 1)}`,
      'docker-upload-uuid': upload.id,
      'content-length': '0',
      ...(served.habits.minChunkBytes === undefined
        ? {}
        : { 'oci-chunk-min-length': String(served.habits.minChunkBytes) }),
    },
  };
}

async function receive(served: Served, upload: Upload, req: IncomingMessage): Promise<void> {
  const max = served.habits.maxBodyBytes;
  if (max !== undefined && Number(req.headers['content-length'] ?? '0') > max) {
    throw new RegistryProblem(413, 'SIZE_INVALID', 'body too large');
  }
  let size = 0;
  for await (const chunk of req) {
    size += (chunk as Buffer).length;
    if (max !== undefined && size > max) throw new RegistryProblem(413, 'SIZE_INVALID', 'body too large');
    await upload.write(chunk as Buffer);
  }
}

export async function patchUpload(served: Served, route: Route, req: IncomingMessage): Promise<Answer> {
  const upload = needUpload(served, route);
  const [, from] = /^(?:bytes )?(\d+)-\d+/.exec(req.headers['content-range'] ?? '') ?? [];
  if (from !== undefined && Number(from) !== upload.size) {
    const { headers } = uploadState(served, route, 416);
    throw new RegistryProblem(416, 'RANGE_INVALID', 'out of order', {
      location: headers.location ?? '',
      range: headers.range ?? '',
    });
  }
  await receive(served, upload, req);
  return uploadState(served, route, 202);
}

export async function finishUpload(served: Served, route: Route, req: IncomingMessage, url: URL): Promise<Answer> {
  const upload = needUpload(served, route);
  const state = url.searchParams.get('_state');
  if (state === null) throw new RegistryProblem(400, 'BLOB_UPLOAD_INVALID', 'the state of the location is missing');
  await receive(served, upload, req);
  return commit(served, route, upload, url.searchParams.get('digest') ?? '');
}

async function commit(served: Served, route: Route, upload: Upload, digest: string): Promise<Answer> {
  served.uploads.delete(upload.id);
  if (!DIGEST.test(digest) || !(await upload.commit(digest))) {
    throw new RegistryProblem(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  return keepBlob(served, route.repository ?? '', digest);
}

function keepBlob(served: Served, name: string, digest: string): Answer {
  served.repositories.create(name).blobs.add(digest);
  served.repositories.save();
  const location = `/v2/${name}/blobs/${digest}`;
  return { status: 201, headers: { location, 'docker-content-digest': digest, 'content-length': '0' } };
}
