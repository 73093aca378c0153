/** The registry of the demo, on the port it had the last time when that is free. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RegistryHandle, startRegistry } from '../registry/server.ts';

/**
 * Builders remember where they have seen a layer by host and port. Under a port of its own each time, they would compress
 * the base image again for every first push, half of the time of such a build.
 * Its content begins empty, on disk: a process that holds images in memory is slow to start others, because its page tables
 * are copied each time.
 */
export async function startDemoRegistry(cacheDir: string): Promise<RegistryHandle> {
  const dir = await mkdtemp(join(tmpdir(), 'registry-'));
  const known = join(cacheDir, 'registry-port');
  const port = Number(await readFile(known, 'utf8').catch(() => '0')) || 0;
  const registry = await startRegistry({ dir, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return startRegistry({ dir });
  });
  await writeFile(known, registry.host.split(':')[1] ?? '');
  const dispose = async (): Promise<void> => {
    await registry.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { ...registry, [Symbol.asyncDispose]: dispose };
}
