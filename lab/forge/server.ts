/** The forge: Git over HTTP, REST and GraphQL on one loopback port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActionError } from '../../src/runner/index.ts';
import { type AppOptions, AppStore } from './apps.ts';
import { Faults } from './faults.ts';
import { type ForgeRequest, handler } from './handle.ts';
import { createBare, Repo, type WorkflowRun } from './store.ts';
import { type TokenOptions, TokenStore } from './tokens.ts';

export type { AppOptions } from './apps.ts';
export { type Fault, type FaultAnswer, faultAnswers } from './faults.ts';
export type { ForgeRequest } from './handle.ts';
export type { Repo, WorkflowRun } from './store.ts';
export type { Permissions, TokenOptions } from './tokens.ts';

export interface RepositoryOptions {
  private?: boolean;
  defaultBranch?: string;
  /** First commit: path -> content. */
  files?: Readonly<Record<string, string | Buffer>>;
}

export interface Forge extends AsyncDisposable {
  /** Server, as in GITHUB_SERVER_URL; Git lives below it. */
  readonly url: string;
  /** REST base, as in GITHUB_API_URL of a GitHub Enterprise Server. The same routes answer below `url` itself, as on api.github.com. */
  readonly apiUrl: string;
  readonly graphqlUrl: string;
  createRepository(fullName: string, options?: RepositoryOptions): Promise<{ gitUrl: string; path: string }>;
  /** The old name goes on answering: GraphQL with the new repository, REST and Git with a redirect. */
  renameRepository(from: string, to: string): void;
  /** What the forge holds of a repository: checks, pulls, attestations, … @throws when it has none of that name */
  repository(fullName: string): Repo;
  createToken(options: TokenOptions): string;
  revokeToken(token: string): void;
  /** Installs an App, whose private key then buys tokens. */
  registerApp(options: AppOptions): void;
  /** Keeps a workflow run, or brings the one of that id up to date. */
  recordRun(fullName: string, run: WorkflowRun): void;
  readonly faults: Faults;
  /** Every request, in order of arrival. */
  requests(): readonly ForgeRequest[];
  clearRequests(): void;
  /** Routes and GraphQL fields that were asked for and that the forge does not know: a test fails when there are any. */
  unknownRoutes(): readonly string[];
  close(): Promise<void>;
}

const FULL_NAME = /^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9_.-]+$/;

/**
 * Starts a forge on loopback.
 * @param options.dir keeps the repositories there after `close`; default: a temporary folder that goes away
 * @param options.port default: any free one
 * @throws ActionError E_LAB_PORT when the port is taken
 */
export async function startForge(options: { dir?: string; port?: number } = {}): Promise<Forge> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'forge-')));
  const state = {
    repos: new Map<string, Repo>(),
    tokens: new TokenStore(),
    apps: new AppStore(),
    faults: new Faults(),
    requests: [] as ForgeRequest[],
    unknown: [] as string[],
    url: '',
  };
  const server = createServer(handler(state));
  // A client on a busy machine must not find its idle connection closed at the moment it asks again.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ActionError('E_LAB_PORT', {
          what: `port ${options.port ?? 0} of the forge`,
          why: cause.message,
          fix: 'Choose another port, or none for a free one',
          cause,
        }),
      );
    });
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.url = url;

  const repository = (fullName: string): Repo => {
    const repo = state.repos.get(fullName);
    if (repo === undefined) throw new Error(`the forge has no repository ${fullName}`);
    return repo;
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      for (const repo of new Set(state.repos.values())) repo.objects.close();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    })();
    return closing;
  };
  return {
    url,
    apiUrl: `${url}/api/v3`,
    graphqlUrl: `${url}/api/graphql`,
    async createRepository(fullName, o = {}) {
      if (!FULL_NAME.test(fullName)) throw new Error(`"${fullName}" is no owner/name`);
      if (state.repos.has(fullName)) throw new Error(`the forge has a repository ${fullName} already`);
      const path = join(dir, `${fullName}.git`);
      const defaultBranch = o.defaultBranch ?? 'main';
      await createBare(path, defaultBranch, o.files);
      state.repos.set(fullName, new Repo({ fullName, private: o.private ?? false, defaultBranch, path }));
      return { gitUrl: `${url}/${fullName}.git`, path };
    },
    renameRepository(from, to) {
      if (!FULL_NAME.test(to) || state.repos.has(to)) throw new Error(`"${to}" is taken or no owner/name`);
      const repo = repository(from);
      repo.fullName = to;
      state.repos.set(to, repo);
    },
    repository,
    createToken: (o) => state.tokens.create(o),
    revokeToken: (token) => state.tokens.revoke(token),
    registerApp: (o) => state.apps.register(o),
    recordRun(fullName, run) {
      const { runs } = repository(fullName);
      const known = runs.find((one) => one.id === run.id);
      if (known === undefined) runs.push({ ...run });
      else Object.assign(known, run);
    },
    faults: state.faults,
    requests: () => state.requests,
    clearRequests: () => {
      state.requests.length = 0;
    },
    unknownRoutes: () => state.unknown,
    close,
    [Symbol.asyncDispose]: close,
  };
}
