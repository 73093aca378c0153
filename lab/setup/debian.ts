/** What a Debian-like machine can install, when we are root on it. */
import { access } from 'node:fs/promises';
import { type ExecResult, systemExec } from '../../src/runner/index.ts';

export async function canInstall(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return access('/usr/bin/apt-get').then(
    () => true,
    () => false,
  );
}

export async function aptGet(args: readonly string[]): Promise<ExecResult> {
  // RUNLEVEL=1: Debian would start the services of what it installs.
  return systemExec('apt-get', ['-q', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    timeout: 600,
  });
}

/** Brings the package lists when there are none for a package that is wanted. */
export async function ensureLists(probe: string): Promise<void> {
  const known = await systemExec('apt-cache', ['policy', probe]);
  if (!/Candidate: (?!\(none\))/.test(known.stdoutTail)) await aptGet(['update']);
}
