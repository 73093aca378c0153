import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ReadAddress, readConfigAddress, readSourceAddress } from '../../src/bump-helm-tag/address.ts';

const SERVER = 'https://github.com';
const config = (
  text: string,
  over: { transport?: 'github' | 'git'; sshKey?: boolean; serverUrl?: string } = {},
): ReadAddress => readConfigAddress(text, { serverUrl: SERVER, transport: 'git', sshKey: false, ...over });
const ssh = (text: string): ReadAddress => config(text, { sshKey: true });

test('owner/name is below the server of the run', () => {
  const address = {
    kind: 'name',
    protocol: 'https',
    repository: 'org/cfg',
    url: 'https://github.com/org/cfg.git',
    origin: 'https://github.com',
    label: 'github.com/org/cfg',
    commitPage: 'https://github.com/org/cfg/commit/{oid}',
  };
  expect(config('org/cfg', { transport: 'github' })).toEqual({ address });
  expect(config('org/cfg')).toEqual({ address });
  expect(config('org/cfg', { serverUrl: 'http://127.0.0.1:3000/' }).address).toMatchObject({
    protocol: 'http',
    url: 'http://127.0.0.1:3000/org/cfg.git',
    origin: 'http://127.0.0.1:3000',
    label: '127.0.0.1:3000/org/cfg',
  });
});

test('with an SSH key owner/name is a repository of the user git there', () => {
  expect(ssh('org/.github').address).toMatchObject({
    kind: 'name',
    protocol: 'ssh',
    url: 'git@github.com:org/.github.git',
    origin: '',
    label: 'github.com/org/.github',
    commitPage: 'https://github.com/org/.github/commit/{oid}',
  });
});

test.each<[string, string, string, string]>([
  [
    'https://git.example.org/a/b/cfg.git',
    'b/cfg',
    'git.example.org/a/b/cfg',
    'https://git.example.org/a/b/cfg/commit/{oid}',
  ],
  [
    'https://git.example.org:8443/cfg/',
    'cfg',
    'git.example.org:8443/cfg',
    'https://git.example.org:8443/cfg/commit/{oid}',
  ],
  ['http://localhost:1/o/n', 'o/n', 'localhost:1/o/n', 'http://localhost:1/o/n/commit/{oid}'],
  ['http://[::1]:1/o/n.git', 'o/n', '[::1]:1/o/n', 'http://[::1]:1/o/n/commit/{oid}'],
])('%s', (text, repository, label, commitPage) => {
  expect(config(text).address).toEqual({
    kind: 'url',
    protocol: text.split(':')[0],
    repository,
    url: text,
    origin: new URL(text).origin,
    label,
    commitPage,
  });
});

test.each<[string, string, string]>([
  ['git@git.example.org:a/cfg.git', 'a/cfg', 'git.example.org/a/cfg'],
  ['deploy_1@Git.Example.org:/srv/git/cfg.git', 'git/cfg', 'git.example.org/srv/git/cfg'],
  ['git@[2001:db8::1]:a/cfg', 'a/cfg', '[2001:db8::1]/a/cfg'],
  ['ssh://git@git.example.org:2222/a/cfg.git', 'a/cfg', 'git.example.org/a/cfg'],
  ['ssh://git.example.org/~me/cfg', '~me/cfg', 'git.example.org/~me/cfg'],
])('%s', (text, repository, label) => {
  expect(ssh(text).address).toEqual({
    kind: 'url',
    protocol: 'ssh',
    repository,
    url: text,
    origin: '',
    label,
    commitPage: '',
  });
  expect(config(text).problem).toContain('ssh-key');
});

describe('refused', () => {
  test.each<[string, string]>([
    ['https://x-access-token:S3CR3T@h.example/o/n', 'credentials'],
    ['https://S3CR3T@h.example/o/n', 'credentials'],
    ['ssh://git:S3CR3T@h.example/o/n', 'password'],
    ['https://h.example/o/n?token=S3CR3T', 'query'],
    ['https://h.example/o/n#S3CR3T', 'query'],
    ['http://h.example/o/n', 'plain http'],
    ['http://169.254.169.254/o/n', 'plain http'],
    ['file:///etc/S3CR3T', 'neither https:// nor ssh://'],
    ['git://h.example/S3CR3T', 'neither https:// nor ssh://'],
    ['ext::sh -c S3CR3T', 'white space'],
    ['ext::S3CR3T', 'neither https:// nor ssh://'],
    ['fd::17/S3CR3T', 'neither https:// nor ssh://'],
    ['javascript:S3CR3T', 'neither https:// nor ssh://'],
    ['S3CR3T', 'neither owner/name nor a URL'],
    ['/srv/S3CR3T', 'neither owner/name nor a URL'],
    ['../S3CR3T', 'neither owner/name nor a URL'],
    ['org/..', 'neither owner/name nor a URL'],
    ['-x/S3CR3T', 'neither owner/name nor a URL'],
    ['ssh://-oProxyCommand=S3CR3T/x', 'ssh://user@host/path'],
    ['ssh://git@-oProxyCommand=S3CR3T/x', 'ssh://user@host/path'],
    ['ssh://%2DoProxyCommand=S3CR3T/x', 'ssh://user@host/path'],
    ['ssh://-l@h.example/S3CR3T', 'ssh://user@host/path'],
    ['ssh://h.example', 'ssh://user@host/path'],
    ['ssh://h.example/', 'ssh://user@host/path'],
    ['ssh://h.example/.git', 'names no repository'],
    ['git@-oProxyCommand=S3CR3T:x', 'neither owner/name nor a URL'],
    ['git@h.example:-uS3CR3T', 'neither owner/name nor a URL'],
    ['-oS3CR3T@h.example:x', 'neither owner/name nor a URL'],
    ['git@ext::S3CR3T', 'neither owner/name nor a URL'],
    ['https://h.example/o/\nS3CR3T', 'white space'],
    ['https://h.example/o/%0aS3CR3T', 'names no repository'],
    ['https://h.example/%zzS3CR3T', 'names no repository'],
    ['ssh://h.example/o/%00S3CR3T', 'names no repository'],
    ['https://h.example/', 'names no repository'],
    [`https://h.example/${'S3CR3T'.repeat(400)}`, 'longer than'],
  ])('%s', (text, problem) => {
    for (const sshKey of [false, true]) {
      const read = config(text, { sshKey });
      expect(read).toEqual({ problem: expect.stringContaining(problem) });
      expect(read.problem).not.toContain('S3CR3T');
      expect(readSourceAddress(text, { serverUrl: SERVER, sshKey }).problem).toContain(problem);
    }
  });

  test('a URL with the API, and a key without SSH', () => {
    for (const text of ['https://github.com/o/n', 'git@github.com:o/n', 'ssh://git@github.com/o/n'])
      expect(config(text, { transport: 'github' }).problem).toContain('transport: git');
    expect(ssh('https://github.com/o/n').problem).toContain('ssh-key is not for');
  });
});

test('the source: a name stays with the API also beside a key; a URL needs no key unless it is SSH', () => {
  const source = (text: string, sshKey: boolean): ReadAddress => readSourceAddress(text, { serverUrl: SERVER, sshKey });
  expect(source('org/app', true).address).toMatchObject({ kind: 'name', protocol: 'https' });
  expect(source('https://h.example/o/app.git', true).address).toMatchObject({ kind: 'url', label: 'h.example/o/app' });
  expect(source('git@h.example:o/app.git', true).address).toMatchObject({ kind: 'url', protocol: 'ssh' });
  expect(source('git@h.example:o/app.git', false).problem).toContain('ssh-key');
});

test('property: whatever the text, what git is told is one of three protocols, no option, without credentials', () => {
  const piece = fc.constantFrom(
    'git',
    '@',
    ':',
    '-',
    '/',
    'h.example',
    '://',
    'ssh',
    'https',
    'http',
    '127.0.0.1',
    '..',
    '%2d',
    '\n',
    '[',
    ']',
    'o',
    '.git',
    '?',
    '#',
    '\\',
    ' ',
  );
  const address = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(address, fc.string()), fc.boolean(), (text, sshKey) => {
      const read = config(text, { sshKey });
      if (read.address === undefined) return read.problem !== '';
      const { url, protocol } = read.address;
      if (/[\s\u0000-\u001f]/.test(url) || url.startsWith('-')) return false;
      if (protocol !== 'ssh') {
        const { username, password, protocol: scheme, hostname } = new URL(url);
        return username + password === '' && (scheme === 'https:' || (scheme === 'http:' && hostname === '127.0.0.1'));
      }
      return sshKey && /^(ssh:\/\/(\w[\w.-]*@)?[\w[]|\w[\w.-]*@[\w[][^:/]*[:\]])/.test(url);
    }),
    { numRuns: 3000 },
  );
});
