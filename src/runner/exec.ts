/**
 * Child processes. Argument arrays only, no shell. Success is `code === 0` and nothing else: a child killed by a signal
 * has `code === null`, which must never pass for success.
 */
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

export interface ExecOptions {
  cwd?: string;
  /** The whole environment of the child. Default: childEnv of the parent's. */
  env?: Readonly<Record<string, string | undefined>>;
  input?: string | Uint8Array;
  /** Aborting ends the child's process group: SIGTERM, after 10 s SIGKILL. */
  signal?: AbortSignal;
  /** Seconds until the child is ended the same way. */
  timeout?: number;
  /** Called for each line, without its line break, as it comes. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Most bytes kept of each stream (default 16 MiB); more is read and dropped, and `truncated` is set. */
  maxBytes?: number;
}

export interface ExecResult {
  /** Exit code, or null when a signal ended the child. */
  code: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: Buffer;
  /** Last 64 KiB of each stream as text. */
  stdoutTail: string;
  stderrTail: string;
  truncated: boolean;
  timedOut: boolean;
}

/** Runs a program to its end. Rejects only when it could not be started (ENOENT, EACCES); every other end is a result. */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

const TAIL = 64 * 1024;
const GRACE_MS = 10_000;

/** What a child may know: the environment without our inputs and the runner's own tokens. */
export function childEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !/^(INPUT_|STATE_|ACTIONS_)/.test(name) && name !== 'GITHUB_TOKEN',
  );
  return Object.fromEntries(kept);
}

export const systemExec: Exec = (file, args, options = {}) =>
  new Promise((resolve, reject) => {
    const windows = process.platform === 'win32';
    const child = spawn(file, [...args], {
      cwd: options.cwd,
      env: { ...(options.env ?? childEnv(process.env)) },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // A group of its own, so that a kill reaches what the child has started too.
      detached: !windows,
      windowsHide: true,
    });
    const stdout = collector(options, 'stdout');
    const stderr = collector(options, 'stderr');
    child.stdout?.on('data', stdout.add);
    child.stderr?.on('data', stderr.add);

    let killer: NodeJS.Timeout | undefined;
    let timedOut = false;
    const kill = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(windows ? child.pid : -child.pid, signal);
      } catch {
        // ESRCH: the group is already gone.
      }
    };
    const stop = (): void => {
      if (killer !== undefined) return;
      kill('SIGTERM');
      killer = setTimeout(() => kill('SIGKILL'), GRACE_MS);
    };
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            stop();
          }, options.timeout * 1000);
    const release = (): void => {
      clearTimeout(timer);
      clearTimeout(killer);
      options.signal?.removeEventListener('abort', stop);
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted) stop();

    // A child may close its input early; that shows in its exit code, not here.
    child.stdin?.on('error', () => {});
    if (options.input !== undefined) child.stdin?.end(options.input);
    child.on('error', (error) => {
      release();
      reject(error);
    });
    child.on('close', (code, signal) => {
      release();
      const [out, err] = [stdout.end(), stderr.end()];
      resolve({
        code,
        signal,
        stdout: out.bytes,
        stderr: err.bytes,
        stdoutTail: out.tail,
        stderrTail: err.tail,
        truncated: out.truncated || err.truncated,
        timedOut,
      });
    });
  });

interface Collected {
  bytes: Buffer;
  tail: string;
  truncated: boolean;
}

function collector(options: ExecOptions, stream: 'stdout' | 'stderr'): { add(chunk: Buffer): void; end(): Collected } {
  const max = options.maxBytes ?? 16 * 1024 * 1024;
  const kept: Buffer[] = [];
  const decoder = new StringDecoder('utf8');
  let size = 0;
  let dropped = false;
  let tail = Buffer.alloc(0);
  let rest = '';
  return {
    add(chunk) {
      if (size < max) kept.push(chunk.subarray(0, max - size));
      dropped ||= size + chunk.length > max;
      size += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL);
      if (options.onLine === undefined) return;
      const lines = (rest + decoder.write(chunk)).split(/\r\n|\n|\r(?!$)/);
      // A line without end is handed on in pieces, so that a child cannot fill the memory.
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line, stream);
      if (rest.length > TAIL) {
        options.onLine(rest, stream);
        rest = '';
      }
    },
    end() {
      rest += decoder.end();
      if (rest !== '') options.onLine?.(rest.replace(/\r$/, ''), stream);
      return { bytes: Buffer.concat(kept), tail: tail.toString('utf8'), truncated: dropped };
    },
  };
}
