/**
 * SSH without sshd: a program named ssh for the PATH, which shows a door on loopback what it was called with, and runs git's own
 * server side on a repository of the forge when the door lets it. The forge's faults strike here too, as method SSH.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { GIT_ENV } from '../../lab/forge/git.ts';
import { hookEnvironment } from '../../lab/forge/hook.ts';
import { violations } from '../../lab/forge/rules.ts';
import type { Forge, Repo } from '../../lab/forge/server.ts';

/** How ssh was called. */
export interface SshCall {
  args: string[];
  env: Record<string, string>;
  /** What stands in its options as files. */
  files: Record<string, { text: string; mode: number }>;
  /** Mode of the folder it runs in. */
  folder: number;
}

interface SshAnswer {
  /** Ends here: words of ssh or of the server. */
  end?: string;
  service?: string;
  path?: string;
  env?: Record<string, string>;
  delayMs?: number;
  /** The effect happens, the answer to it is lost. */
  lost?: boolean;
}

export interface SshDoor {
  /** Folder for the PATH. */
  bin: string;
  calls: SshCall[];
  close(): void;
}

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDoor';
export const knownHosts = (host: string): string => `# the lab\n${host} ${HOST_KEY}\n`;
/** The door knows a key by the token inside it. */
export const privateKey = (token: string): string =>
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${token}\n-----END OPENSSH PRIVATE KEY-----`;

const CLIENT = `
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
const [door, ...args] = process.argv.slice(2);
const names = [args[args.indexOf('-i') + 1], ...args.filter((a) => a.startsWith('UserKnownHostsFile=')).map((a) => a.slice(19))];
const files = {};
for (const name of names) files[name] = { text: readFileSync(name, 'utf8'), mode: statSync(name).mode & 0o777 };
const body = JSON.stringify({ args, env: process.env, files, folder: statSync('.').mode & 0o777 });
const answer = await (await fetch(door, { method: 'POST', body })).json();
await new Promise((resolve) => setTimeout(resolve, answer.delayMs ?? 0));
if (answer.end !== undefined) {
  process.stderr.write(answer.end);
  process.exit(255);
}
const child = spawn('git', [answer.service, answer.path], { env: answer.env, stdio: ['pipe', 'pipe', 'inherit'] });
let silent = false;
process.stdin.on('data', () => { silent = answer.lost; });
process.stdin.pipe(child.stdin);
child.stdin.on('error', () => {});
child.stdout.on('data', (chunk) => { if (!silent) process.stdout.write(chunk); });
child.on('close', (code) => process.exit(silent ? 255 : (code ?? 255)));
`;

/** @param mayWrite what a token may do; undefined: nobody knows it */
export async function openDoor(
  forge: Forge,
  dir: string,
  mayWrite: (token: string) => boolean | undefined,
): Promise<SshDoor> {
  const calls: SshCall[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const call = JSON.parse(Buffer.concat(chunks).toString()) as SshCall;
    calls.push(call);
    res.end(JSON.stringify(await answerTo(call, forge, mayWrite)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bin = join(dir, 'ssh bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'client.mjs'), CLIENT);
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec '${process.execPath}' "\${0%/*}/client.mjs" ${url} "$@"\n`, {
    mode: 0o755,
  });
  return { bin, calls, close: () => server.close() };
}

async function answerTo(
  call: SshCall,
  forge: Forge,
  mayWrite: (token: string) => boolean | undefined,
): Promise<SshAnswer> {
  const texts = Object.values(call.files).map((file) => file.text);
  const host = call.args.at(-2)?.split('@').at(-1) ?? '';
  const known = texts.flatMap((text) => text.split('\n')).find((line) => line.startsWith(`${host} `));
  if (known === undefined)
    return {
      end: `No ED25519 host key is known for ${host} and you have requested strict checking.\r\nHost key verification failed.\r\n`,
    };
  if (known !== `${host} ${HOST_KEY}`)
    return { end: 'WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\r\nHost key verification failed.\r\n' };
  const token = texts
    .map((text) => /^-----BEGIN OPENSSH PRIVATE KEY-----\n(\S+)\n-----END OPENSSH PRIVATE KEY-----\n$/.exec(text)?.[1])
    .find(Boolean);
  const writer = token === undefined ? undefined : mayWrite(token);
  if (writer === undefined) return { end: `git@${host}: Permission denied (publickey).\r\n` };
  const [, service = '', name = ''] =
    /^git-(upload-pack|receive-pack) '\/?(.+?)(?:\.git)?'$/.exec(call.args.at(-1) ?? '') ?? [];
  let repo: Repo;
  try {
    repo = forge.repository(name);
  } catch {
    return { end: 'ERROR: Repository not found.\n' };
  }
  if (service === 'receive-pack' && !writer)
    return { end: 'ERROR: The key you are authenticating with has been marked as read only.\n' };
  const fault = forge.faults.next({
    method: 'SSH',
    path: `/${name}.git/git-${service}`,
    query: '',
    operation: undefined,
    login: '',
  });
  await fault?.meanwhile?.();
  const delay = fault?.delayMs === undefined ? {} : { delayMs: fault.delayMs };
  if (fault?.answer !== undefined || fault?.reset === 'before')
    return { ...delay, end: `${fault.answer?.body ?? `Connection closed by ${host} port 22`}\r\n` };
  const ref = 'refs/heads/main';
  const change = { ref, before: '1'.repeat(40), after: '2'.repeat(40) };
  const rules = hookEnvironment({
    refused: [{ ref, why: violations(repo, change, 'none') }],
    forwardOnly: [],
    rulesUrl: '',
  });
  const protocol = call.args.includes('SendEnv=GIT_PROTOCOL') ? call.env.GIT_PROTOCOL : undefined;
  return {
    ...delay,
    service,
    path: repo.path,
    env: { ...GIT_ENV, ...rules, ...(protocol === undefined ? {} : { GIT_PROTOCOL: protocol }) },
    lost: fault?.reset === 'after',
  };
}
