/** Git smart HTTP: git's own http-backend behind node:http (CGI, RFC 3875). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GIT_ENV } from './git.ts';

export interface CgiRequest {
  /** Folder above all repositories. */
  root: string;
  /** Path below it: `org/app.git/info/refs`. */
  path: string;
  query: string;
  user: string;
  /** Rules for the pre-receive hook. */
  rules: string;
}

/** Answers one Git request. @returns bytes sent */
export async function gitHttp(req: IncomingMessage, res: ServerResponse, cgi: CgiRequest): Promise<number> {
  const header = (name: string): string | undefined => {
    const value = req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  const env: Record<string, string> = {
    ...GIT_ENV,
    GIT_PROJECT_ROOT: cgi.root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_HTTP_MAX_REQUEST_BUFFER: '100M',
    REQUEST_METHOD: req.method ?? 'GET',
    PATH_INFO: `/${cgi.path}`,
    QUERY_STRING: cgi.query,
    REMOTE_USER: cgi.user,
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: header('content-type') ?? '',
    LAB_RULES: cgi.rules,
    // The committer of a ref log; a push carries its own commits.
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

  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.on('error', () => {});
  req.pipe(child.stdin);
  // A client that hangs up must not leave a git behind.
  res.on('close', () => child.kill());
  let head = Buffer.alloc(0);
  let started = false;
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (started) {
      if (!res.write(chunk)) {
        child.stdout.pause();
        res.once('drain', () => child.stdout.resume());
      }
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    started = true;
    let status = 200;
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const at = line.indexOf(':');
      const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else res.setHeader(name, value);
    }
    res.writeHead(status);
    res.write(head.subarray(end + 4));
  });
  await once(child, 'close');
  if (!started && !res.headersSent) res.writeHead(500);
  res.end();
  return bytes;
}

/** The refs a receive-pack request updates: the command lines at the start of its body (gitprotocol-pack). */
export function pushedRefs(body: Buffer): string[] {
  const refs: string[] = [];
  for (let at = 0; at + 4 <= body.length; ) {
    const size = Number.parseInt(body.subarray(at, at + 4).toString('latin1'), 16);
    if (!(size >= 4)) break;
    const line = body.subarray(at + 4, at + size).toString('utf8');
    const match = /^[0-9a-f]{40,64} [0-9a-f]{40,64} ([^\0\n]+)/.exec(line);
    if (match?.[1] !== undefined) refs.push(match[1]);
    at += size;
  }
  return refs;
}
