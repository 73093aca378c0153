import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { ImageStore } from '../../../lab/cluster/images.ts';
import { resolveIn, unpackLayer } from '../../../lab/cluster/unpack.ts';

const dir = mkdtempSync(join(tmpdir(), 'unpack-'));
afterAll(() => rmSync(dir, { recursive: true }));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(dir, 'root-'));
});

type Entry = {
  name: string;
  type?: 'file' | 'directory' | 'symlink' | 'link' | 'block-device';
  linkname?: string;
  mode?: number;
  text?: string;
};

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = '', ...header } of entries)
    tar.entry({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, ...header }, text);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
async function unpack(entries: readonly Entry[]): Promise<void> {
  const file = join(dir, 'layer.tar');
  writeFileSync(file, await tarOf(entries));
  await unpackLayer(file, root, false);
}

describe('trap 30: layers', () => {
  test('files, modes, links of both kinds', async () => {
    await unpack([
      { name: 'usr/bin/', type: 'directory', mode: 0o755 },
      { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
      { name: './bin/x', mode: 0o755, text: 'one' },
      { name: 'y', type: 'link', linkname: 'usr/bin/x' },
    ]);
    expect(readFileSync(join(root, 'usr/bin/x'), 'utf8')).toBe('one');
    expect(lstatSync(join(root, 'usr/bin/x')).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(root, 'y')).ino).toBe(lstatSync(join(root, 'usr/bin/x')).ino);
  });
  test('whiteouts remove what lower layers had; a folder over a link keeps the link', async () => {
    await unpack([
      { name: 'a/b', text: '1' },
      { name: 'a/c', text: '2' },
      { name: 'd/e', text: '3' },
      { name: 'l', type: 'symlink', linkname: 'd' },
    ]);
    await unpack([
      { name: 'a/.wh.b' },
      { name: 'd/.wh..wh..opq' },
      { name: 'd/f', text: '4' },
      { name: 'l/', type: 'directory' },
    ]);
    expect([
      existsSync(join(root, 'a/b')),
      existsSync(join(root, 'a/c')),
      existsSync(join(root, 'd/e')),
      existsSync(join(root, 'd/f')),
    ]).toEqual([false, true, false, true]);
    expect(lstatSync(join(root, 'l')).isSymbolicLink()).toBe(true);
  });
  test('absolute links and links that climb stay inside of the root', async () => {
    const outside = mkdtempSync(join(dir, 'outside-'));
    await unpack([
      { name: 'abs', type: 'symlink', linkname: outside },
      { name: 'up', type: 'symlink', linkname: '../../../..' },
      { name: 'abs/x', text: 'in' },
      { name: 'up/y', text: 'in' },
    ]);
    expect(existsSync(join(outside, 'x'))).toBe(false);
    expect(readFileSync(join(root, outside, 'x'), 'utf8')).toBe('in');
    expect(readFileSync(join(root, 'y'), 'utf8')).toBe('in');
  });
  test.each<[string, Entry[]]>([
    ['../x', [{ name: '../x', text: '' }]],
    ['/x', [{ name: '/x', text: '' }]],
    ['a hard link outside', [{ name: 'x', type: 'link', linkname: '../../etc/passwd' }]],
    ['a device', [{ name: 'x', type: 'block-device' }]],
  ])('%s is refused', async (_name, entries) => {
    await expect(unpack(entries)).rejects.toThrow(/climbs out|does not make/);
  });
  test('a circle of links ends', async () => {
    symlinkSync('b', join(root, 'a'));
    symlinkSync('a', join(root, 'b'));
    await expect(resolveIn(root, 'a/x')).rejects.toThrow('too many links');
  });
});

describe('trap 31: every byte is checked', () => {
  const sha = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  async function serve(lie: 'nothing' | 'layer' | 'manifest'): Promise<{ server: Server; ref: string }> {
    const layer = gzipSync(await tarOf([{ name: 'app', text: 'hello' }]));
    const config = Buffer.from(JSON.stringify({ config: { Env: ['A=1'], Entrypoint: ['/app'], User: '65532' } }));
    const manifest = Buffer.from(
      JSON.stringify({
        config: { digest: sha(config), size: config.length },
        layers: [{ mediaType: 'x+gzip', digest: sha(layer), size: layer.length }],
      }),
    );
    const server = createServer((req, res) => {
      if (req.url?.endsWith(sha(manifest))) return res.end(lie === 'manifest' ? `${manifest} ` : manifest);
      if (req.url?.endsWith(sha(layer))) return res.end(lie === 'layer' ? gzipSync('evil') : layer);
      return res.end(config);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, ref: `127.0.0.1:${(server.address() as AddressInfo).port}/o/a@${sha(manifest)}` };
  }
  test.each(['layer', 'manifest'] as const)('a %s that is not its digest is no image', async (lie) => {
    const { server, ref } = await serve(lie);
    await expect(new ImageStore(join(root, 'images')).get(ref)).rejects.toThrow('the registry served sha256:');
    server.close();
  });
  test('an honest one is unpacked once and kept', async () => {
    const { server, ref } = await serve('nothing');
    const store = new ImageStore(join(root, 'images'));
    const image = await store.get(ref);
    expect([readFileSync(join(image.root, 'app'), 'utf8'), image.entrypoint, image.user]).toEqual([
      'hello',
      ['/app'],
      '65532',
    ]);
    server.close();
    expect((await new ImageStore(join(root, 'images')).get(ref)).digest).toBe(image.digest);
  });
  test('images share the layers they have in common, and none changes the other', async () => {
    const blobs = new Map<string, Buffer>();
    const asked: string[] = [];
    const add = (bytes: Buffer): { digest: string; size: number } => {
      blobs.set(sha(bytes), bytes);
      return { digest: sha(bytes), size: bytes.length };
    };
    const layerOf = async (entries: readonly Entry[]) => ({
      mediaType: 'x+gzip',
      ...add(gzipSync(await tarOf(entries))),
    });
    const base = await layerOf([
      { name: 'kept', text: 'base' },
      { name: 'changed', text: 'base' },
      { name: 'gone', text: 'base' },
    ]);
    const upper = await layerOf([{ name: 'changed', text: 'upper' }, { name: '.wh.gone' }]);
    const config = add(Buffer.from('{"config":{}}'));
    const [one, two] = [[base], [base, upper]].map((layers) => add(Buffer.from(JSON.stringify({ config, layers }))));
    const server = createServer((req, res) => {
      const digest = /sha256:[0-9a-f]{64}/.exec(req.url ?? '')?.[0] ?? '';
      asked.push(digest);
      res.end(blobs.get(digest));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const name = `127.0.0.1:${(server.address() as AddressInfo).port}/o/a`;
    const store = new ImageStore(join(root, 'images'));
    const first = await store.get(`${name}@${one?.digest}`);
    const second = await store.get(`${name}@${two?.digest}`);
    server.close();
    const read = (image: { root: string }, file: string) => readFileSync(join(image.root, file), 'utf8');
    expect([read(first, 'changed'), read(second, 'changed'), read(second, 'kept')]).toEqual(['base', 'upper', 'base']);
    expect([existsSync(join(first.root, 'gone')), existsSync(join(second.root, 'gone'))]).toEqual([true, false]);
    expect(lstatSync(join(first.root, 'kept')).ino).toBe(lstatSync(join(second.root, 'kept')).ino);
    expect(asked.filter((digest) => digest === base.digest)).toHaveLength(1);
  });
  test('what no pod has used for a day is removed, what is in use stays', async () => {
    const { server, ref } = await serve('nothing');
    const images = join(root, 'images');
    const store = new ImageStore(images);
    const image = await store.get(ref);
    await store.prune();
    expect(existsSync(image.root)).toBe(true);
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    for (const path of [image.root, join(images, image.digest.slice(7))]) utimesSync(path, old, old);
    await store.prune();
    expect([existsSync(image.root), readdirSync(images)]).toEqual([false, ['layers']]);
    expect((await new ImageStore(images).get(ref)).digest).toBe(image.digest);
    server.close();
  });
  test('a tag is refused: pods are started by digest', async () => {
    await expect(new ImageStore(root).get('127.0.0.1:1/o/a:v1')).rejects.toThrow('by digest only');
  });
});
