/** Manifests: read by tag or digest, write, delete. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, DIGEST, needRepository, RegistryProblem, type Served } from './answer.ts';
import type { Route } from './routes.ts';
import type { Repository, StoredManifest } from './store.ts';

const MAX_MANIFEST = 4 * 1024 * 1024;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const ANY_TYPE = /(^|,)\s*\*\/\*/;

interface ManifestFields {
  mediaType?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
  subject?: { digest?: string };
  config?: { digest?: string; mediaType?: string };
  layers?: { digest?: string }[];
  manifests?: { digest?: string }[];
}

function digestOfTag(served: Served, repository: Repository, tag: string): string | undefined {
  const entry = repository.tags.get(tag);
  const age = served.habits.staleTagMs;
  if (entry === undefined || age === undefined) return entry?.digest;
  const then = Date.now() - age;
  if (entry.at <= then) return entry.digest;
  return entry.before.findLast((old) => old.until > then)?.digest;
}

export function readManifest(served: Served, route: Route, req: IncomingMessage): Answer {
  const { habits } = served;
  if (route.operation === 'head-manifest' && habits.refuseHead)
    throw new RegistryProblem(405, 'UNSUPPORTED', 'no HEAD');
  const repository = needRepository(served, route);
  const digest = DIGEST.test(route.reference) ? route.reference : digestOfTag(served, repository, route.reference);
  const found = digest === undefined ? undefined : repository.manifests.get(digest);
  const accept = req.headers.accept ?? '';
  // As the reference registry does: a manifest whose type was not asked for does not exist.
  const asked = found !== undefined && (ANY_TYPE.test(accept) || accept.includes(found.mediaType));
  if (found === undefined || !asked) throw new RegistryProblem(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  return {
    status: 200,
    headers: {
      'content-type': `${found.mediaType}${habits.contentTypeSuffix ?? ''}`,
      'content-length': String(found.size),
      ...(habits.noDigestHeader ? {} : { 'docker-content-digest': found.digest }),
    },
    body: served.blobs.bytes(found.digest),
  };
}

export async function putManifest(served: Served, route: Route, req: IncomingMessage): Promise<Answer> {
  const sent = await readBody(req, MAX_MANIFEST);
  const { habits } = served;
  const bytes = habits.convertManifests
    ? Buffer.from(JSON.stringify(JSON.parse(sent.toString('utf8')), null, 3))
    : sent;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const byDigest = DIGEST.test(route.reference);
  if (byDigest && route.reference !== digest) throw new RegistryProblem(400, 'DIGEST_INVALID', 'digest does not match');
  if (!byDigest && !TAG.test(route.reference)) throw new RegistryProblem(400, 'TAG_INVALID', 'malformed tag');
  const repository = served.repositories.create(route.repository ?? '');
  const manifest = describe(bytes, digest, req.headers['content-type'] ?? '');
  requireContent(repository, bytes);
  const old = repository.tags.get(route.reference);
  if (old !== undefined && habits.immutableTags?.test(route.reference)) {
    throw new RegistryProblem(400, 'TAG_INVALID', 'the tag is immutable');
  }
  served.blobs.put(digest, bytes);
  repository.manifests.set(digest, manifest);
  if (!byDigest && old?.digest !== digest) {
    const before = old === undefined ? [] : [...old.before, { digest: old.digest, until: Date.now() }];
    repository.tags.set(route.reference, { digest, at: Date.now(), before });
  }
  served.repositories.save();
  return {
    status: 201,
    headers: {
      location: `/v2/${route.repository}/manifests/${digest}`,
      ...(habits.noDigestHeader ? {} : { 'docker-content-digest': digest }),
      ...(manifest.subject === undefined ? {} : { 'oci-subject': manifest.subject }),
    },
  };
}

function parse(bytes: Buffer): ManifestFields {
  try {
    return JSON.parse(bytes.toString('utf8')) as ManifestFields;
  } catch {
    throw new RegistryProblem(400, 'MANIFEST_INVALID', 'not JSON');
  }
}

function describe(bytes: Buffer, digest: string, contentType: string): StoredManifest {
  const fields = parse(bytes);
  const mediaType = contentType.split(';')[0]?.trim() || fields.mediaType || '';
  if (fields.mediaType !== undefined && fields.mediaType !== mediaType) {
    throw new RegistryProblem(400, 'MANIFEST_INVALID', 'media type of header and manifest differ');
  }
  const artifactType = fields.artifactType ?? (fields.manifests ? undefined : fields.config?.mediaType);
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(fields.subject?.digest === undefined ? {} : { subject: fields.subject.digest }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(fields.annotations === undefined ? {} : { annotations: fields.annotations }),
  };
}

function requireContent(repository: Repository, bytes: Buffer): void {
  const fields = parse(bytes);
  const blobs = [fields.config, ...(fields.layers ?? [])].flatMap((d) => (d?.digest === undefined ? [] : [d.digest]));
  const missing = blobs.find((digest) => !repository.blobs.has(digest));
  if (missing !== undefined) throw new RegistryProblem(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown: ${missing}`);
  const child = fields.manifests?.find((m) => !repository.manifests.has(m.digest ?? ''));
  if (child !== undefined) throw new RegistryProblem(400, 'MANIFEST_BLOB_UNKNOWN', `manifest unknown: ${child.digest}`);
}

export function deleteManifest(served: Served, route: Route): Answer {
  const repository = needRepository(served, route);
  const byDigest = DIGEST.test(route.reference);
  const known = byDigest ? repository.manifests.delete(route.reference) : repository.tags.delete(route.reference);
  if (!known) throw new RegistryProblem(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  if (byDigest) {
    for (const [tag, { digest }] of repository.tags) if (digest === route.reference) repository.tags.delete(tag);
  }
  served.repositories.save();
  return { status: 202, headers: {} };
}

async function readBody(req: IncomingMessage, max: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of req) {
    size += (chunk as Buffer).length;
    if (size > max) throw new RegistryProblem(413, 'SIZE_INVALID', 'manifest too large');
    parts.push(chunk as Buffer);
  }
  return Buffer.concat(parts);
}
