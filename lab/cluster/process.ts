/** How a pod's process is started. `chroot`: in the image's own root, read-only, as the image's user. `host`: as it is, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import type { NodeImage } from './images.ts';

export type RunMode = 'chroot' | 'host';

export interface StartOptions {
  mode: RunMode;
  image: NodeImage;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  uid: number;
  gid: number;
  /** File with the names of the services, seen as /etc/hosts. */
  hosts: string;
  onLine(line: string): void;
}

// A mount namespace of its own: the image's root read-only, a fresh /tmp, devices and the service names of this cluster.
// Everything comes as a positional parameter; the script itself holds no value.
const ENTER = `
set -e
root=$1 hosts=$2 user=$3 dir=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
mkdir -p "$root/dev" "$root/tmp" "$root/etc"
[ -e "$root/etc/hosts" ] || : > "$root/etc/hosts"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
mount --bind /dev "$root/dev"
mount --bind "$hosts" "$root/etc/hosts"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot --userspec="$user" --groups= "$root" /usr/bin/env -C "$dir" -- "$@"
`;

/** True when this machine can start pods from their own root. */
export function canChroot(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

export function startProcess(o: StartOptions): ChildProcess {
  const child =
    o.mode === 'chroot'
      ? spawn(
          'unshare',
          [
            '--mount',
            '--',
            'sh',
            '-c',
            ENTER,
            'pod',
            o.image.root,
            o.hosts,
            `${o.uid}:${o.gid}`,
            o.image.workingDir,
            ...o.argv,
          ],
          {
            env: o.env,
            stdio: ['ignore', 'pipe', 'pipe'],
            detached: true,
          },
        )
      : spawn(hostProgram(o), o.argv.slice(1), {
          cwd: join(o.image.root, o.image.workingDir),
          env: { ...o.env, PATH: process.env.PATH },
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
        });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) o.onLine(line);
    });
  }
  return child;
}

// A path of the image is looked up in its root; a bare name on the machine's PATH.
function hostProgram(o: StartOptions): string {
  const program = o.argv[0] ?? '';
  return isAbsolute(program) ? join(o.image.root, program) : program;
}

/** Signals the whole group of a pod; one that is gone already is fine. */
export function signalPod(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: it has ended.
  }
}
