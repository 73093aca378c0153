/** Where a repository is: the texts of `config-repository` and `source-repository`. Pure; no problem quotes its text, which may hold a secret. */
import { isLoopbackHost } from '../http/index.ts';

export interface RepositoryAddress {
  /** `name`: `owner/name` below the server of the run. */
  kind: 'name' | 'url';
  protocol: 'http' | 'https' | 'ssh';
  /** `owner/name`; of a URL its last two segments. */
  repository: string;
  /** What git is told, without credentials. */
  url: string;
  /** Scheme, host and port, which an HTTP credential belongs to; '' for SSH. */
  origin: string;
  /** `host/owner/name`: the same for all addresses of one repository, whatever the protocol. */
  label: string;
  /** Address of a commit for people, `{oid}` to be replaced; '' when it cannot be told. */
  commitPage: string;
}

export type ReadAddress =
  | { address: RepositoryAddress; problem?: undefined }
  | { address?: undefined; problem: string };

const NAME = /^(?![-.])[A-Za-z0-9._-]{1,100}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;
// ssh and git read what starts with a dash as an option of theirs.
const USER = '[A-Za-z0-9_][A-Za-z0-9._-]{0,63}';
const HOST = '[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\\[[0-9A-Fa-f:.]{2,45}\\]';
const SCP = new RegExp(`^(${USER})@(${HOST}):(?![-:])(.+)$`);
const SSH_URL = new RegExp(`^ssh://(?:(${USER})@)?(${HOST})(:[0-9]{1,5})?(/.+)$`);
const FORMS = 'is neither owner/name nor a URL (https://, ssh:// or user@host:path)';

/**
 * Reads `config-repository`.
 * @param from.sshKey a key is given: then a name means SSH, and nothing but SSH is spoken
 */
export function readConfigAddress(
  text: string,
  from: { serverUrl: string; transport: 'github' | 'git'; sshKey: boolean },
): ReadAddress {
  if (NAME.test(text)) return { address: named(text, from.serverUrl, from.sshKey) };
  if (from.transport === 'github') return { problem: 'is not owner/name (a URL needs transport: git)' };
  const read = readUrl(text);
  if (read.address === undefined) return read;
  if (read.address.protocol === 'ssh' && !from.sshKey)
    return { problem: 'is an SSH address, which needs ssh-key and ssh-known-hosts' };
  if (read.address.protocol !== 'ssh' && from.sshKey)
    return { problem: 'is an HTTP address, which ssh-key is not for: give a token, or an SSH address' };
  return read;
}

/**
 * Reads `source-repository`. A name is read through the API of the server, a URL through git.
 * @param from.sshKey a key is given, which SSH addresses may use
 */
export function readSourceAddress(text: string, from: { serverUrl: string; sshKey: boolean }): ReadAddress {
  if (NAME.test(text)) return { address: named(text, from.serverUrl, false) };
  const read = readUrl(text);
  if (read.address?.protocol === 'ssh' && !from.sshKey)
    return { problem: 'is an SSH address, which needs ssh-key and ssh-known-hosts' };
  return read;
}

function named(repository: string, serverUrl: string, ssh: boolean): RepositoryAddress {
  const server = new URL(serverUrl);
  const page = `${serverUrl.replace(/\/+$/, '')}/${repository}`;
  return {
    kind: 'name',
    protocol: ssh ? 'ssh' : server.protocol === 'http:' ? 'http' : 'https',
    repository,
    url: ssh ? `git@${server.hostname}:${repository}.git` : `${page}.git`,
    origin: ssh ? '' : server.origin,
    label: `${server.host}/${repository}`,
    commitPage: `${page}/commit/{oid}`,
  };
}

function readUrl(text: string): ReadAddress {
  // Before anything else: the URL parser drops line breaks and tabs.
  if (/[\s\u0000-\u001f\u007f-\u009f]/.test(text)) return { problem: 'holds white space or control characters' };
  if (text.length > 2048) return { problem: 'is longer than 2,048 characters' };
  const scp = text.includes('://') ? null : SCP.exec(text);
  if (scp !== null) return sshAddress(text, scp[2] ?? '', scp[3] ?? '');
  if (/^ssh:/i.test(text)) return readSshUrl(text);
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    return { problem: /^[a-z][a-z0-9+.-]*:/i.test(text) ? 'is neither https:// nor ssh://' : FORMS };
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    return { problem: 'holds credentials: give them as username and token' };
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return { problem: 'is plain http to another machine' };
  if (url.search !== '' || url.hash !== '') return { problem: 'holds a query or a fragment' };
  const path = plainPath(url.pathname);
  if (path === undefined) return { problem: 'names no repository' };
  return {
    address: {
      kind: 'url',
      protocol: url.protocol === 'http:' ? 'http' : 'https',
      repository: lastTwo(path),
      url: url.href,
      origin: url.origin,
      label: `${url.host}/${path}`,
      commitPage: `${url.origin}/${url.pathname.replace(/^\/+|(\.git)?\/*$/g, '')}/commit/{oid}`,
    },
  };
}

function readSshUrl(text: string): ReadAddress {
  if (/^ssh:\/\/[^/]*:[^/]*@/i.test(text)) return { problem: 'holds a password: SSH uses ssh-key' };
  const match = SSH_URL.exec(text);
  if (match === null) return { problem: 'is not ssh://user@host/path' };
  return sshAddress(text, match[2] ?? '', match[4] ?? '');
}

function sshAddress(url: string, host: string, text: string): ReadAddress {
  const path = plainPath(text);
  if (path === undefined) return { problem: 'names no repository' };
  const label = `${host.toLowerCase()}/${path}`;
  return {
    address: { kind: 'url', protocol: 'ssh', repository: lastTwo(path), url, origin: '', label, commitPage: '' },
  };
}

/** The path as people write it; undefined when there is none, or one that hides something. */
function plainPath(text: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(text);
  } catch {
    return undefined;
  }
  path = path.replace(/^\/+|(\.git)?\/*$/g, '');
  return path === '' || /[\u0000-\u0020\u007f-\u009f\\]/.test(path) ? undefined : path;
}

function lastTwo(path: string): string {
  return path.split('/').filter(Boolean).slice(-2).join('/');
}
