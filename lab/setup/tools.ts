/** The programs of the lab that are not npm packages. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ActionError, systemExec } from '../../src/runner/index.ts';
import { aptGet, canInstall, ensureLists } from './debian.ts';
import type { StepLog } from './log.ts';

/**
 * A builder: docker whose server answers, else buildah, else buildah from Debian's packages.
 * @throws ActionError E_LAB_ENGINE
 */
export async function ensureEngine(log: StepLog): Promise<'docker' | 'buildah'> {
  if (await succeeds('docker', ['version', '--format', '{{.Server.Version}}'])) return 'docker';
  if (await succeeds('buildah', ['--version'])) return 'buildah';
  if (await canInstall()) {
    log.info('installing buildah (apt-get) …');
    await ensureLists('buildah');
    const installed = await aptGet(['install', '-y', '--no-install-recommends', 'buildah']);
    if (installed.code === 0 && (await succeeds('buildah', ['--version']))) return 'buildah';
  }
  throw new ActionError('E_LAB_ENGINE', {
    what: 'container builder',
    why: 'neither a docker server nor buildah answers here, and buildah could not be installed',
    fix: 'Install docker or buildah, or run as root on a Debian-like machine',
  });
}

/** @throws ActionError E_LAB_GIT when git has no HTTP server side */
export async function ensureGit(): Promise<void> {
  const path = await systemExec('git', ['--exec-path']).catch(() => undefined);
  const backend = join(path?.stdoutTail.trim() ?? '', 'git-http-backend');
  if (
    path?.code === 0 &&
    (await access(backend).then(
      () => true,
      () => false,
    ))
  )
    return;
  throw new ActionError('E_LAB_GIT', {
    what: 'git',
    why: path === undefined ? 'it is not installed' : `${backend} is not there`,
    fix: 'Install git with its HTTP backend (package git)',
  });
}

async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  const result = await systemExec(file, args, { timeout: 10 }).catch(() => undefined);
  return result?.code === 0;
}
