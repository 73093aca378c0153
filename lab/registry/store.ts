/** What the registry keeps: blobs once for all repositories, and per repository its manifests, tags and blob names. */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

export interface StoredManifest {
  mediaType: string;
  digest: string;
  size: number;
  /** Digest of the manifest it refers to (OCI 1.1 `subject`). */
  subject?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
}

export interface Repository {
  manifests: Map<string, StoredManifest>;
  tags: Map<string, { digest: string; at: number; before: { digest: string; until: number }[] }>;
  blobs: Set<string>;
}

/** One upload under way. */
export interface Upload {
  readonly id: string;
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  /** Keeps the bytes as a blob. @returns false when the digest is another one; nothing is kept then. */
  commit(digest: string): Promise<boolean>;
  cancel(): Promise<void>;
}

export interface Blobs {
  begin(): Promise<Upload>;
  put(digest: string, bytes: Uint8Array): void;
  size(digest: string): number | undefined;
  /** @param end inclusive */
  stream(digest: string, start: number, end: number): Readable;
  bytes(digest: string): Buffer;
  remove(digest: string): void;
}

export function memoryBlobs(): Blobs {
  const kept = new Map<string, Buffer>();
  const need = (digest: string): Buffer => {
    const bytes = kept.get(digest);
    if (bytes === undefined) throw new Error(`no blob ${digest}`);
    return bytes;
  };
  return {
    async begin() {
      const parts: Buffer[] = [];
      const hash = createHash('sha256');
      return upload(hash, {
        write: async (chunk) => void parts.push(Buffer.from(chunk)),
        keep: async (digest) => void kept.set(digest, Buffer.concat(parts)),
        drop: async () => void parts.splice(0),
      });
    },
    put: (digest, bytes) => void kept.set(digest, Buffer.from(bytes)),
    size: (digest) => kept.get(digest)?.length,
    stream: (digest, start, end) => Readable.from([need(digest).subarray(start, end + 1)], { objectMode: false }),
    bytes: need,
    remove: (digest) => void kept.delete(digest),
  };
}

export function diskBlobs(dir: string): Blobs {
  const folder = join(dir, 'blobs', 'sha256');
  const uploads = join(dir, 'uploads');
  rmSync(uploads, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  mkdirSync(uploads, { recursive: true });
  const path = (digest: string): string => join(folder, digest.replace(/^sha256:/, ''));
  return {
    async begin() {
      const file = join(uploads, randomUUID());
      let handle: FileHandle | undefined = await open(file, 'w');
      const close = async (): Promise<void> => {
        await handle?.close();
        handle = undefined;
      };
      return upload(createHash('sha256'), {
        write: async (chunk) => void (await handle?.write(chunk)),
        async keep(digest) {
          await close();
          renameSync(file, path(digest));
        },
        async drop() {
          await close();
          rmSync(file, { force: true });
        },
      });
    },
    put: (digest, bytes) => writeFileSync(path(digest), bytes),
    size: (digest) => (existsSync(path(digest)) ? statSync(path(digest)).size : undefined),
    stream: (digest, start, end) => (end < start ? Readable.from([]) : createReadStream(path(digest), { start, end })),
    bytes: (digest) => readFileSync(path(digest)),
    remove: (digest) => rmSync(path(digest), { force: true }),
  };
}

interface Sink {
  write(chunk: Uint8Array): Promise<void>;
  keep(digest: string): Promise<void>;
  drop(): Promise<void>;
}

function upload(hash: Hash, sink: Sink): Upload {
  let size = 0;
  return {
    id: randomUUID(),
    get size() {
      return size;
    },
    async write(chunk) {
      size += chunk.length;
      hash.update(chunk);
      await sink.write(chunk);
    },
    async commit(digest) {
      if (`sha256:${hash.digest('hex')}` === digest) {
        await sink.keep(digest);
        return true;
      }
      await sink.drop();
      return false;
    },
    cancel: () => sink.drop(),
  };
}

/** All repositories, kept in memory and, with a folder, written through to `repositories.json` there. */
export class Repositories {
  readonly #all = new Map<string, Repository>();
  readonly #file: string | undefined;

  constructor(dir?: string) {
    this.#file = dir === undefined ? undefined : join(dir, 'repositories.json');
    if (this.#file === undefined || !existsSync(this.#file)) return;
    const saved = JSON.parse(readFileSync(this.#file, 'utf8')) as Record<string, SavedRepository>;
    for (const [name, value] of Object.entries(saved)) {
      this.#all.set(name, {
        manifests: new Map(value.manifests.map((m) => [m.digest, m])),
        tags: new Map(value.tags.map(([tag, digest]) => [tag, { digest, at: 0, before: [] }])),
        blobs: new Set(value.blobs),
      });
    }
  }

  names(): string[] {
    return [...this.#all.keys()].sort();
  }

  find(name: string): Repository | undefined {
    return this.#all.get(name);
  }

  create(name: string): Repository {
    const repository = this.#all.get(name) ?? { manifests: new Map(), tags: new Map(), blobs: new Set() };
    this.#all.set(name, repository);
    return repository;
  }

  save(): void {
    if (this.#file === undefined) return;
    const saved: Record<string, SavedRepository> = {};
    for (const [name, r] of this.#all) {
      const tags = [...r.tags].map(([tag, { digest }]): [string, string] => [tag, digest]);
      saved[name] = { manifests: [...r.manifests.values()], tags, blobs: [...r.blobs] };
    }
    writeFileSync(`${this.#file}.new`, JSON.stringify(saved));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

interface SavedRepository {
  manifests: StoredManifest[];
  tags: [string, string][];
  blobs: string[];
}
