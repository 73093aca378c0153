/** Who may fetch and push, and which rules a push meets. */
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Answer } from './answer.ts';
import { gitHttp } from './cgi.ts';
import { hookEnvironment } from './hook.ts';
import { refreshPulls } from './pulls.ts';
import { type RefChange, rulesFor, violations } from './rules.ts';
import type { Repo } from './store.ts';
import { type Caller, isToken, mayRead, mayWrite, sees } from './tokens.ts';

export interface GitRequest {
  /** `info/refs`, `git-upload-pack` or `git-receive-pack`. */
  service: string;
  query: string;
}

const text = (status: number, message: string, headers: Record<string, string> = {}): Answer => ({
  status,
  raw: Buffer.from(`${message}\n`),
  headers: { 'content-type': 'text/plain', ...headers },
});
const challenge = (message: string): Answer => text(401, message, { 'www-authenticate': 'Basic realm="GitHub"' });

/** The path of a Git request below the server: `/owner/name(.git)/service`. */
export const GIT_PATH = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

export async function serveGit(
  req: IncomingMessage,
  git: GitRequest,
  repo: Repo | undefined,
  caller: Caller,
  url: string,
): Promise<Answer> {
  const refused = refuse(git, repo, caller);
  if (refused !== undefined || repo === undefined) {
    req.resume();
    return refused ?? text(404, 'Repository not found.');
  }
  const cgi = {
    directory: repo.path,
    service: git.service,
    query: git.query,
    user: isToken(caller) ? caller.login : 'anonymous',
  };
  if (git.service !== 'git-receive-pack') {
    // A fetch may want `refs/pull/<n>/merge` of branches that have moved since.
    if (git.service === 'info/refs') await refreshPulls(repo);
    return gitHttp(req, req, { ...cgi, env: {} });
  }
  const plain: Readable = req.headers['content-encoding'] === 'gzip' ? req.pipe(createGunzip()) : req;
  if (plain !== req) {
    delete req.headers['content-encoding'];
    delete req.headers['content-length'];
  }
  const { changes, body } = await pushCommands(plain);
  return gitHttp(req, body, { ...cgi, env: pushRules(repo, changes, caller, url) });
}

// In GitHub's order: what one may not see is not there; nobody is asked to log in; a reader may not write.
function refuse(git: GitRequest, repo: Repo | undefined, caller: Caller): Answer | undefined {
  if (caller === 'bad') return challenge('Invalid username or token.');
  if (repo === undefined || !sees(caller, repo)) {
    return caller === 'none' ? challenge('Repository not found.') : text(404, 'Repository not found.');
  }
  const writes = git.service === 'git-receive-pack' || /(^|&)service=git-receive-pack(&|$)/.test(git.query);
  if (writes && caller === 'none') return challenge('Authentication required.');
  if (!mayRead(caller, repo, 'contents') || (writes && !mayWrite(caller, repo, 'contents'))) {
    return text(403, 'Write access to repository not granted.');
  }
  return undefined;
}

function pushRules(repo: Repo, changes: readonly RefChange[], caller: Caller, url: string): Record<string, string> {
  return hookEnvironment({
    refused: changes.map((change) => ({ ref: change.ref, why: violations(repo, change, caller) })),
    forwardOnly: changes
      .map((change) => change.ref)
      .filter((ref) => rulesFor(repo, ref, caller).some((rule) => rule.type === 'non_fast_forward')),
    rulesUrl: `${url}/${repo.fullName}/rules`,
  });
}

/**
 * Reads the commands at the start of a push (gitprotocol-pack: pkt-lines up to a flush) and hands the whole body on, so that
 * a pack of any size streams.
 */
async function pushCommands(source: Readable): Promise<{ changes: RefChange[]; body: Readable }> {
  let head = Buffer.alloc(0);
  const iterator = source.iterator({ destroyOnReturn: false });
  let parsed = parseCommands(head);
  while (!parsed.complete) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value as Buffer]);
    parsed = parseCommands(head);
  }
  // Takes the iterator's listeners off the source; else it would not flow again.
  await iterator.return?.();
  const body = new PassThrough();
  body.write(head);
  source.on('error', (error) => body.destroy(error));
  // An IncomingMessage that is cut off closes without an error.
  source.on('close', () => {
    if (!source.readableEnded) body.destroy(new Error('the client has hung up'));
  });
  if (source.readableEnded) body.end();
  else source.pipe(body);
  return { changes: parsed.changes, body };
}

function parseCommands(bytes: Buffer): { changes: RefChange[]; complete: boolean } {
  const changes: RefChange[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const size = Number.parseInt(bytes.subarray(at, at + 4).toString('latin1'), 16);
    // A flush ends the list; what is no pkt-line at all is for git to refuse.
    if (!(size >= 4)) return { changes, complete: true };
    if (at + size > bytes.length) break;
    const line = bytes.subarray(at + 4, at + size).toString('utf8');
    const match = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([^\0\n]+)/.exec(line);
    if (match !== null) changes.push({ before: match[1] ?? '', after: match[2] ?? '', ref: match[3] ?? '' });
    at += size;
  }
  return { changes, complete: false };
}
