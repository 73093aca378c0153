/** A forge with one config repository a test, and the port to it through each transport. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { type Forge, type Permissions, startForge } from '../../lab/forge/server.ts';
import type { CommitRequest, ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import { gitRepository } from '../../src/bump-helm-tag/git-repository.ts';
import type { GitPorts } from '../../src/bump-helm-tag/git-store.ts';
import { gitHubRepository } from '../../src/bump-helm-tag/github-repository.ts';
import { gitHubClient } from '../../src/github/index.ts';
import { openHttp } from '../../src/http/index.ts';
import { ActionError, Deadline, memoryLog, systemClock, systemExec } from '../../src/runner/index.ts';
import { knownHosts, openDoor, privateKey, type SshDoor } from './contract-ssh.ts';

export type Transport = 'github' | 'git over HTTP' | 'git over SSH';
export const TRANSPORTS: readonly Transport[] = ['github', 'git over HTTP', 'git over SSH'];

export const HOST = 'forge.test';
export const FILES = { 'a.yaml': 'tag: v1\n', 'env/dev/b.yaml': '\ufeffx: 1\r\ny: 2', 'env/c.txt': 'c\n' };

export interface Over {
  token?: string;
  branch?: string;
  name?: string;
  url?: string;
  knownHosts?: string;
  key?: string;
  env?: Record<string, string | undefined>;
}

export const signal = AbortSignal.timeout(600_000);
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (b: Uint8Array | null | undefined): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(b ?? undefined);

/** Call it once at the top of a test file: it registers its own set-up and its end. */
export function contractKit() {
  const http = openHttp();
  const rights = new Map<string, boolean>();
  const log = memoryLog();
  const kit = {
    forge: undefined as unknown as Forge,
    door: undefined as unknown as SshDoor,
    /** Where the stores of the git transport are; a blank in its name, as a runner may have one. */
    temp: '',
    token: '',
    /** Of the config repository: folder and name. */
    path: '',
    name: '',
    log,
    createToken,
    ports,
    open,
    using,
    tip,
    put,
    commit,
  };
  let dir: string;
  let count = 0;

  beforeAll(async () => {
    kit.forge = await startForge();
    dir = mkdtempSync(join(tmpdir(), 'contract-'));
    kit.temp = mkdtempSync(join(dir, 'runner temp '));
    kit.token = createToken({ contents: 'write' });
    kit.door = await openDoor(kit.forge, dir, (token) => rights.get(token));
  });
  afterAll(async () => {
    await http.close();
    kit.door.close();
    await kit.forge.close();
    // The stores of the git transport are gone: each closes its own.
    expect(readdirSync(kit.temp)).toEqual([]);
    rmSync(dir, { recursive: true });
  });
  beforeEach(async () => {
    kit.forge.faults.clear();
    kit.forge.clearRequests();
    kit.door.calls.length = 0;
    log.lines.length = 0;
    count += 1;
    kit.name = `cfg${count}`;
    kit.path = (await kit.forge.createRepository(`org/${kit.name}`, { files: FILES })).path;
  });

  function createToken(permissions: Permissions): string {
    const token = kit.forge.createToken({ kind: 'app', permissions });
    rights.set(token, permissions.contents === 'write');
    return token;
  }

  function ports(env: Record<string, string | undefined> = {}): GitPorts {
    const path = `${kit.door.bin}:${process.env.PATH}`;
    return {
      clock: systemClock,
      random: () => 0.1,
      deadline: new Deadline(100, systemClock),
      exec: systemExec,
      env: { ...process.env, PATH: path, ...env },
      temp: kit.temp,
      log,
    };
  }

  function open(transport: Transport, over: Over = {}): ConfigRepository {
    const secret = over.token ?? kit.token;
    const branch = over.branch ?? 'main';
    const name = over.name ?? kit.name;
    if (transport === 'github') {
      const client = gitHubClient(http, new URL(kit.forge.apiUrl), secret, 'test');
      return gitHubRepository(client, { owner: 'org', name, branch, serverUrl: kit.forge.url }, ports());
    }
    const ssh = transport === 'git over SSH';
    const url = over.url ?? (ssh ? `git@${HOST}:org/${name}.git` : `${kit.forge.url}/org/${name}.git`);
    const authorization = `Basic ${Buffer.from(`x-access-token:${secret}`).toString('base64')}`;
    const key = { key: over.key ?? privateKey(secret), knownHosts: over.knownHosts ?? knownHosts(HOST) };
    const access = ssh
      ? { origin: '', authorization: undefined, ssh: key }
      : { origin: new URL(url).origin, authorization };
    const author = { name: 'Bot', email: 'bot@example.org' };
    return gitRepository({ url, access, branch, author, commitPage: '' }, ports(over.env));
  }

  async function using<T>(transport: Transport, body: (r: ConfigRepository) => Promise<T>, over?: Over): Promise<T> {
    const repository = open(transport, over);
    try {
      return await body(repository);
    } finally {
      await repository.close();
    }
  }

  async function tip(branch = 'main'): Promise<string> {
    return (await git(kit.path, ['rev-parse', branch])).toString().trim();
  }

  /** Somebody else's commit: one entry put into the tree of a branch. */
  async function put(file: string, content: string, mode = '100644', branch = 'main'): Promise<string> {
    const index = { GIT_INDEX_FILE: join(kit.path, 'test-index') };
    const oid =
      mode === '160000' ? content : (await git(kit.path, ['hash-object', '-w', '--stdin'], content)).toString().trim();
    await git(kit.path, ['read-tree', branch], undefined, index);
    await git(kit.path, ['update-index', '--add', '--cacheinfo', `${mode},${oid},${file}`], undefined, index);
    const tree = (await git(kit.path, ['write-tree'], undefined, index)).toString().trim();
    const made = await commit(tree, [branch], `put ${file}`);
    await git(kit.path, ['update-ref', `refs/heads/${branch}`, made]);
    return made;
  }

  async function commit(tree: string, parents: readonly string[], message: string): Promise<string> {
    const who = Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((w) => [
        [`GIT_${w}_NAME`, 'p'],
        [`GIT_${w}_EMAIL`, 'p@example.org'],
      ]),
    );
    const args = ['commit-tree', tree, ...parents.flatMap((p) => ['-p', p]), '-m', message];
    return (await git(kit.path, args, undefined, who)).toString().trim();
  }
  return kit;
}

export const want = (head: string, content: string, file = 'a.yaml', id = 'id-1'): CommitRequest => ({
  head,
  changes: [{ path: file, mode: '100644', bytes: bytes(content) }],
  message: { headline: 'bump x', body: `why\n\nBump-Id: ${id}` },
  bumpId: id,
});

export const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'none',
    (error: unknown) => (error instanceof ActionError ? error.code : String(error)),
  );
