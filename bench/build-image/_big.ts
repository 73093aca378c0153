/** An image of random bytes, which nothing can compress, pushed layer by layer. */
import { createHash, randomBytes } from 'node:crypto';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** @returns digest of the manifest */
export async function pushBig(
  host: string,
  repository: string,
  layers: number,
  bytesEach: number,
  architecture = process.arch === 'x64' ? 'amd64' : process.arch,
): Promise<string> {
  const base = `http://${host}/v2/${repository}`;
  const put = async (mediaType: string, bytes: Buffer) => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    const started = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const url = new URL(started.headers.get('location') ?? '', base);
    url.searchParams.set('digest', descriptor.digest);
    await must(fetch(url, { method: 'PUT', body: new Uint8Array(bytes) }));
    return descriptor;
  };
  const stored: { digest: string }[] = [];
  for (let i = 0; i < layers; i += 1) stored.push(await put(LAYER, randomBytes(bytesEach)));
  const config = {
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: stored.map(({ digest }) => digest) },
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: await put(CONFIG, Buffer.from(JSON.stringify(config))),
      layers: stored,
    }),
  );
  const body = new Uint8Array(manifest);
  await must(fetch(`${base}/manifests/made`, { method: 'PUT', headers: { 'content-type': MANIFEST }, body }));
  return digestOf(manifest);
}

async function must(answer: Promise<Response>): Promise<void> {
  const { status } = await answer;
  if (status !== 201) throw new Error(`the registry answered ${status}`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
