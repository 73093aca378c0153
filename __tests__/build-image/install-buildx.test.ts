import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parsePinnedDownload } from '../../src/build-image/input-forms.ts';
import { installBuildx } from '../../src/build-image/install-buildx.ts';
import { openHttp } from '../../src/http/index.ts';
import { sha256 } from '../../src/oci/index.ts';

const program = Buffer.from('#!/bin/sh\necho buildx\n');
const pinOf = (bytes: Buffer) => ({ version: 'v1.2.3', sha256: sha256(bytes).slice('sha256:'.length) });

async function served(answer: RequestListener) {
  const paths: string[] = [];
  const server = createServer((req, res) => {
    paths.push(req.url ?? '');
    answer(req, res);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const folder = await mkdtemp(join(tmpdir(), 'install-buildx-'));
  const http = openHttp();
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    paths,
    folder,
    options: { http, origin, folder, signal: new AbortController().signal },
    async [Symbol.asyncDispose]() {
      await http.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(folder, { recursive: true });
    },
  };
}

test('the pinned program is downloaded over a redirect, once, and can be run', async () => {
  await using s = await served((req, res) => {
    if (req.url?.startsWith('/asset')) res.end(program);
    else res.writeHead(302, { location: '/asset?x=1' }).end();
  });
  const path = await installBuildx(pinOf(program), s.options);
  expect((await readFile(path)).equals(program)).toBe(true);
  expect((await stat(path)).mode & 0o111).not.toBe(0);
  expect(s.paths[0]).toMatch(/^\/docker\/buildx\/releases\/download\/v1\.2\.3\/buildx-v1\.2\.3\.linux-[a-z0-9-]+$/);
  expect(await installBuildx(pinOf(program), s.options)).toBe(path);
  expect(s.paths).toHaveLength(2);
  await writeFile(path, 'changed');
  await installBuildx(pinOf(program), s.options);
  expect((await readFile(path)).equals(program)).toBe(true);
});

test.each<[string, RequestListener]>([
  ['another content', (_req, res) => res.end('evil')],
  ['404', (_req, res) => res.writeHead(404).end()],
  ['redirects without end', (_req, res) => res.writeHead(302, { location: '/again' }).end()],
  ['a redirect to a file', (_req, res) => res.writeHead(302, { location: 'file:///etc/passwd' }).end()],
  [
    'a redirect to a metadata service',
    (_req, res) => res.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
  ],
])('%s -> E_DOWNLOAD, no file is left', async (_name, answer) => {
  await using s = await served(answer);
  await expect(installBuildx(pinOf(program), s.options)).rejects.toMatchObject({ code: 'E_DOWNLOAD' });
  expect(await readdir(s.folder)).toEqual([]);
});

test.each(['v1.2.3', 'v1.2.3@sha256:abc', `1.2.3@sha256:${'a'.repeat(64)}`, `latest@sha256:${'a'.repeat(64)}`])(
  '%s is no pin',
  (text) => {
    expect(parsePinnedDownload(text)).toHaveProperty('problem');
  },
);
