import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { type Distribution, startDistribution, stop, until } from '../support/distribution.ts';
import { expectPromises } from './promises-kit.ts';

let registry: Distribution;
let folder: string;
let daemon: ChildProcess;
let socket: string;
const path = process.env.PATH ?? '';

beforeAll(async () => {
  registry = await startDistribution();
  folder = await mkdtemp(join(tmpdir(), 'dockerd-'));
  socket = `unix://${folder}/docker.sock`;
  // No container of it needs a network: nothing here runs in one.
  const flags = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--bridge', 'none'];
  const storage = ['--storage-driver', 'vfs', '--iptables=false', '--pidfile', join(folder, 'docker.pid')];
  daemon = spawn('dockerd', ['--host', socket, ...flags, ...storage], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${path}:/usr/sbin:/sbin` },
  });
  await until('dockerd', async () => {
    const asked = await systemExec('docker', ['version'], { env: { ...process.env, DOCKER_HOST: socket } });
    return asked.code === 0;
  });
});

afterAll(async () => {
  await stop(daemon);
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('the three promises, with buildah and docker-registry', async () => {
  const env = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
  const { host, requests } = registry;
  await expectPromises({ host, engine: 'buildah', path, env, requests });
});

test('the three promises, with docker and docker-registry', async () => {
  await registry.wipe();
  const { host, requests } = registry;
  await expectPromises({ host, engine: 'docker', path, env: { DOCKER_HOST: socket }, requests });
});
