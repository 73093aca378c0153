/** The operations of the registry. Each takes a route and gives an answer; faults and rights are the server's. */
import type { IncomingMessage } from 'node:http';
import { type Answer, json, needRepository, RegistryProblem, type Served } from './answer.ts';
import { deleteBlob, finishUpload, needUpload, patchUpload, readBlob, startUpload, uploadState } from './blobs.ts';
import { deleteManifest, putManifest, readManifest } from './manifests.ts';
import type { Route } from './routes.ts';

export async function handle(served: Served, route: Route, req: IncomingMessage, url: URL): Promise<Answer> {
  switch (route.operation) {
    case 'base':
      return json(200, {}, { 'docker-distribution-api-version': 'registry/2.0' });
    case 'catalog':
      return json(200, { repositories: served.repositories.names() });
    case 'tags':
      return listTags(served, route, url);
    case 'referrers':
      return referrers(served, route, url);
    case 'head-manifest':
    case 'get-manifest':
      return readManifest(served, route, req);
    case 'put-manifest':
      return putManifest(served, route, req);
    case 'delete-manifest':
      return deleteManifest(served, route);
    case 'head-blob':
    case 'get-blob':
      return readBlob(served, route, req);
    case 'delete-blob':
      return deleteBlob(served, route);
    case 'mount':
    case 'start-upload':
      return startUpload(served, route, req, url);
    case 'get-upload':
      return uploadState(served, route, 204);
    case 'patch-upload':
      return patchUpload(served, route, req);
    case 'put-upload':
      return finishUpload(served, route, req, url);
    case 'delete-upload':
      await needUpload(served, route).cancel();
      served.uploads.delete(route.reference);
      return { status: 204, headers: {} };
    default:
      throw new RegistryProblem(404, 'UNSUPPORTED', 'no such endpoint');
  }
}

function listTags(served: Served, route: Route, url: URL): Answer {
  const last = url.searchParams.get('last') ?? '';
  const all = [...needRepository(served, route).tags.keys()].sort().filter((tag) => tag > last);
  const wanted = Number(url.searchParams.get('n') ?? '1000');
  const page = all.slice(0, wanted);
  const end = page.at(-1);
  const more: Record<string, string> =
    end !== undefined && page.length < all.length
      ? { link: `</v2/${route.repository}/tags/list?n=${wanted}&last=${encodeURIComponent(end)}>; rel="next"` }
      : {};
  return json(200, { name: route.repository, tags: page }, more);
}

function referrers(served: Served, route: Route, url: URL): Answer {
  const type = url.searchParams.get('artifactType');
  const all = [...(served.repositories.find(route.repository ?? '')?.manifests.values() ?? [])];
  const manifests = all
    .filter((m) => m.subject === route.reference && (type === null || m.artifactType === type))
    .map(({ mediaType, digest, size, artifactType, annotations }) => ({
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    }));
  const body = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const filtered: Record<string, string> = type === null ? {} : { 'oci-filters-applied': 'artifactType' };
  return json(200, body, { 'content-type': body.mediaType, ...filtered });
}
