/** Waiting for a program that was started to answer, and for its end. */
import type { ChildProcess } from 'node:child_process';

/** Asks ten times a second, for two minutes. */
export async function until(name: string, answers: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1200; i += 1) {
    if (await answers().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${name} does not answer`);
}

/** SIGTERM, and waits for its end. */
export async function stop(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null || program.pid === undefined) return;
  const gone = new Promise((done) => program.once('exit', done));
  program.kill();
  await gone;
}
