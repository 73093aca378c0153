/** A docker daemon of our own, in a folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import { stop, until } from './program.ts';

export interface Dockerd extends AsyncDisposable {
  /** Value of DOCKER_HOST. */
  readonly host: string;
}

/** @throws Error when it does not get ready */
export async function startDockerd(): Promise<Dockerd> {
  const folder = await mkdtemp(join(tmpdir(), 'dockerd-'));
  const host = `unix://${folder}/docker.sock`;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  // No container of it needs a network: nothing here runs in one. The storage works on every machine.
  const flags = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--bridge', 'none'];
  const storage = ['--storage-driver', 'vfs', '--iptables=false', '--pidfile', join(folder, 'docker.pid')];
  const daemon = spawn('dockerd', ['--host', host, ...flags, ...storage], { stdio: 'ignore', env });
  const end = async (): Promise<void> => {
    await stop(daemon);
    await rm(folder, { recursive: true, force: true });
  };
  const failed = new Promise<never>((_, reject) => daemon.once('error', reject));
  const ready = until('dockerd', async () => {
    const asked = await systemExec('docker', ['version'], { env: { ...env, DOCKER_HOST: host }, timeout: 20 });
    return asked.code === 0;
  });
  await Promise.race([failed, ready]).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return { host, [Symbol.asyncDispose]: end };
}
