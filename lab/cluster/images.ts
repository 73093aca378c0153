/** Images on the node: pulled by digest, every byte checked, each layer unpacked once however many images have it. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import {
  access,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { systemExec } from '../../src/runner/index.ts';
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

/** What no pod has used for so long goes at the next start. */
const KEEP_MS = 24 * 3600 * 1000;

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

  /** Removes what has not been used for a day: every demo makes images of its own. */
  async prune(): Promise<void> {
    for (const folder of [this.#dir, join(this.#dir, 'layers')]) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (name === 'layers') continue;
        const path = join(folder, name);
        const used = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
        if (Date.now() - used > KEEP_MS) await rm(path, { recursive: true, force: true });
      }
    }
  }

  async #pull(ref: string): Promise<NodeImage> {
    const match = /^([^/]+)\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(ref);
    if (match === null) throw new Error(`${ref}: pods are started by digest only`);
    const [, host = '', repository = '', digest = ''] = match;
    const target = join(this.#dir, digest.slice('sha256:'.length));
    // The link to the root is resolved too: a root that was pruned is made again.
    if (!(await exists(join(target, 'config.json'))) || !(await exists(join(target, 'root')))) {
      await rm(target, { recursive: true, force: true });
      await this.#fetch(`http://${host}/v2/${repository}`, digest, target);
    }
    const root = await realpath(join(target, 'root'));
    const now = new Date();
    for (const used of [target, root]) await utimes(used, now, now);
    const { config } = configSchema.parse(JSON.parse(await readFile(join(target, 'config.json'), 'utf8')));
    return {
      digest,
      root,
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
      await symlink(await this.#unpack(base, manifest.layers), join(temp, 'root'));
      await writeFile(
        join(temp, 'config.json'),
        await checked(`${base}/blobs/${manifest.config.digest}`, manifest.config.digest),
      );
      await settle(temp, target);
    } finally {
      await rm(temp, { recursive: true, force: true });
    }
  }

  /**
   * One root for each stack of layers. A stack begins as hard links to the one below it: unpacking removes a file before it
   * writes one of that name, and pods see their root read-only, so that shared files never change.
   * @returns the root of the whole stack
   */
  async #unpack(base: string, layers: readonly { digest: string; mediaType: string }[]): Promise<string> {
    let below = '';
    let stack = '';
    for (const layer of layers) {
      stack = createHash('sha256').update(`${stack} ${layer.digest}`).digest('hex');
      const root = join(this.#dir, 'layers', stack);
      if (!(await exists(root))) await this.#addLayer(base, layer, below, root);
      below = root;
    }
    return below;
  }

  async #addLayer(
    base: string,
    layer: { digest: string; mediaType: string },
    below: string,
    root: string,
  ): Promise<void> {
    await mkdir(join(this.#dir, 'layers'), { recursive: true });
    const temp = await mkdtemp(join(this.#dir, 'unpack-'));
    try {
      const [file, made] = [join(temp, 'layer'), join(temp, 'root')];
      if (below === '') await mkdir(made);
      else {
        const copied = await systemExec('cp', ['--archive', '--link', below, made], { timeout: 120 });
        if (copied.code !== 0) throw new Error(`cp of ${below}: ${copied.stderrTail.trim()}`);
      }
      await download(`${base}/blobs/${layer.digest}`, layer.digest, file);
      await unpackLayer(file, made, /gzip/.test(layer.mediaType));
      await settle(made, root);
    } finally {
      await rm(temp, { recursive: true, force: true });
    }
  }
}

/** Moves a finished folder to its name; one that another pull has put there meanwhile is the same. */
async function settle(made: string, target: string): Promise<void> {
  try {
    await rename(made, target);
  } catch (error) {
    if (!(await exists(target))) throw error;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
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
