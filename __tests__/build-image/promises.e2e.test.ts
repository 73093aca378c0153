import { afterAll, beforeAll, test } from '@jest/globals';
import { type Distribution, startDistribution } from '../support/distribution.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { expectPromises } from './promises-kit.ts';

let registry: Distribution;
let docker: Dockerd;
const path = process.env.PATH ?? '';

beforeAll(async () => {
  [registry, docker] = await Promise.all([startDistribution(), startDockerd()]);
});

afterAll(async () => {
  await docker[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

test('the three promises, with buildah and docker-registry', async () => {
  const env = { STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
  const { host, requests } = registry;
  await expectPromises({ host, engine: 'buildah', path, env, requests });
});

test('the three promises, with docker and docker-registry', async () => {
  await registry.wipe();
  const { host, requests } = registry;
  await expectPromises({ host, engine: 'docker', path, env: { DOCKER_HOST: docker.host }, requests });
});
