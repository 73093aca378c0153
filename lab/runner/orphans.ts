/** What a job has left running, and its end. */
import { readdir, readFile } from 'node:fs/promises';

/**
 * Kills every process that carries the tracking id in its environment, until a look finds none: one that is killed may
 * have started another since the list was made. Where there is no /proc (not Linux) nothing is found.
 * @param sessions of the job's steps: a process amid exec shows no environment for a moment, but it has a session always
 */
export async function killOrphans(trackingId: string, sessions: ReadonlySet<number>): Promise<void> {
  const marker = `RUNNER_TRACKING_ID=${trackingId}\0`;
  // Bounded: something that starts itself again and again must not hold the job for ever.
  for (let look = 0; look < 50; look += 1) {
    const found = await sweep(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment === '' ? sessions.has(await sessionOf(pid)) : `${environment}\0`.includes(marker);
    });
    if (found === 0) return;
  }
}

async function sweep(isOurs: (pid: string) => Promise<boolean>): Promise<number> {
  let found = 0;
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || !(await isOurs(pid))) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
      found += 1;
    } catch {
      // ESRCH: it ended by itself.
    }
  }
  return found;
}

/** The session of a living process; 0 for one that is gone or dead already (proc(5), stat: state, ppid, pgrp, session). */
async function sessionOf(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state = 'X', , , session] = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return 'ZX'.includes(state) ? 0 : Number(session);
}
