/**
 * Objects of a bare repository through one long-lived `git cat-file --batch`. Starting a git for each read costs more than
 * all the rest of an answer; refs are looked up by that same process at each question, so that a push is seen at once.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { GIT_ENV } from './git.ts';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface GitObject {
  oid: string;
  type: ObjectType;
  bytes: Buffer;
}

export interface Signature {
  name: string;
  email: string;
  /** UTC, as GitHub prints it: `2024-01-31T10:00:00Z`. */
  date: string;
}

export interface Commit {
  oid: string;
  tree: string;
  parents: readonly string[];
  author: Signature;
  committer: Signature;
  /** Unix seconds of the committer. */
  time: number;
  message: string;
}

export interface TreeEntry {
  /** Octal, six digits: `100644`. */
  mode: string;
  type: 'blob' | 'tree' | 'commit';
  oid: string;
  name: string;
}

interface Waiting {
  resolve(found: GitObject | undefined): void;
  reject(error: Error): void;
}

// Objects never change, so a parsed one stays right; the cap only bounds memory.
const CACHED = 20_000;

export class Objects {
  readonly #dir: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  readonly #waiting: Waiting[] = [];
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 0;
  readonly #commits = new Map<string, Commit>();
  readonly #trees = new Map<string, readonly TreeEntry[]>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Any object by a revision expression (`refs/heads/main`, `<oid>^{tree}`, `main:path`), or undefined. */
  read(revision: string): Promise<GitObject | undefined> {
    // One question a line: a line break would ask two.
    if (revision === '' || /[\n\r\0]/.test(revision)) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#start().stdin.write(`${revision}\n`);
    });
  }

  /** A commit by revision (tags are followed), or undefined. */
  async commit(revision: string): Promise<Commit | undefined> {
    const known = this.#commits.get(revision);
    if (known !== undefined) return known;
    const found = await this.read(`${revision}^{commit}`);
    if (found?.type !== 'commit') return undefined;
    const commit = this.#commits.get(found.oid) ?? parseCommit(found.oid, found.bytes.toString('utf8'));
    return remember(this.#commits, found.oid, commit);
  }

  /** The entries of a tree by revision (a commit stands for its tree), or undefined. */
  async tree(revision: string): Promise<{ oid: string; entries: readonly TreeEntry[] } | undefined> {
    const known = this.#trees.get(revision);
    if (known !== undefined) return { oid: revision, entries: known };
    const found = await this.read(`${revision}^{tree}`);
    if (found?.type !== 'tree') return undefined;
    const entries = this.#trees.get(found.oid) ?? parseTree(found.bytes, found.oid.length / 2);
    return { oid: found.oid, entries: remember(this.#trees, found.oid, entries) };
  }

  async blob(revision: string): Promise<GitObject | undefined> {
    const found = await this.read(`${revision}^{blob}`);
    return found?.type === 'blob' ? found : undefined;
  }

  /** The entry at a path of a tree, or undefined. The root itself is no entry. */
  async entry(tree: string, path: string): Promise<TreeEntry | undefined> {
    let at = tree;
    let entry: TreeEntry | undefined;
    for (const name of path.split('/')) {
      if (entry !== undefined && entry.type !== 'tree') return undefined;
      entry = (await this.tree(at))?.entries.find((e) => e.name === name);
      if (entry === undefined) return undefined;
      at = entry.oid;
    }
    return entry;
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child?.kill();
    this.#child = undefined;
  }

  #start(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    const child = spawn('git', [`--git-dir=${this.#dir}`, 'cat-file', '--batch'], { env: { ...GIT_ENV } });
    this.#child = child;
    this.#chunks = [];
    this.#length = 0;
    this.#needed = 0;
    child.stderr.resume();
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      if (this.#length >= this.#needed) this.#answer();
    });
    const lost = (why: string): void => {
      if (this.#child === child) this.#child = undefined;
      for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error(`git cat-file ended: ${why}`));
    };
    child.on('error', (error) => lost(error.message));
    child.on('close', (code) => lost(`exit ${code}`));
    return child;
  }

  // `<oid> <type> <size>\n<bytes>\n`, or `<question> missing\n` and its likes.
  #answer(): void {
    let data = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#needed = 0;
    for (;;) {
      const end = data.indexOf(10);
      if (end < 0) break;
      const head = data.subarray(0, end).toString('utf8');
      const match = /^([0-9a-f]{40,64}) (commit|tree|blob|tag) (\d+)$/.exec(head);
      const size = match === null ? 0 : Number(match[3]) + 1;
      if (data.length < end + 1 + size) {
        this.#needed = end + 1 + size;
        break;
      }
      const bytes = Buffer.from(data.subarray(end + 1, end + size));
      data = data.subarray(end + 1 + size);
      const found = match === null ? undefined : { oid: match[1] ?? '', type: match[2] as ObjectType, bytes };
      this.#waiting.shift()?.resolve(found);
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#length = data.length;
  }
}

function remember<T>(cache: Map<string, T>, oid: string, value: T): T {
  if (cache.size >= CACHED) cache.clear();
  cache.set(oid, value);
  return value;
}

function parseCommit(oid: string, text: string): Commit {
  const split = text.indexOf('\n\n');
  const head = text.slice(0, split < 0 ? text.length : split).split('\n');
  const all = (key: string): string[] =>
    head.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const committer = all('committer')[0] ?? '';
  return {
    oid,
    tree: all('tree')[0] ?? '',
    parents: all('parent'),
    author: signature(all('author')[0] ?? ''),
    committer: signature(committer),
    time: seconds(committer),
    message: split < 0 ? '' : text.slice(split + 2).replace(/\n+$/, ''),
  };
}

function seconds(line: string): number {
  return Number(/ (-?\d+) [+-]\d{4}$/.exec(line)?.[1] ?? 0);
}

function signature(line: string): Signature {
  const match = /^(.*?) ?<([^>]*)>/.exec(line);
  const date = new Date(seconds(line) * 1000).toISOString().replace('.000Z', 'Z');
  return { name: match?.[1] ?? '', email: match?.[2] ?? '', date };
}

function parseTree(bytes: Buffer, hashBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, blank);
    const mode = bytes.subarray(at, blank).toString('latin1').padStart(6, '0');
    at = end + 1 + hashBytes;
    entries.push({
      mode,
      type: mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob',
      oid: bytes.subarray(end + 1, at).toString('hex'),
      name: bytes.subarray(blank + 1, end).toString('utf8'),
    });
  }
  return entries;
}
