/** The edges of a run, as its inputs want them: config repository, source history, pull requests. */
import { tmpdir } from 'node:os';
import { gitHubClient } from '../github/index.ts';
import type { Http } from '../http/index.ts';
import { type Deadline, type Env, type Log, systemClock, systemExec } from '../runner/index.ts';
import type { RepositoryAddress } from './address.ts';
import type { ConfigRepository, SourceHistory } from './config-repository.ts';
import { gitRepository } from './git-repository.ts';
import type { GitPorts } from './git-store.ts';
import { gitHubRepository } from './github-repository.ts';
import type { BumpInputs } from './inputs.ts';
import { gitHubPullRequests } from './pull-request.ts';
import type { PullRequests } from './pull-request-port.ts';
import { apiSourceHistory, gitSourceHistory } from './source-history.ts';

export interface Edges {
  repository: ConfigRepository;
  source: SourceHistory;
  /** How commits of the config repository stand to each other. */
  configHistory: SourceHistory;
  pulls: PullRequests | undefined;
  /** @returns name of a scratch branch that could not be taken away, else '' */
  close(): Promise<string>;
}

const AGENT = 'bump-helm-tag';

export function openEdges(inputs: BumpInputs, env: Env, http: Http, deadline: Deadline, log: Log): Edges {
  const ports = { clock: systemClock, random: Math.random, deadline };
  const git: GitPorts = { ...ports, exec: systemExec, env, temp: tempOf(env), log };
  const ssh = inputs.ssh.key === '' ? {} : { ssh: inputs.ssh };
  const client = (token: string): ReturnType<typeof gitHubClient> => gitHubClient(http, inputs.apiUrl, token, AGENT);
  const opened: { close(): Promise<unknown> }[] = [];
  const keep = <T extends { close(): Promise<unknown> }>(edge: T): T => {
    opened.push(edge);
    return edge;
  };
  const byGit = (address: RepositoryAddress, access: { token: string; username?: string; serverUrl?: string }) =>
    keep(gitSourceHistory({ address, ...ssh, ...access }, git));
  const { serverUrl, source } = inputs;
  const { config, transport } = inputs;
  const [owner = '', name = ''] = config.repository.split('/');
  const hub = { owner, name, branch: inputs.branch, serverUrl: inputs.serverUrl };
  const repository = keep(
    transport === 'github'
      ? gitHubRepository(client(inputs.token), hub, ports)
      : gitRepository(
          {
            url: config.url,
            access: {
              origin: config.origin,
              authorization: authorization(inputs),
              advice: 'Install git 2.31 or newer, or use transport: github',
              ...ssh,
            },
            branch: inputs.branch,
            author: inputs.author,
            commitPage: config.commitPage,
          },
          git,
        ),
  );
  const pulls =
    inputs.propose === undefined
      ? undefined
      : gitHubPullRequests(client(inputs.token), hub, ports, { autoMerge: inputs.autoMerge });
  return {
    repository,
    source:
      source.kind === 'name'
        ? apiSourceHistory(client(sourceToken(inputs)), source.repository, systemClock)
        : byGit(source, { token: sourceToken(inputs), serverUrl }),
    // Its token was given for this very host, whatever host that is.
    configHistory:
      transport === 'github'
        ? apiSourceHistory(client(inputs.token), config.repository, systemClock)
        : byGit(config, { token: inputs.token, username: inputs.username }),
    pulls,
    async close() {
      const left = (await pulls?.close()) ?? '';
      for (const edge of opened.reverse()) await edge.close();
      return left;
    },
  };
}

/** Where temporary files go. */
export function tempOf(env: Env): string {
  return env.RUNNER_TEMP || tmpdir();
}

/** The header git sends: an error text may quote it, so it is masked like the token. '' when there is none. */
export function basicCredential(inputs: Pick<BumpInputs, 'username' | 'token'>): string {
  return inputs.token === '' ? '' : Buffer.from(`${inputs.username}:${inputs.token}`).toString('base64');
}

function authorization(inputs: BumpInputs): string | undefined {
  const basic = basicCredential(inputs);
  return basic === '' || inputs.ssh.key !== '' ? undefined : `Basic ${basic}`;
}

// The token of another Git host must never reach this API.
function sourceToken(inputs: BumpInputs): string {
  return inputs.sourceToken === '' && inputs.transport === 'github' ? inputs.token : inputs.sourceToken;
}
