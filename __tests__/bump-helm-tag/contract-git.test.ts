/** The git transport beyond the contract: odd servers, what it leaves on disk and shows to others, SSH. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import type { ConfigRepository } from '../../src/bump-helm-tag/config-repository.ts';
import { gitRepository } from '../../src/bump-helm-tag/git-repository.ts';
import type { ActionError } from '../../src/runner/index.ts';
import { codeOf, contractKit, HOST, signal, text, want } from './contract-kit.ts';
import { knownHosts, privateKey } from './contract-ssh.ts';

const kit = contractKit();
const HTTP = 'git over HTTP';
const SSH = 'git over SSH';
const LIMITS = { files: 10, bytes: 1000 };

/** Everything a run may want to read, and one commit. */
async function everything(r: ConfigRepository): Promise<void> {
  const old = await kit.tip();
  await kit.put('a.yaml', 'tag: v1b\n');
  const snapshot = await r.read(['a.yaml'], signal);
  expect(text(snapshot.files.get('a.yaml')?.bytes)).toBe('tag: v1b\n');
  expect((await snapshot.log()).map((c) => c.message)).toEqual(['put a.yaml', 'initial']);
  expect(await r.commitAt(old, signal)).toMatchObject({ parents: [] });
  expect(text((await r.readAt(old, ['a.yaml'], signal)).get('a.yaml'))).toBe('tag: v1\n');
  expect((await r.folder(old, 'env', LIMITS, signal)).size).toBe(2);
  expect((await r.commit(want(snapshot.head, 'tag: v2\n'), signal)).kind).toBe('committed');
  expect((await r.history(snapshot.head, signal)).commits).toHaveLength(1);
}

const bytesSent = (): number => kit.forge.requests().reduce((sum, r) => sum + r.bytes, 0);

describe('servers of other kinds', () => {
  test('an uncontended bump is at most seven requests, or three connections of SSH', async () => {
    for (const transport of [HTTP, SSH] as const)
      await kit.using(transport, async (r) => {
        const { head } = await r.read(['env/dev/b.yaml', 'a.yaml'], signal);
        expect((await r.commit(want(head, `tag: ${transport}\n`), signal)).kind).toBe('committed');
      });
    expect(kit.forge.requests().length).toBeLessThanOrEqual(7);
    expect(kit.door.calls).toHaveLength(3);
  });

  test('trap 39: a server without filters works, with more bytes', async () => {
    await kit.put('big.txt', Array.from({ length: 20_000 }, (_, i) => i * i).join('\n'));
    await kit.using(HTTP, (r) => r.read(['a.yaml'], signal));
    const few = bytesSent();
    kit.forge.clearRequests();
    await git(kit.path, ['config', 'uploadpack.allowFilter', 'false']);
    await kit.using(HTTP, (r) => r.read(['a.yaml'], signal));
    expect(few).toBeLessThan(5000);
    expect(bytesSent()).toBeGreaterThan(50_000);
    await git(kit.path, ['reset', '--soft', 'main^']);
    await kit.using(HTTP, everything);
  });

  test('trap 39: a server of protocol v0 that filters but gives no single blob: starts over without filter', async () => {
    await onlyTips();
    const proxy = await withoutVersion();
    try {
      await kit.using(HTTP, everything, { url: `${proxy.url}/org/${kit.name}.git` });
      expect(kit.forge.requests().filter((r) => r.path.endsWith('info/refs')).length).toBeGreaterThan(2);
    } finally {
      proxy.server.close();
    }
  });

  test('a server of protocol v0 that gives single objects works as any other', async () => {
    const proxy = await withoutVersion();
    try {
      await kit.using(HTTP, everything, { url: `${proxy.url}/org/${kit.name}.git` });
    } finally {
      proxy.server.close();
    }
  });

  test('trap 40: a redirect is refused, names the target, and the credential goes nowhere', async () => {
    const seen: string[] = [];
    const other = await serve((req, res) => {
      seen.push(String(req.url));
      res.writeHead(404).end();
    });
    const moved = await serve((req, res) => {
      res.writeHead(301, { location: `${other.url}/new/home.git${req.url?.replace(/^.*\.git/, '')}` }).end();
    });
    try {
      const error = await kit
        .using(HTTP, (r) => r.read(['a.yaml'], signal), { url: `${moved.url}/org/${kit.name}.git` })
        .catch((e: unknown) => e as ActionError);
      expect(error).toMatchObject({ code: 'E_REDIRECT' });
      expect((error as ActionError).facts.why).toContain(`it has moved to ${other.url}/new/home.git,`);
      expect(seen).toEqual([]);
    } finally {
      moved.server.close();
      other.server.close();
    }
  });

  test('trap 40: a repository that was renamed, as the forge answers it', async () => {
    kit.forge.renameRepository(`org/${kit.name}`, `org/${kit.name}-new`);
    const error = await kit.using(HTTP, (r) => r.read(['a.yaml'], signal)).catch((e: unknown) => e as ActionError);
    expect(error).toMatchObject({ code: 'E_REDIRECT' });
    expect((error as ActionError).facts.why).toContain(`${kit.name}-new`);
  });
});

describe('what it leaves and shows', () => {
  test.each([HTTP, SSH] as const)(
    '%s: a bare store in a folder of its own, and nothing beside it but the SSH files',
    (transport) =>
      kit.using(transport, async (r) => {
        const { head } = await r.read(['a.yaml'], signal);
        await r.commit(want(head, 'tag: v2\n'), signal);
        const [home = '', ...more] = readdirSync(kit.temp);
        expect([more, statSync(join(kit.temp, home)).mode & 0o777]).toEqual([[], 0o700]);
        const files = readdirSync(join(kit.temp, home)).sort();
        expect(files).toEqual(transport === SSH ? ['known-hosts', 'ssh-key', 'store.git'] : ['store.git']);
        const store = readdirSync(join(kit.temp, home, 'store.git')).sort();
        expect(store).not.toContain('index');
        expect(store).not.toContain('a.yaml');
      }),
  );

  test.each([HTTP, SSH] as const)(
    '%s: gone after success, a refusal, an unknown end and an abort',
    async (transport) => {
      await kit.using(transport, (r) => r.read(['a.yaml'], signal));
      expect(readdirSync(kit.temp)).toEqual([]);
      await codeOf(kit.using(transport, (r) => r.read(['a.yaml'], signal), { token: 'ghs_unknown' }));
      expect(readdirSync(kit.temp)).toEqual([]);
      kit.forge.faults.add({ match: { path: /git-upload-pack$/ }, delayMs: 5000 });
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('enough')), 300);
      await expect(kit.using(transport, (r) => r.read(['a.yaml'], controller.signal))).rejects.toThrow('enough');
      expect(readdirSync(kit.temp)).toEqual([]);
    },
  );

  test.each([HTTP, SSH] as const)(
    '%s: no secret in an argument, none of the SSH key in a variable, git itself sees nothing of ours',
    async (transport) => {
      const calls: { args: readonly string[]; env: Record<string, string | undefined> }[] = [];
      const ports = kit.ports({
        GIT_DIR: '/elsewhere',
        GIT_SSH_COMMAND: 'evil',
        SSH_AUTH_SOCK: '/agent',
        AWS_SECRET: 's',
      });
      const url = transport === SSH ? `git@${HOST}:org/${kit.name}.git` : `${kit.forge.url}/org/${kit.name}.git`;
      const basic = Buffer.from(`x-access-token:${kit.token}`).toString('base64');
      const r = gitRepository(
        {
          url,
          access:
            transport === SSH
              ? {
                  origin: '',
                  authorization: undefined,
                  ssh: { key: privateKey(kit.token), knownHosts: knownHosts(HOST) },
                }
              : { origin: kit.forge.url, authorization: `Basic ${basic}` },
          branch: 'main',
          author: { name: 'Bot', email: 'bot@example.org' },
          commitPage: '',
        },
        {
          ...ports,
          exec: (file, args, options) => {
            calls.push({ args, env: { ...options?.env } });
            return ports.exec(file, args, options);
          },
        },
      );
      const { head } = await r.read(['a.yaml'], signal);
      expect((await r.commit(want(head, 'tag: v2\n'), signal)).kind).toBe('committed');
      await r.close();
      expect(calls.length).toBeGreaterThan(10);
      const args = JSON.stringify([calls.map((c) => c.args), kit.door.calls.map((c) => c.args)]);
      for (const secret of [kit.token, basic]) expect(args).not.toContain(secret);
      for (const { env } of calls) {
        const inherited = ['GIT_DIR', 'SSH_AUTH_SOCK', 'AWS_SECRET'].filter((name) => name in env);
        expect([inherited, JSON.stringify(env).includes(kit.token)]).toEqual([[], false]);
      }
      const network = calls.map((c) => c.env.GIT_ALLOW_PROTOCOL).filter((p) => p !== 'none');
      expect(new Set(network)).toEqual(new Set([transport === SSH ? 'ssh' : 'http:https']));
      for (const call of kit.door.calls) expect(JSON.stringify(call.env)).not.toContain(kit.token);
      for (const asked of kit.forge.requests())
        expect([asked.auth, `${asked.path}${asked.query}`.includes(kit.token)]).toEqual(['basic', false]);
    },
  );
});

describe('ssh', () => {
  const OPTIONS =
    '-F none -i ssh-key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=known-hosts -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=15 -o SendEnv=GIT_PROTOCOL';

  test('is called with these options, key and host keys in files that only their owner may read', () =>
    kit.using(SSH, async (r) => {
      await r.read(['a.yaml'], signal);
      const [call] = kit.door.calls;
      expect(call?.args).toEqual([...OPTIONS.split(' '), `git@${HOST}`, `git-upload-pack 'org/${kit.name}.git'`]);
      expect(call?.folder).toBe(0o700);
      expect(call?.files).toEqual({
        'ssh-key': { text: `${privateKey(kit.token)}\n`, mode: 0o600 },
        'known-hosts': { text: knownHosts(HOST), mode: 0o600 },
      });
    }));

  test('a port of an ssh:// address is handed on', () =>
    kit.using(
      SSH,
      async (r) => {
        await r.read(['a.yaml'], signal);
        expect(kit.door.calls[0]?.args.slice(-4)).toEqual([
          '-p',
          '2222',
          `git@${HOST}`,
          `git-upload-pack '/org/${kit.name}.git'`,
        ]);
      },
      { url: `ssh://git@${HOST}:2222/org/${kit.name}.git` },
    ));

  test.each([
    ['line breaks of Windows', (key: string) => key.replaceAll('\n', '\r\n')],
    ['empty lines around', (key: string) => `\n\n${key}\n\n`],
  ])('a key that was pasted with %s works', (_name, paste) =>
    kit.using(SSH, (r) => r.read(['a.yaml'], signal).then((s) => expect(s.files.size).toBe(1)), {
      key: paste(privateKey(kit.token)),
    }),
  );

  test.each([
    ['unknown', 'other.test ssh-ed25519 AAAA\n'],
    ['changed', `${HOST} ssh-ed25519 AAAAOther\n`],
    ['not given', ''],
  ])('a host whose key is %s is refused', async (_name, hosts) => {
    expect(await codeOf(kit.using(SSH, (r) => r.read(['a.yaml'], signal), { knownHosts: hosts }))).toBe('E_HOST_KEY');
    expect(kit.door.calls).toHaveLength(1);
  });

  test('a host that does not answer for a moment is asked again; a refusal is not', async () => {
    kit.forge.faults.add({ match: { method: 'SSH' }, reset: 'before', times: 2 });
    await kit.using(SSH, (r) => r.read(['a.yaml'], signal));
    expect(kit.door.calls).toHaveLength(4);
    kit.door.calls.length = 0;
    expect(await codeOf(kit.using(SSH, (r) => r.read(['a.yaml'], signal), { token: 'ghs_unknown' }))).toBe(
      'E_PERMISSION_MISSING',
    );
    expect(kit.door.calls).toHaveLength(1);
  });
});

describe('git itself', () => {
  const withPath = (name: string, script?: string): string => {
    const dir = join(kit.door.bin, name);
    mkdirSync(dir);
    if (script === undefined) return dir;
    writeFileSync(join(dir, 'git'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, 'git'), 0o755);
    return `${dir}:${process.env.PATH}`;
  };
  test.each([
    ['missing', undefined, 'E_GIT_MISSING'],
    ['too old', 'echo git version 2.30.9', 'E_GIT_TOO_OLD'],
    ['of the last century', 'echo git version 1.99', 'E_GIT_TOO_OLD'],
    ['broken', 'exit 1', 'E_GIT_TOO_OLD'],
  ])('%s', async (name, script, code) => {
    const PATH = withPath(name, script);
    expect(await codeOf(kit.using(HTTP, (r) => r.read(['a.yaml'], signal), { env: { PATH } }))).toBe(code);
    expect([readdirSync(kit.temp), kit.forge.requests()]).toEqual([[], []]);
  });
});

async function onlyTips(): Promise<void> {
  for (const what of ['Any', 'Tip', 'Reachable'])
    await git(kit.path, ['config', `uploadpack.allow${what}SHA1InWant`, 'false']);
}

/** The forge for a client that speaks protocol v0. */
function withoutVersion(): ReturnType<typeof serve> {
  return serve((req, res) => {
    delete req.headers['git-protocol'];
    forward(req, res);
  });
}

async function serve(
  handle: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function forward(req: IncomingMessage, res: ServerResponse): void {
  const { hostname, port } = new URL(kit.forge.url);
  const onward = request(
    { hostname, port, path: req.url, method: req.method, headers: { ...req.headers, host: `${hostname}:${port}` } },
    (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
    },
  );
  req.pipe(onward);
}
