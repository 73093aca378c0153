/** What the end-to-end suite needs beyond npm: builders, a registry, Prometheus, a browser. Debian's packages, when root. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Program -> Debian package. */
const NEEDED: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  dockerd: 'docker.io',
  'docker-registry': 'docker-registry',
  prometheus: 'prometheus',
  chromium: 'chromium',
};

/** Installs what is missing where that can be done; says what stays missing (its tests then fail by name). */
export async function installEngines(): Promise<void> {
  const missing = await missingPrograms();
  if (missing.length === 0) return;
  const debian = await access('/usr/bin/apt-get').then(
    () => true,
    () => false,
  );
  if (!debian || process.getuid?.() !== 0) {
    console.log(`Not installed, and not installable without apt-get and root: ${missing.join(', ')}`);
    return;
  }
  const packages = missing.map((program) => NEEDED[program] ?? program);
  console.log(`Installing ${packages.join(', ')} (apt-get) …`);
  // Debian starts the services of what it installs; the suite starts its own, on ports of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  });
  const still = await missingPrograms();
  if (still.length > 0) console.log(`Still missing after the install: ${still.join(', ')}`);
}

async function missingPrograms(): Promise<string[]> {
  const found = await Promise.all(
    Object.keys(NEEDED).map(async (program) => [program, await onPath(program)] as const),
  );
  return found.filter(([, there]) => !there).map(([program]) => program);
}

async function onPath(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const hits = await Promise.all(
    folders.map((folder) =>
      access(`${folder}/${program}`).then(
        () => true,
        () => false,
      ),
    ),
  );
  return hits.includes(true);
}
