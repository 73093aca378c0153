/** What a Git host's refusals mean, in words of the repository that was asked. */
import type { Access } from '../git/index.ts';
import { ActionError, type ExecResult } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';

export interface RemoteErrors {
  /** What will not get better by trying again. @param target where a redirect leads, '' when it was not told */
  refused(access: Access, target: string): ActionError;
  branchMissing(): ActionError;
  failure(why: string, result?: ExecResult): ActionError;
}

interface Remote {
  /** Without credentials. */
  url: string;
  ssh: boolean;
}

/** For the repository that gets the handoff. */
export function configErrors(remote: Remote, branch: string): RemoteErrors {
  const what = `config repository ${shown(remote)}`;
  return {
    refused({ kind, detail }, target) {
      if (kind === 'host-key') return hostKey(what, detail);
      if (kind === 'redirect') {
        const to = target === '' ? '' : ` to ${oneLine(target, 300)}`;
        const why = `it has moved${to}, and credentials are not sent after a redirect: ${detail}`;
        return new ActionError('E_REDIRECT', { what, why, fix: 'Give its new address' });
      }
      if (kind === 'not-found') {
        const fix = `Check the address, and that the ${remote.ssh ? 'key' : 'token'} may see it`;
        return new ActionError('E_REPOSITORY_NOT_FOUND', { what, why: detail, fix });
      }
      return new ActionError('E_PERMISSION_MISSING', {
        what,
        why: `the ${remote.ssh ? 'key' : 'token'} was refused: ${detail}`,
        fix: remote.ssh
          ? 'Make it a deploy key of this repository that may write'
          : 'Give it contents: write on this repository alone',
      });
    },
    branchMissing: () =>
      new ActionError('E_BRANCH_NOT_FOUND', {
        what: `branch ${oneLine(branch, 120)}`,
        why: `${shown(remote)} has no such branch`,
        fix: 'Create it, or correct branch',
      }),
    failure: (why, result) =>
      new ActionError('E_CONFIG_UNREADABLE', {
        what,
        why: because(why, result),
        fix: 'Nothing was written. Run again when the host answers',
      }),
  };
}

/** For the repository that was built: whatever keeps its history from being read. */
export function sourceErrors(remote: Remote): RemoteErrors {
  const what = `source history of ${shown(remote)}`;
  const unreadable = (why: string): ActionError =>
    new ActionError('E_SOURCE_UNREADABLE', {
      what,
      why,
      fix: `Nothing was written. Give a ${remote.ssh ? 'key' : 'source-token'} that may read it, or run again when the host answers`,
    });
  return {
    refused({ kind, detail }, target) {
      if (kind === 'host-key') return hostKey(what, detail);
      return unreadable(kind === 'redirect' && target !== '' ? `it has moved to ${oneLine(target, 300)}` : detail);
    },
    branchMissing: () => unreadable('it has no such branch'),
    failure: (why, result) => unreadable(because(why, result)),
  };
}

function hostKey(what: string, detail: string): ActionError {
  return new ActionError('E_HOST_KEY', {
    what,
    why: `the key of the host is not the one in ssh-known-hosts: ${detail}`,
    fix: 'Compare it with what the host publishes, then correct ssh-known-hosts',
  });
}

function because(why: string, result: ExecResult | undefined): string {
  if (result === undefined) return why;
  return `${why}: ${oneLine(result.stderrTail.trim() || `git ended with ${result.code ?? result.signal}`, 400)}`;
}

export function shown(remote: { url: string }): string {
  return oneLine(remote.url.replace(/^[a-z+]+:\/\//, ''), 200);
}
