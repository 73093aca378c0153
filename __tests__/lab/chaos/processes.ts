/** What still runs on this machine and carries a mark in its environment. */
import { readdir, readFile } from 'node:fs/promises';

/**
 * Command lines of all living processes whose environment holds the text. A process that is amid its end shows no
 * environment any more, and is none that is left.
 */
export async function processesWith(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(mark)) continue;
    found.push((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '));
  }
  return found;
}
