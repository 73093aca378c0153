/** A root file system with Python and the libraries of the sample service, made of Debian's packages. */
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActionError, type ExecResult, systemExec } from '../../src/runner/index.ts';
import { aptGet, ensureLists } from './debian.ts';

export const PACKAGES: readonly string[] = [
  'python3-minimal',
  'python3-aiohttp',
  'python3-numpy',
  'python3-pil',
  'python3-prometheus-client',
  'dash',
  'coreutils',
];

/** Not needed to run: documents, locales, tests, package data. */
const USELESS: readonly string[] = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/lintian',
  'usr/share/bug',
  'var/lib/dpkg',
  'usr/share/fonts',
  'usr/share/icons',
];

// Constant scripts; values come as positional parameters. --keep-directory-symlink: older packages still ship /lib and /bin.
const EXTRACT = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --directory "$2"';

/** @throws ActionError E_LAB_BASE_IMAGE with the words of the program that failed */
export async function makeRootfs(root: string, workDir: string): Promise<void> {
  const debs = join(workDir, 'debs');
  await mkdir(join(debs, 'partial'), { recursive: true });
  const status = join(workDir, 'status');
  await writeFile(status, '');
  await ensureLists('python3-aiohttp');
  // Against an empty status, so that the closure holds what this machine happens to have installed already.
  must(
    'apt-get',
    await aptGet([
      '-o',
      `Dir::State::status=${status}`,
      '-o',
      `Dir::Cache::archives=${debs}`,
      '-o',
      'APT::Install-Recommends=false',
      '-o',
      'Debug::NoLocking=true',
      '--download-only',
      '-y',
      'install',
      ...PACKAGES,
    ]),
  );
  await mkdir(root, { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const deb of (await readdir(debs)).filter((name) => name.endsWith('.deb')).sort()) {
    must(
      deb,
      await systemExec('bash', ['-o', 'pipefail', '-c', EXTRACT, 'extract', join(debs, deb), root], { timeout: 120 }),
    );
  }
  for (const path of USELESS) await rm(join(root, path), { recursive: true, force: true });
  for (const path of ['tmp', 'dev', 'etc', 'proc', 'app']) await mkdir(join(root, path), { recursive: true });
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  // Compiled once: a root that is read-only at run time would compile at every start.
  const libraries = (await readdir(join(root, 'usr/lib')))
    .filter((name) => name.startsWith('python3'))
    .map((name) => `/usr/lib/${name}`);
  const args = [
    root,
    '/usr/bin/python3',
    '-m',
    'compileall',
    '-q',
    '--invalidation-mode',
    'unchecked-hash',
    ...libraries,
  ];
  const compiled = await systemExec('/usr/sbin/chroot', args, { env: { PATH: '/usr/bin:/bin' }, timeout: 300 });
  // 1: some file of a package is no valid source for this Python; it is not compiled, and not needed. A crash ends with 1 too.
  must('compileall', compiled, /Traceback/.test(compiled.stderrTail) ? [0] : [0, 1]);
}

function must(what: string, result: ExecResult, good: readonly number[] = [0]): void {
  if (result.code !== null && good.includes(result.code)) return;
  throw new ActionError('E_LAB_BASE_IMAGE', {
    what: `base image (${what})`,
    why: (result.stderrTail || result.stdoutTail || `it ended with ${result.code ?? result.signal}`).trim().slice(-400),
    fix: 'Check the package mirror of this machine, then run again',
  });
}
