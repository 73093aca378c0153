/** docker-registry of the distribution on a free loopback port, with its request log. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stop, until } from './program.ts';

export interface DistributionRequest {
  method: string;
  /** Path and query. */
  path: string;
  status: number;
}

export interface Distribution extends AsyncDisposable {
  /** `127.0.0.1:port`, as it stands in an image name. */
  readonly host: string;
  /** Every request since the last call, in the order in which they were answered. */
  requests(): Promise<DistributionRequest[]>;
  /** Forgets all images. */
  wipe(): Promise<void>;
}

/** @throws Error when the program is not installed */
export async function startDistribution(): Promise<Distribution> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const data = join(folder, 'data');
  const config = `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${data}}}\nhttp: {addr: "${host}"}\n`;
  await writeFile(join(folder, 'config.yml'), config);
  const program = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const failed = new Promise<never>((_, reject) => program.once('error', reject));
  let seen: DistributionRequest[] = [];
  let mark = '';
  let reached = (): void => {};
  createInterface({ input: program.stdout }).on('line', (line) => {
    const [, method = '', path = '', status] = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d+)/.exec(line) ?? [];
    if (method === '') return;
    if (path === mark) reached();
    else if (!path.startsWith('/v2/?mark=')) seen.push({ method, path, status: Number(status) });
  });
  let marks = 0;
  await Promise.race([failed, until('docker-registry', async () => (await fetch(`http://${host}/v2/`)).ok)]);
  seen = [];
  return {
    host,
    async requests() {
      // The log is written behind the answers: a request of our own shows when all before it are there.
      marks += 1;
      mark = `/v2/?mark=${marks}`;
      const there = new Promise<void>((done) => {
        reached = done;
      });
      await fetch(`http://${host}${mark}`);
      await there;
      const all = seen.filter((r) => r.path !== '/v2/' || r.method !== 'GET');
      seen = [];
      return all;
    },
    async wipe() {
      await rm(data, { recursive: true, force: true });
      await mkdir(data);
    },
    async [Symbol.asyncDispose]() {
      await stop(program);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
