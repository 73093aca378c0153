/** One process at a time prepares a cached thing; the others wait and then find it ready. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ActionError } from '../../src/runner/index.ts';

const POLL_MS = 200;

/**
 * Runs the body while holding `<folder>.lock`. A lock whose process is gone is taken over.
 * @param waitSeconds longest wait for another process
 * @throws ActionError E_TIMEOUT when the other process is still at it
 */
export async function withLock<T>(folder: string, waitSeconds: number, body: () => Promise<T>): Promise<T> {
  const lock = `${folder}.lock`;
  await mkdir(path.dirname(lock), { recursive: true });
  const end = Date.now() + waitSeconds * 1000;
  while (!(await take(lock))) {
    if (await isAbandoned(lock)) {
      await rm(lock, { recursive: true, force: true });
      continue;
    }
    if (Date.now() > end) {
      throw new ActionError('E_TIMEOUT', {
        what: `wait for ${lock}`,
        why: `another process has held it for more than ${waitSeconds} s`,
        fix: 'End that process, or remove the folder when it is gone',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  try {
    return await body();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    // mkdir is atomic on every file system, O_EXCL on NFS is not.
    await mkdir(lock);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(path.join(lock, 'pid'), String(process.pid));
  return true;
}

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(path.join(lock, 'pid'), 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) throw new Error('no pid');
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return true;
    if ((error as { code?: string }).code === 'EPERM') return false;
    // The owner is between mkdir and writing its pid, or died there: an old lock without one is nobody's.
    const facts = await stat(lock).catch(() => undefined);
    return facts !== undefined && Date.now() - facts.mtimeMs > 5000;
  }
}
