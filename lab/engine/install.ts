/** Puts the stand-in on PATH under the name buildah. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @param dir its bin/ gets the command, its store/ the images built
 * @returns the folder to put first on PATH
 */
export async function installEngineStandin(dir: string): Promise<string> {
  const bin = join(dir, 'bin');
  const store = join(dir, 'store');
  await mkdir(bin, { recursive: true });
  await mkdir(store, { recursive: true });
  const command = join(bin, 'buildah');
  const entry = join(import.meta.dirname, 'buildah.ts');
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', entry].map(quote).join(' ');
  await writeFile(command, `#!/bin/sh\nENGINE_STANDIN_STORE=${quote(store)} exec ${words} "$@"\n`);
  await chmod(command, 0o755);
  return bin;
}
