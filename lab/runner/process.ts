/** One process of a step: lines as they come, a polite end when cancelled, and nothing left behind. */
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** How long a cancelled process may live on. GitHub: SIGINT, 7.5 s, SIGTERM, 2.5 s, then the whole tree is killed. */
export interface CancelTimes {
  /** Milliseconds from SIGINT to SIGTERM. */
  interruptMs: number;
  /** Milliseconds from SIGTERM to SIGKILL. */
  terminateMs: number;
}

export const CANCEL_TIMES: CancelTimes = { interruptMs: 7500, terminateMs: 2500 };

/** A process that ended but whose output pipe somebody still holds open is waited for this long. */
const DRAIN_MS = 5000;
/** A line without end is handed on in pieces. */
const MAX_LINE = 1024 * 1024;

export interface ProcessOptions {
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  cancel: CancelTimes;
  onLine(line: string): void;
  /** Told the process id, which is the id of its session too. */
  onStart(pid: number): void;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Runs to the end. Rejects only when the process could not be started. */
export function runProcess(o: ProcessOptions): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(o.file, [...o.args], {
      cwd: o.cwd,
      env: { ...o.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: SIGKILL reaches all of it, Ctrl-C of the terminal reaches none of it.
      detached: true,
    });
    if (child.pid !== undefined) o.onStart(child.pid);
    const readers = [lineReader(o.onLine), lineReader(o.onLine)] as const;
    child.stdout.on('data', readers[0].add);
    child.stderr.on('data', readers[1].add);

    const timers: NodeJS.Timeout[] = [];
    const kill = (signal: NodeJS.Signals, group: boolean): void => {
      try {
        if (child.pid !== undefined) process.kill(group ? -child.pid : child.pid, signal);
      } catch {
        // ESRCH: already gone.
      }
    };
    let stopping = false;
    const stop = (): void => {
      stopping = true;
      kill('SIGINT', false);
      timers.push(setTimeout(() => kill('SIGTERM', false), o.cancel.interruptMs));
      timers.push(setTimeout(() => kill('SIGKILL', true), o.cancel.interruptMs + o.cancel.terminateMs));
    };
    const release = (): void => {
      o.signal.removeEventListener('abort', stop);
      for (const timer of timers) clearTimeout(timer);
    };
    if (o.signal.aborted) stop();
    else o.signal.addEventListener('abort', stop, { once: true });

    child.on('error', (error) => {
      release();
      reject(error);
    });
    child.on('exit', () => {
      release();
      // A shell that dies of the signal leaves what it was waiting for.
      if (stopping) kill('SIGKILL', true);
      timers.push(
        setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, DRAIN_MS),
      );
    });
    child.on('close', (code, signal) => {
      release();
      for (const reader of readers) reader.end();
      resolve({ code, signal });
    });
  });
}

function lineReader(onLine: (line: string) => void): { add(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    add(chunk) {
      const lines = (rest + decoder.write(chunk)).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      if (rest.length > MAX_LINE) {
        onLine(rest);
        rest = '';
      }
    },
    end() {
      rest += decoder.end();
      if (rest !== '') onLine(rest.replace(/\r$/, ''));
    },
  };
}
