/** Path and method -> operation, after the table of endpoints of the OCI distribution specification 1.1. */
import type { Operation } from './faults.ts';

export interface Route {
  operation: Operation;
  repository?: string;
  /** Tag, digest or upload id. */
  reference: string;
  action: 'pull' | 'push' | 'delete';
}

const NAME = '([a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*)';
const MANIFEST = new RegExp(`^/v2/${NAME}/manifests/([A-Za-z0-9_][A-Za-z0-9._:-]{0,200})$`);
const BLOB = new RegExp(`^/v2/${NAME}/blobs/(sha256:[0-9a-f]{64})$`);
const UPLOADS = new RegExp(`^/v2/${NAME}/blobs/uploads/([0-9a-f-]*)$`);
const TAGS = new RegExp(`^/v2/${NAME}/tags/list$`);
const REFERRERS = new RegExp(`^/v2/${NAME}/referrers/(sha256:[0-9a-f]{64})$`);

const MANIFEST_METHODS: Readonly<Record<string, Operation>> = {
  HEAD: 'head-manifest',
  GET: 'get-manifest',
  PUT: 'put-manifest',
  DELETE: 'delete-manifest',
};
const BLOB_METHODS: Readonly<Record<string, Operation>> = { HEAD: 'head-blob', GET: 'get-blob', DELETE: 'delete-blob' };
const UPLOAD_METHODS: Readonly<Record<string, Operation>> = {
  GET: 'get-upload',
  PATCH: 'patch-upload',
  PUT: 'put-upload',
  DELETE: 'delete-upload',
};

export function routeOf(method: string, url: URL): Route {
  const path = url.pathname;
  if (path === '/token') return { operation: 'token', reference: '', action: 'pull' };
  if (path === '/v2/' || path === '/v2') return { operation: 'base', reference: '', action: 'pull' };
  if (path === '/v2/_catalog') return { operation: 'catalog', reference: '', action: 'pull' };
  const action = method === 'DELETE' ? 'delete' : method === 'GET' || method === 'HEAD' ? 'pull' : 'push';
  const found = (match: RegExpExecArray, operation: Operation | undefined): Route => ({
    operation: operation ?? 'unknown',
    repository: match[1] ?? '',
    reference: match[2] ?? '',
    action,
  });
  const upload = UPLOADS.exec(path);
  if (upload !== null) {
    if ((upload[2] ?? '') !== '') return { ...found(upload, UPLOAD_METHODS[method]), action: 'push' };
    const start = url.searchParams.has('mount') ? 'mount' : 'start-upload';
    return found(upload, method === 'POST' ? start : undefined);
  }
  const manifest = MANIFEST.exec(path);
  if (manifest !== null) return found(manifest, MANIFEST_METHODS[method]);
  const blob = BLOB.exec(path);
  if (blob !== null) return found(blob, BLOB_METHODS[method]);
  const tags = TAGS.exec(path);
  if (tags !== null) return found(tags, method === 'GET' ? 'tags' : undefined);
  const referrers = REFERRERS.exec(path);
  if (referrers !== null) return found(referrers, method === 'GET' ? 'referrers' : undefined);
  return { operation: 'unknown', reference: '', action };
}
