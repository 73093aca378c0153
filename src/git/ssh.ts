/** SSH for git: one key, the host keys that were given, and nothing of the machine's or user's settings. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SshKey {
  /** Private key, as PEM or in OpenSSH's own form. */
  key: string;
  /** Lines of a known_hosts file. */
  knownHosts: string;
}

const KEY = 'ssh-key';
const KNOWN_HOSTS = 'known-hosts';

// The files go by name alone: ssh is started in their folder. A whole path would have to be quoted for the shell, for ssh's own
// word splitting and for its % and ${} expansion.
const COMMAND = [
  'ssh',
  '-F none',
  `-i ${KEY}`,
  '-o IdentitiesOnly=yes',
  '-o BatchMode=yes',
  '-o StrictHostKeyChecking=yes',
  `-o UserKnownHostsFile=${KNOWN_HOSTS}`,
  '-o GlobalKnownHostsFile=/dev/null',
  '-o ConnectTimeout=15',
].join(' ');

/** Variables that make git take SSH with the files of `writeSshFiles`; git must run in their folder. */
export const SSH_ENV: Readonly<Record<string, string>> = { GIT_SSH_COMMAND: COMMAND, GIT_SSH_VARIANT: 'ssh' };

/** @param dir a folder that only its owner may read */
export async function writeSshFiles(dir: string, ssh: SshKey): Promise<void> {
  for (const [name, text] of [
    [KEY, ssh.key],
    [KNOWN_HOSTS, ssh.knownHosts],
  ] as const) {
    await writeFile(join(dir, name), lines(text), { mode: 0o600, flag: 'wx' });
  }
}

// A secret that was pasted has often lost its last line break, or got those of Windows: ssh reads neither.
function lines(text: string): string {
  return `${text.replace(/\r\n?/g, '\n').trim()}\n`;
}
