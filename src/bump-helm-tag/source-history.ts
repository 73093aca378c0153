/** Ancestry in the source repository, through the API of its forge or through git. Answers are kept: history does not change, rounds repeat. */
import { type GitAccess, isAncestor, isShallow, type SshKey } from '../git/index.ts';
import { compare, type GitHubClient } from '../github/index.ts';
import type { Clock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { RepositoryAddress } from './address.ts';
import type { Relation, SourceHistory } from './config-repository.ts';
import { type RemoteErrors, sourceErrors } from './git-errors.ts';
import { DEPTHS, type GitPorts, type GitStore, openStore } from './git-store.ts';

/** @param repository `owner/name` */
export function apiSourceHistory(client: GitHubClient, repository: string, clock: Clock): SourceHistory {
  return remember((base, head, signal) => compare(client, repository, base, head, clock, signal));
}

export interface GitSource {
  address: RepositoryAddress;
  /** For HTTP; '' for none. */
  token: string;
  /** Beside the token; default: the one that hosts take with any token. */
  username?: string;
  /** For SSH. */
  ssh?: SshKey;
  /** Server of the run, when the token may be the run's own: that one goes nowhere else. */
  serverUrl?: string;
}

/** Through git, for a URL. Commits alone are fetched, no tree and no file, and only as many as it takes to tell. */
export function gitSourceHistory(source: GitSource, ports: GitPorts): SourceHistory & { close(): Promise<void> } {
  const remote = { url: source.address.url, access: accessOf(source, ports) };
  const errors = sourceErrors({ url: remote.url, ssh: remote.access.ssh !== undefined });
  let opened: Promise<{ store: GitStore; relation: SourceHistory['relation'] }> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  async function open(): Promise<{ store: GitStore; relation: SourceHistory['relation'] }> {
    const store = await openStore(remote, errors, ports, true);
    return { store, relation: historyIn(store, errors) };
  }
  return {
    ...remember((base, head, signal) => {
      // One after the other: they share the store.
      const answer = turn.then(async () => {
        opened ??= open();
        return (await opened).relation(base, head, signal);
      });
      turn = answer.catch(() => {});
      return answer;
    }),
    async close() {
      await turn;
      await (await opened?.catch(() => undefined))?.store.close();
    },
  };
}

// `${{ github.token }}` is the default of source-token. To another server it would be a gift.
function accessOf({ address, token, username, ssh, serverUrl }: GitSource, ports: GitPorts): GitAccess {
  if (address.protocol === 'ssh')
    return { origin: '', authorization: undefined, ...(ssh === undefined ? {} : { ssh }) };
  const { origin } = address;
  const foreign = serverUrl !== undefined && token.startsWith('ghs_') && origin !== new URL(serverUrl).origin;
  if (foreign) ports.log.info(`source-token is one of ${oneLine(serverUrl, 100)}: it is not sent to ${origin}`);
  if (token === '' || foreign) return { origin, authorization: undefined };
  return {
    origin,
    authorization: `Basic ${Buffer.from(`${username || 'x-access-token'}:${token}`).toString('base64')}`,
  };
}

function historyIn(store: GitStore, errors: RemoteErrors): SourceHistory['relation'] {
  const { git } = store;
  // A later question never fetches less deep than an earlier one did: that would cut history off again.
  let level = 0;
  // Protocol v0 hands out no commit by its id, only what a branch or tag leads to.
  let byId = true;

  async function find(oid: string, signal: AbortSignal): Promise<string | undefined> {
    const result = await git(['rev-parse', '--verify', '-q', '--end-of-options', `${oid}^{commit}`], { signal });
    if (signal.aborted) throw signal.reason;
    return result.code === 0 ? result.stdout.toString('latin1').trim() : undefined;
  }

  async function fetch(
    base: string,
    head: string,
    signal: AbortSignal,
  ): Promise<'base-unknown' | 'head-unknown' | undefined> {
    const depth = DEPTHS[level] ?? 0;
    const full = [base, head].filter((oid) => FULL.test(oid));
    const refs = ['+refs/heads/*:refs/source/heads/*', '+refs/tags/*:refs/source/tags/*'];
    // The end of a tag names its commit by the first digits alone. Those cannot be asked for.
    const wants = byId ? [...full, ...(full.length < 2 ? refs : [])] : refs;
    const words = await store.fetch({ wants, depth, filter: 'tree:0' }, signal);
    if (words === undefined) return undefined;
    if (byId && words.includes('unadvertised object')) {
      byId = false;
      return fetch(base, head, signal);
    }
    if (words.includes(head)) return 'head-unknown';
    if (words.includes(base)) return 'base-unknown';
    throw errors.failure(`the server refused: ${words}`);
  }

  async function decide(base: string, head: string, signal: AbortSignal): Promise<Relation | undefined> {
    const [older, newer] = [await find(base, signal), await find(head, signal)];
    if (older !== undefined && newer !== undefined) {
      if (older === newer) return 'identical';
      if (await isAncestor(git, older, newer, { signal })) return 'ahead';
      if (await isAncestor(git, newer, older, { signal })) return 'behind';
    }
    if (signal.aborted) throw signal.reason;
    // What is not there may lie deeper, and two that do not meet may meet there.
    if (await isShallow(git, { signal })) return undefined;
    return newer === undefined ? 'head-unknown' : older === undefined ? 'base-unknown' : 'diverged';
  }

  return async (base, head, signal) => {
    // Earlier questions may have brought what it takes. What they have not brought may be there all the same.
    const known = await decide(base, head, signal);
    if (known !== undefined && known !== 'base-unknown' && known !== 'head-unknown') return known;
    for (; ; level += 1) {
      const missing = await fetch(base, head, signal);
      if (missing !== undefined) return missing;
      const relation = await decide(base, head, signal);
      if (relation !== undefined) return relation;
      if (level >= DEPTHS.length - 1) return (await find(head, signal)) === undefined ? 'head-unknown' : 'base-unknown';
    }
  };
}

const FULL = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Asks once for each pair; a failed question may be asked again. */
function remember(ask: SourceHistory['relation']): SourceHistory {
  const known = new Map<string, Promise<Relation>>();
  return {
    relation(base, head, signal) {
      const key = `${base} ${head}`;
      const answer = known.get(key) ?? ask(base, head, signal);
      known.set(key, answer);
      answer.catch(() => known.delete(key));
      return answer;
    },
  };
}
