/** A service to build: some number of files on no base, for the storage of the engines copies a base again and again. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemExec } from '../../src/runner/index.ts';
import type { Lab } from './_lab.ts';

export interface Service {
  folder: string;
  /** The image, without a tag. */
  image: string;
  /** Changes one file and commits it. */
  change(): Promise<void>;
}

const PER_FOLDER = 100;

export async function makeService(lab: Lab, files: number): Promise<Service> {
  const folder = join(lab.temp, `service-${files}`);
  for (let n = 0; n < files; n += PER_FOLDER) {
    const at = join(folder, 'app', String(n / PER_FOLDER));
    await mkdir(at, { recursive: true });
    for (let i = n; i < Math.min(files, n + PER_FOLDER); i += 1) {
      await writeFile(join(at, `module_${i}.py`), `# ${i}\n${`VALUE_${i} = ${(i * 7919) % 104729}\n`.repeat(100)}`);
    }
  }
  await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nWORKDIR /app\nCOPY app /app\nCMD ["python3"]\n');
  await writeFile(join(folder, '.dockerignore'), '.git\n');
  const git = async (...args: string[]): Promise<void> => {
    const id = ['-c', 'user.name=b', '-c', 'user.email=b@example.org', '-c', 'gc.auto=0'];
    const result = await systemExec('git', ['-C', folder, ...id, ...args]);
    if (result.code !== 0) throw new Error(result.stderrTail);
  };
  await git('init', '-q', '-b', 'main');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'first');
  let changes = 0;
  return {
    folder,
    image: `${lab.host}/bench/service-${files}`,
    async change() {
      changes += 1;
      await writeFile(join(folder, 'app/0/module_0.py'), `CHANGE = ${changes}\n`);
      await git('commit', '-qam', `change ${changes}`);
    },
  };
}
