import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startRegistry } from '../../../lab/registry/server.ts';
import { client, makeImage, pushImage } from '../../oci/kit.ts';

test('a folder keeps everything over a restart', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'registry-'));
  try {
    const image = makeImage('a');
    {
      await using lab = await startRegistry({ dir });
      await using c = client(lab.host);
      await pushImage(c.registry, 'o/app', 't', image);
    }
    await using lab = await startRegistry({ dir });
    await using c = client(lab.host);
    expect((await c.registry.head('o/app', 't'))?.digest).toBe(image.digest);
    expect((await c.registry.blobBytes('o/app', image.layer, 1000)).equals(image.layer.bytes)).toBe(true);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('tags come in pages, ranges in parts, deleted manifests lose their tags', async () => {
  await using lab = await startRegistry();
  await using c = client(lab.host);
  const image = makeImage('a');
  for (const tag of ['a', 'b', 'c']) await pushImage(c.registry, 'app', tag, image);
  const page = await fetch(`${lab.url}/v2/app/tags/list?n=2`);
  expect(await page.json()).toEqual({ name: 'app', tags: ['a', 'b'] });
  expect(page.headers.get('link')).toBe('</v2/app/tags/list?n=2&last=b>; rel="next"');
  const blob = `${lab.url}/v2/app/blobs/${image.layer.digest}`;
  const part = await fetch(blob, { headers: { range: 'bytes=1-3' } });
  expect([part.status, await part.text()]).toEqual([206, 'aye']);
  expect((await fetch(blob, { headers: { range: 'bytes=999-' } })).status).toBe(416);
  await fetch(`${lab.url}/v2/app/manifests/${image.digest}`, { method: 'DELETE' });
  expect(lab.tags('app')).toEqual([]);
});

test('referrers are listed by subject', async () => {
  await using lab = await startRegistry();
  await using c = client(lab.host);
  const image = makeImage('a');
  await pushImage(c.registry, 'app', 't', image);
  const fields = JSON.parse(Buffer.from(image.bytes).toString('utf8')) as object;
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.bytes.length };
  const put = await fetch(`${lab.url}/v2/app/manifests/att`, {
    method: 'PUT',
    headers: { 'content-type': image.mediaType },
    body: JSON.stringify({ ...fields, artifactType: 'application/x-test', subject }),
  });
  expect([put.status, put.headers.get('oci-subject')]).toEqual([201, image.digest]);
  const list = await fetch(`${lab.url}/v2/app/referrers/${image.digest}?artifactType=application/x-test`);
  expect(await list.json()).toMatchObject({ manifests: [{ artifactType: 'application/x-test' }] });
});

test('what does not fit is refused', async () => {
  await using lab = await startRegistry({ habits: { requestsPerSecond: 4 } });
  const put = (body: string, reference = 't') =>
    fetch(`${lab.url}/v2/app/manifests/${reference}`, { method: 'PUT', body, headers: { 'content-type': 'x/y' } });
  expect((await put('not json')).status).toBe(400);
  expect((await put('{}', `sha256:${'0'.repeat(64)}`)).status).toBe(400);
  expect((await put(JSON.stringify({ config: { digest: 'sha256:1' } }))).status).toBe(400);
  expect((await fetch(`${lab.url}/v2/APP/tags/list`)).status).toBe(404);
  const limited = await fetch(`${lab.url}/v2/`);
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1']);
});
