/** Git smart HTTP: git's own http-backend as a CGI program (RFC 3875). */
import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Answer } from './answer.ts';
import { GIT_ENV } from './git.ts';

export interface CgiRequest {
  /** Folder of the bare repository. */
  directory: string;
  /** `info/refs`, `git-upload-pack` or `git-receive-pack`. */
  service: string;
  query: string;
  user: string;
  /** For the hooks. */
  env: Readonly<Record<string, string>>;
}

const MAX_HEAD = 64 * 1024;

/**
 * Runs git for one request.
 * @param req for method and headers only
 * @param body what git reads
 * @returns the answer once its head has come; the body streams
 */
export function gitHttp(req: IncomingMessage, body: Readable, cgi: CgiRequest): Promise<Answer> {
  const header = (name: string): string | undefined => {
    const value = req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  const env: Record<string, string> = {
    ...GIT_ENV,
    ...cgi.env,
    GIT_PROJECT_ROOT: cgi.directory,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_HTTP_MAX_REQUEST_BUFFER: '100M',
    REQUEST_METHOD: req.method ?? 'GET',
    PATH_INFO: `/${cgi.service}`,
    QUERY_STRING: cgi.query,
    REMOTE_USER: cgi.user,
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: header('content-type') ?? '',
    GIT_COMMITTER_NAME: cgi.user,
    GIT_COMMITTER_EMAIL: 'lab@example.org',
  };
  // Only when it was sent: a chunked push has none, and an empty one would read as "no body".
  const length = header('content-length');
  if (length !== undefined) env.CONTENT_LENGTH = length;
  const encoding = header('content-encoding');
  if (encoding !== undefined) env.HTTP_CONTENT_ENCODING = encoding;
  const protocol = header('git-protocol');
  if (protocol !== undefined) env.GIT_PROTOCOL = protocol;

  return new Promise((resolve, reject) => {
    const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', reject);
    // A client that hangs up, or a git that has heard enough, ends the other side.
    child.stdin.on('error', () => {});
    body.on('error', () => child.kill());
    // A request that is cut off closes without an error, and may have done so while it waited: git would wait for the rest for ever.
    const cutOff = (): void => {
      if (!body.readableEnded) child.stdin.destroy();
    };
    if (body.destroyed) cutOff();
    body.on('close', cutOff);
    body.pipe(child.stdin);
    child.stdout.on('close', () => body.unpipe(child.stdin));
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0 && head.length < MAX_HEAD) return;
      child.stdout.pause();
      child.stdout.off('data', onData);
      child.stdout.off('end', onEnd);
      if (end < 0) {
        child.kill();
        reject(new Error('git http-backend sent no header'));
        return;
      }
      const rest = head.subarray(end + 4);
      if (rest.length > 0) child.stdout.unshift(rest);
      resolve({ ...parseHead(head.subarray(0, end).toString('latin1')), stream: child.stdout });
    };
    const onEnd = (): void => reject(new Error('git http-backend ended without an answer'));
    child.stdout.on('data', onData);
    child.stdout.on('end', onEnd);
  });
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of text.split('\r\n')) {
    const at = line.indexOf(':');
    const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else headers[name.toLowerCase()] = value;
  }
  return { status, headers };
}
