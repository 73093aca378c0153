import { expect, test } from '@jest/globals';
import { classifyAccess, classifyPush } from '../../src/git/index.ts';

const REF = 'refs/heads/main';
const line = (flag: string, summary: string): string => `To https://h/o/r\n${flag}\tabc:${REF}\t${summary}\nDone\n`;

test.each<[string, number | null, string, string, string]>([
  ['fast forward', 0, line(' ', 'a..b'), '', 'committed'],
  ['new branch', 0, line('*', '[new branch]'), '', 'committed'],
  ['the same commit again', 0, line('=', '[up to date]'), '', 'committed'],
  ['stale info', 1, line('!', '[rejected] (stale info)'), '', 'conflict'],
  ['fetch first', 1, line('!', '[rejected] (fetch first)'), '', 'conflict'],
  ['cannot lock', 1, line('!', '[remote rejected] (cannot lock ref)'), '', 'conflict'],
  ['failed to update', 1, line('!', '[remote rejected] (failed to update ref)'), '', 'conflict'],
  [
    'lock in the words of the server',
    1,
    line('!', '[remote rejected] (failed)'),
    "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2",
    'conflict',
  ],
  ['hook', 1, line('!', '[remote rejected] (pre-receive hook declined)'), '', 'protected'],
  ['ruleset', 1, line('!', '[remote rejected] (x)'), 'remote: error: GH013: Repository rule violations', 'protected'],
  ['protected branch', 1, line('!', '[remote rejected] (protected branch hook declined)'), '', 'protected'],
  ['remote failure', 1, line('!', '[remote failure] (remote failed to report status)'), '', 'unknown'],
  ['another ref only', 1, `!\tabc:refs/heads/other\t[rejected] (stale info)\n`, '', 'unknown'],
  ['nothing at all', 1, '', '', 'unknown'],
  ['a lost answer that says all is well', 128, 'Everything up-to-date\n', 'fatal: the remote end hung up', 'unknown'],
  ['killed', null, '', '', 'unknown'],
  ['a good line but a bad end', 1, line(' ', 'a..b'), 'fatal: x', 'unknown'],
  ['502', 128, '', "fatal: unable to access 'https://h/': The requested URL returned error: 502", 'unknown'],
  ['401', 128, '', "fatal: Authentication failed for 'https://h/'", 'access'],
])('%s', (_name, code, porcelain, stderr, kind) => {
  expect(classifyPush(REF, code, porcelain, stderr).kind).toBe(kind);
});

test.each<[string, string, string | undefined]>([
  ['401', "fatal: Authentication failed for 'https://h/'", 'permission'],
  ['403', "fatal: unable to access 'https://h/': The requested URL returned error: 403", 'permission'],
  ['404', "fatal: unable to access 'https://h/': The requested URL returned error: 404", 'not-found'],
  ['moved', "fatal: unable to access 'https://h/': The requested URL returned error: 301", 'redirect'],
  ['no such repository, in git', "fatal: repository 'http://h/o/r/' not found", 'not-found'],
  [
    'no such repository, by SSH',
    'ERROR: Repository not found.\nfatal: Could not read from remote repository.',
    'not-found',
  ],
  ['no such folder, by plain sshd', "fatal: '/srv/x.git' does not appear to be a git repository", 'not-found'],
  ['a key nobody knows', 'git@h: Permission denied (publickey).', 'permission'],
  [
    'a deploy key that only reads',
    'ERROR: The key you are authenticating with has been marked as read only.',
    'permission',
  ],
  ['a user that only reads', 'ERROR: Permission to o/r.git denied to someone.', 'permission'],
  [
    'a host nobody knows',
    'No ED25519 host key is known for h and you have requested strict checking.\r\nHost key verification failed.\r\nfatal: Could not read from remote repository.',
    'host-key',
  ],
  [
    'a host that has changed',
    '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nIT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key verification failed.',
    'host-key',
  ],
  ['a cut line', 'fatal: early EOF', undefined],
  [
    'nobody answers',
    'ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.',
    undefined,
  ],
])('access: %s', (_name, stderr, kind) => {
  expect(classifyAccess(stderr)?.kind).toBe(kind);
});
