/** An OCI registry (distribution specification 1.1) as a client sees it. */
import type { Readable } from 'node:stream';
import { HttpError } from '../http/index.ts';
import { type Digest, DigestMismatch, parseDigest, sha256, verifying } from './digest.ts';
import { RegistryError, takenError } from './error.ts';
import {
  ACCEPT,
  type Descriptor,
  type Index,
  MAX_MANIFEST,
  type Manifest,
  parseManifest,
  type StoredBytes,
} from './manifest.ts';
import { otherBytes, repeating } from './repeat.ts';
import { isTransient, type RegistryOptions, Transport } from './transport.ts';
import { uploadBlob } from './upload.ts';

export interface Head {
  digest: Digest;
  mediaType: string;
}

export class Registry {
  readonly host: string;
  readonly #transport: Transport;
  readonly #options: RegistryOptions;

  /** @param host as in an image name: `ghcr.io`, `docker.io`, `127.0.0.1:5000` */
  constructor(host: string, options: RegistryOptions) {
    this.host = host;
    this.#options = options;
    this.#transport = new Transport(host, options);
  }

  /**
   * Digest and type of a tag or digest, undefined when it does not exist.
   * A registry without HEAD, or without the digest header, is asked with GET and the bytes are hashed.
   */
  async head(repository: string, reference: string): Promise<Head | undefined> {
    const url = this.#url(`${repository}/manifests/${reference}`);
    const response = await this.#transport.send({
      method: 'HEAD',
      url,
      scopes: pull(repository),
      headers: { accept: ACCEPT },
    });
    await response.discard();
    if (response.status === 404) return undefined;
    const digest = parseDigest(response.headers.get('docker-content-digest') ?? '');
    if (response.status === 200 && digest !== undefined) {
      return { digest, mediaType: response.headers.get('content-type')?.split(';')[0]?.trim() ?? '' };
    }
    if (response.status !== 200 && response.status !== 405) {
      throw await this.#transport.failure(this.#name(repository, reference), response);
    }
    const manifest = await this.getManifest(repository, reference);
    return manifest === undefined ? undefined : { digest: manifest.digest, mediaType: manifest.mediaType };
  }

  /**
   * A manifest or index with its bytes as received. Asked for by digest, the bytes are checked against it.
   * @returns undefined when it does not exist
   * @throws RegistryError E_DIGEST when the bytes are others, E_PROTOCOL when they cannot be read
   */
  async getManifest(repository: string, reference: string): Promise<Manifest | Index | undefined> {
    const what = this.#name(repository, reference);
    const wanted = parseDigest(reference);
    return this.#again(async () => {
      const url = this.#url(`${repository}/manifests/${reference}`);
      const response = await this.#transport.send({
        method: 'GET',
        url,
        scopes: pull(repository),
        headers: { accept: ACCEPT },
      });
      if (response.status === 404) {
        await response.discard();
        return undefined;
      }
      if (response.status !== 200) throw await this.#transport.failure(what, response);
      const bytes = await response.bytes(MAX_MANIFEST);
      if (wanted !== undefined && sha256(bytes) !== wanted) {
        throw otherBytes(what, `the bytes served for it have the digest ${sha256(bytes)}`);
      }
      return parseManifest(bytes, response.headers.get('content-type') ?? '', what);
    });
  }

  /**
   * Stores the bytes under a tag or their digest. After a fault it is looked up before it is sent again.
   * @param before what an immutable tag named when it was looked at: a repeat never replaces anything else
   * @throws RegistryError with the status of a refusal, 409 when the tag names something else by the time of a repeat
   */
  async putManifest(
    repository: string,
    reference: string,
    manifest: StoredBytes,
    before?: Digest | 'absent',
  ): Promise<void> {
    const what = this.#name(repository, reference);
    const response = await this.#transport.retrying(async (n) => {
      if (n > 0) {
        const stored = await this.#headOnly(repository, reference);
        if (stored.digest === manifest.digest) return stored.response;
        // Between the try that failed and this one another run may have created the tag.
        if (before !== undefined && stored.response.status !== 404) {
          if (isTransient(stored.response.status)) return stored.response;
          const there = stored.digest ?? (await this.head(repository, reference))?.digest;
          if (there !== undefined && there !== before && there !== manifest.digest) throw takenError(what, there);
        }
      }
      return this.#transport.send({
        method: 'PUT',
        url: this.#url(`${repository}/manifests/${reference}`),
        scopes: push(repository),
        headers: { 'content-type': manifest.mediaType },
        body: manifest.bytes,
        repeat: false,
      });
    });
    if (response.status !== 201 && response.status !== 200) throw await this.#transport.failure(what, response);
    await response.discard();
    const answered = parseDigest(response.headers.get('docker-content-digest') ?? '');
    if (answered !== undefined && answered !== manifest.digest) {
      const fix = 'This registry rewrites manifests: switch that off, or push to another one';
      throw new RegistryError('E_CONVERTED', 201, what, `it was stored as ${answered}, not ${manifest.digest}`, fix);
    }
  }

  /** Size of a blob when the registry tells it, -1 when it does not; undefined when there is no such blob. */
  async headBlob(repository: string, digest: Digest): Promise<number | undefined> {
    const url = this.#url(`${repository}/blobs/${digest}`);
    const response = await this.#transport.send({ method: 'HEAD', url, scopes: pull(repository) });
    await response.discard();
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw await this.#transport.failure(this.#name(repository, digest), response);
    const size = response.headers.get('content-length');
    return size === null ? -1 : Number(size);
  }

  /** A blob as a stream that fails at its end when the bytes are not those of the descriptor. */
  async getBlob(repository: string, blob: Pick<Descriptor, 'digest' | 'size'>): Promise<Readable> {
    const url = this.#url(`${repository}/blobs/${blob.digest}`);
    const response = await this.#transport.send({ method: 'GET', url, scopes: pull(repository) });
    if (response.status !== 200) throw await this.#transport.failure(this.#name(repository, blob.digest), response);
    const checked = verifying(blob.digest, blob.size);
    const cut = (error: Error): HttpError =>
      new HttpError('reset', `${this.#name(repository, blob.digest)}: cut short`, error);
    response.body.once('error', (error) => checked.destroy(cut(error)));
    checked.once('close', () => response.body.destroy());
    return response.body.pipe(checked);
  }

  /**
   * A small blob whole and checked; a cut answer is asked for again.
   * @throws RegistryError E_DIGEST, E_PROTOCOL when it is larger than `max`
   */
  async blobBytes(repository: string, blob: Pick<Descriptor, 'digest' | 'size'>, max: number): Promise<Buffer> {
    const what = this.#name(repository, blob.digest);
    if (blob.size > max) {
      throw new RegistryError('E_PROTOCOL', 200, what, `it is larger than ${max} bytes`, 'This image cannot be used');
    }
    return this.#again(async () => {
      const parts: Buffer[] = [];
      try {
        for await (const part of await this.getBlob(repository, blob)) parts.push(part as Buffer);
      } catch (error) {
        if (error instanceof DigestMismatch) throw otherBytes(what, error.message, error);
        throw error;
      }
      return Buffer.concat(parts);
    });
  }

  /**
   * Makes sure that the blob is there: found, mounted from a repository of the same registry, or uploaded.
   * @param source opens the bytes; called again for each try
   * @throws whatever the source throws; nothing is committed then
   */
  async putBlob(
    repository: string,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    source: () => Promise<Readable>,
    mountFrom?: string,
  ): Promise<'found' | 'mounted' | 'uploaded'> {
    if ((await this.headBlob(repository, blob.digest)) !== undefined) return 'found';
    return this.addBlob(repository, blob, source, mountFrom);
  }

  /** As putBlob, for a blob that was looked for and is not there. */
  addBlob(
    repository: string,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    source: () => Promise<Readable>,
    mountFrom?: string,
  ): Promise<'mounted' | 'uploaded'> {
    return this.#again(() => uploadBlob(this.#transport, { repository, blob, source, mountFrom }));
  }

  /** All tags of a repository, page by page; empty when the repository does not exist. */
  async tags(repository: string): Promise<string[]> {
    const all: string[] = [];
    let url: URL | undefined = this.#url(`${repository}/tags/list?n=1000`);
    for (let pages = 0; url !== undefined && pages < 1000; pages += 1) {
      const response = await this.#transport.send({ method: 'GET', url, scopes: pull(repository) });
      if (response.status === 404) {
        await response.discard();
        return all;
      }
      if (response.status !== 200) throw await this.#transport.failure(this.#name(repository, 'tags'), response);
      const { tags } = (await response.json(8 * 1024 * 1024)) as { tags?: unknown };
      for (const tag of Array.isArray(tags) ? tags : []) if (typeof tag === 'string') all.push(tag);
      const next: string | undefined = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
      url = next === undefined ? undefined : new URL(next, url);
    }
    return all;
  }

  /** A HEAD whose answer can stand in for the one of a PUT whose own answer was lost. */
  async #headOnly(repository: string, reference: string) {
    const url = this.#url(`${repository}/manifests/${reference}`);
    const wanted = { method: 'HEAD', url, scopes: push(repository), headers: { accept: ACCEPT }, repeat: false };
    const response = await this.#transport.send(wanted);
    return { response, digest: parseDigest(response.headers.get('docker-content-digest') ?? '') };
  }

  #again<T>(operation: () => Promise<T>): Promise<T> {
    return repeating(operation, this.#transport, this.#options);
  }

  #url(path: string): URL {
    return new URL(`/v2/${path}`, this.#transport.base);
  }

  #name(repository: string, reference: string): string {
    return `${this.host}/${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`;
  }
}

function pull(repository: string): string[] {
  return [`repository:${repository}:pull`];
}

function push(repository: string): string[] {
  return [`repository:${repository}:pull,push`];
}
