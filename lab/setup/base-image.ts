/** The base image of the sample service for machines that cannot pull one: made once, kept, pushed to the lab's registry. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ActionError, systemExec } from '../../src/runner/index.ts';
import { formatBytes } from '../../src/text/index.ts';
import { canInstall } from './debian.ts';
import type { StepLog } from './log.ts';
import { makeRootfs, PACKAGES } from './rootfs.ts';

export interface BaseImage {
  /** `host/repository@sha256:…`, or undefined: the Dockerfile's own default is used. */
  ref: string | undefined;
  /** Build argument INSTALL: `none` when the base carries the packages. */
  install: 'none' | 'pip';
}

const REPOSITORY = 'lab/python-base';
/** Raised when the recipe changes, so that no old image is kept. */
const RECIPE = 4;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/**
 * On a Debian-like machine as root: the image in the lab's registry. Elsewhere the Dockerfile's default base is pulled by the engine.
 * @throws ActionError E_LAB_BASE_IMAGE
 */
export async function ensureBaseImage(o: { registryHost: string; cacheDir: string; log: StepLog }): Promise<BaseImage> {
  if (!(await canInstall())) return { ref: undefined, install: 'pip' };
  const dir = await makeOnce(o.cacheDir, o.log);
  const manifest = await readFile(join(dir, 'manifest.json'));
  const digest = digestOf(manifest);
  const base = `http://${o.registryHost}/v2/${REPOSITORY}`;
  const there = await fetch(`${base}/manifests/${digest}`, { method: 'HEAD', headers: { accept: MANIFEST } });
  if (!there.ok) await push(base, dir, manifest, digest);
  return { ref: `${o.registryHost}/${REPOSITORY}@${digest}`, install: 'none' };
}

async function makeOnce(cacheDir: string, log: StepLog): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const key = createHash('sha256')
    .update(JSON.stringify([RECIPE, PACKAGES, process.arch, release]))
    .digest('hex')
    .slice(0, 16);
  const target = join(cacheDir, 'base-image', key);
  if (
    await access(join(target, 'manifest.json')).then(
      () => true,
      () => false,
    )
  )
    return target;
  log.info('making the base image out of Debian packages (once) …');
  await mkdir(join(cacheDir, 'base-image'), { recursive: true });
  const temp = await mkdtemp(join(cacheDir, 'base-image', 'making-'));
  try {
    const root = join(temp, 'root');
    await makeRootfs(root, temp);
    const layer = await packLayer(root, temp);
    await rm(root, { recursive: true, force: true });
    await rm(join(temp, 'debs'), { recursive: true, force: true });
    const config = Buffer.from(JSON.stringify(configOf(layer.diffId)));
    await writeFile(join(temp, 'config.json'), config);
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: LAYER, digest: layer.digest, size: layer.size }],
    };
    await writeFile(join(temp, 'manifest.json'), JSON.stringify(manifest));
    await rename(temp, target);
    log.info(`base image: ${formatBytes(layer.size)} compressed`);
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
  return target;
}

async function packLayer(root: string, dir: string): Promise<{ digest: string; diffId: string; size: number }> {
  const tarFile = join(dir, 'layer.tar');
  const args = [
    '--create',
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=pax',
    '--pax-option=delete=atime,delete=ctime',
    '--file',
    tarFile,
    '--directory',
    root,
    '.',
  ];
  const packed = await systemExec('tar', args, { timeout: 300 });
  if (packed.code !== 0)
    throw new ActionError('E_LAB_BASE_IMAGE', {
      what: 'base image',
      why: packed.stderrTail.slice(-300),
      fix: 'Check the space on this disk',
    });
  const [plain, zipped] = [hasher(), hasher()];
  const file = join(dir, 'layer.tar.gz');
  await pipeline(
    createReadStream(tarFile),
    plain.stream,
    createGzip({ level: 4 }),
    zipped.stream,
    createWriteStream(file),
  );
  await rm(tarFile);
  return { digest: zipped.digest(), diffId: plain.digest(), size: (await stat(file)).size };
}

function configOf(diffId: string): object {
  const libraries = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    // blas and lapack are found through links that maintainer scripts would make.
    config: {
      Env: [
        'PATH=/usr/local/bin:/usr/bin:/bin',
        `LD_LIBRARY_PATH=/usr/lib/${libraries}/blas:/usr/lib/${libraries}/lapack`,
      ],
      Cmd: ['python3'],
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: 'Debian packages', created: '1970-01-01T00:00:00Z' }],
  };
}

async function push(base: string, dir: string, manifest: Buffer, digest: string): Promise<void> {
  const { config, layers } = JSON.parse(manifest.toString('utf8')) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  await upload(base, join(dir, 'config.json'), config.digest);
  for (const layer of layers) await upload(base, join(dir, 'layer.tar.gz'), layer.digest);
  const put = await fetch(`${base}/manifests/${digest}`, {
    method: 'PUT',
    headers: { 'content-type': MANIFEST },
    body: manifest,
  });
  if (put.status !== 201) throw failedPush(put.status);
}

async function upload(base: string, file: string, digest: string): Promise<void> {
  if ((await fetch(`${base}/blobs/${digest}`, { method: 'HEAD' })).ok) return;
  const started = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
  const location = started.headers.get('location');
  if (location === null) throw failedPush(started.status);
  const url = new URL(location, base);
  url.searchParams.set('digest', digest);
  const { size } = await stat(file);
  const body = Readable.toWeb(createReadStream(file)) as ReadableStream;
  const put = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body,
    duplex: 'half',
  } as RequestInit);
  if (put.status !== 201) throw failedPush(put.status);
}

function failedPush(status: number): ActionError {
  return new ActionError('E_LAB_BASE_IMAGE', {
    what: 'base image',
    why: `the lab's registry answered ${status}`,
    fix: 'Please report it with the log',
  });
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function hasher(): { stream: Transform; digest(): string } {
  const hash = createHash('sha256');
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest('hex')}` };
}
