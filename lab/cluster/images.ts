/** Images on the node: pulled by digest, every byte checked, unpacked once each. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { unpackLayer } from './unpack.ts';

const descriptor = z.looseObject({
  mediaType: z.string().default(''),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int().min(0),
});
const manifestSchema = z.looseObject({
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
  manifests: z
    .array(descriptor.extend({ platform: z.looseObject({ os: z.string(), architecture: z.string() }).optional() }))
    .optional(),
});
const configSchema = z.looseObject({
  config: z
    .looseObject({
      Env: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .default({}),
});

export interface NodeImage {
  digest: string;
  root: string;
  env: readonly string[];
  entrypoint: readonly string[];
  cmd: readonly string[];
  workingDir: string;
  user: string;
  labels: Readonly<Record<string, string>>;
}

const ACCEPT = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

export class ImageStore {
  readonly #dir: string;
  readonly #pulls = new Map<string, Promise<NodeImage>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * @param ref `host/repository@sha256:…` on loopback
   * @throws Error when the registry does not have it, or a byte is not what its digest says
   */
  get(ref: string): Promise<NodeImage> {
    const known = this.#pulls.get(ref);
    if (known !== undefined) return known;
    const pull = this.#pull(ref);
    this.#pulls.set(ref, pull);
    // A failed pull is tried again by the next pod.
    pull.catch(() => this.#pulls.delete(ref));
    return pull;
  }

  async #pull(ref: string): Promise<NodeImage> {
    const match = /^([^/]+)\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(ref);
    if (match === null) throw new Error(`${ref}: pods are started by digest only`);
    const [, host = '', repository = '', digest = ''] = match;
    const target = join(this.#dir, digest.slice('sha256:'.length));
    if (
      !(await access(join(target, 'config.json')).then(
        () => true,
        () => false,
      ))
    )
      await this.#fetch(`http://${host}/v2/${repository}`, digest, target);
    const { config } = configSchema.parse(JSON.parse(await readFile(join(target, 'config.json'), 'utf8')));
    return {
      digest,
      root: join(target, 'root'),
      env: config.Env ?? [],
      entrypoint: config.Entrypoint ?? [],
      cmd: config.Cmd ?? [],
      workingDir: config.WorkingDir || '/',
      user: config.User ?? '',
      labels: config.Labels ?? {},
    };
  }

  async #fetch(base: string, digest: string, target: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const temp = await mkdtemp(join(this.#dir, 'pull-'));
    try {
      let manifest = manifestSchema.parse(
        JSON.parse((await checked(`${base}/manifests/${digest}`, digest)).toString('utf8')),
      );
      if (manifest.manifests !== undefined) {
        const wanted = manifest.manifests.find(
          (m) =>
            m.platform?.os === 'linux' && m.platform.architecture === (process.arch === 'x64' ? 'amd64' : process.arch),
        );
        if (wanted === undefined) throw new Error(`${digest}: the index has no image for this machine`);
        manifest = manifestSchema.parse(
          JSON.parse((await checked(`${base}/manifests/${wanted.digest}`, wanted.digest)).toString('utf8')),
        );
      }
      if (manifest.config === undefined || manifest.layers === undefined)
        throw new Error(`${digest}: is no image manifest`);
      const root = join(temp, 'root');
      await mkdir(root);
      for (const layer of manifest.layers) {
        const file = join(temp, 'layer');
        await download(`${base}/blobs/${layer.digest}`, layer.digest, file);
        await unpackLayer(file, root, /gzip/.test(layer.mediaType));
        await rm(file);
      }
      await writeFile(
        join(temp, 'config.json'),
        await checked(`${base}/blobs/${manifest.config.digest}`, manifest.config.digest),
      );
      await rename(temp, target).catch(async (error: unknown) => {
        // Another pod of the same image was faster.
        if (
          !(await access(join(target, 'config.json')).then(
            () => true,
            () => false,
          ))
        )
          throw error;
      });
    } finally {
      await rm(temp, { recursive: true, force: true });
    }
  }
}

async function checked(url: string, digest: string): Promise<Buffer> {
  const response = await fetch(url, { headers: { accept: ACCEPT } });
  if (!response.ok) throw new Error(`GET ${new URL(url).pathname}: HTTP ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== digest) throw new Error(`${digest}: the registry served ${actual}`);
  return bytes;
}

async function download(url: string, digest: string, file: string): Promise<void> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`GET ${new URL(url).pathname}: HTTP ${response.status}`);
  const hash = createHash('sha256');
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body as never), counting, createWriteStream(file));
  const actual = `sha256:${hash.digest('hex')}`;
  if (actual !== digest) throw new Error(`layer ${digest}: the registry served ${actual}`);
}
