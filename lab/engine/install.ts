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
  // The two questions of every run are answered by the shell: a Node process for each would cost a test its time.
  const script = [
    '#!/bin/sh',
    'if [ "$#" = 1 ] && [ "$1" = version ]; then echo "Version:         1.33.0"; exit 0; fi',
    'if [ "$#" = 1 ] && [ "$1" = info ]; then echo "{}"; exit 0; fi',
    `ENGINE_STANDIN_STORE=${quote(store)} exec ${words} "$@"`,
  ];
  await writeFile(command, `${script.join('\n')}\n`);
  await chmod(command, 0o755);
  return bin;
}
