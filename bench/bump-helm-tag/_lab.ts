/** What the benches share: a config repository on a loopback forge behind a proxy that counts, and runs of the bundle and of scripts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../../lab/forge/git.ts';
import { type Forge, startForge } from '../../lab/forge/server.ts';
import { measureProcess } from '../lib/measure.ts';

const root = join(import.meta.dirname, '../..');
export const BUNDLE = join(root, 'dist/bump-helm-tag/index.js');
const REVISION = 'c'.repeat(40);

export interface Lab {
  forge: Forge;
  token: string;
  temp: string;
  /** The forge, through the counting proxy. */
  url: string;
  /** Of the bare repository on disk. */
  path: string;
  /** Bytes and connections since the last call. */
  wire(): { bytes: number; connections: number };
  close(): Promise<void>;
}

/** @param history further commits, each of one file, so that a full clone has something to fetch */
export async function openLab(files: Readonly<Record<string, string>>, history = 0): Promise<Lab> {
  const forge = await startForge();
  const { path } = await forge.createRepository('org/cfg', { files });
  if (history > 0) await addHistory(path, Object.entries(files), history);
  const token = forge.createToken({ kind: 'app', permissions: { contents: 'write' } });
  const temp = await mkdtemp(join(tmpdir(), 'bench-bump-'));
  const proxy = await countingProxy(Number(new URL(forge.url).port));
  return {
    forge,
    token,
    temp,
    path,
    url: proxy.url,
    wire: proxy.wire,
    async close() {
      await proxy.close();
      await forge.close();
      await rm(temp, { recursive: true, force: true });
    },
  };
}

async function addHistory(path: string, files: readonly (readonly [string, string])[], count: number): Promise<void> {
  const parts: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const [name, text] = files[(n * 7919) % files.length] as readonly [string, string];
    const content = `${text}# ${n}\n`;
    parts.push(
      `commit refs/heads/main\ncommitter d <d@example.org> ${1_700_000_000 + n} +0000\ndata 1\nx\n`,
      n === 0 ? 'from refs/heads/main^0\n' : '',
      `M 100644 inline ${name}\ndata ${Buffer.byteLength(content)}\n${content}\n`,
    );
  }
  await git(path, ['fast-import', '--quiet'], parts.join(''));
  await git(path, ['repack', '-adq']);
}

async function countingProxy(port: number): Promise<Pick<Lab, 'url' | 'wire' | 'close'>> {
  let bytes = 0;
  let connections = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    connections += 1;
    const target = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(from);
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      from.on('error', () => to.destroy());
      from.on('close', () => open.delete(from));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wire() {
      const seen = { bytes, connections };
      bytes = 0;
      connections = 0;
      return seen;
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let runs = 0;

/** Runs the committed bundle as a runner does. */
export async function runBundle(
  lab: Lab,
  inputs: Readonly<Record<string, string>>,
  node = process.execPath,
): Promise<{ seconds: number; code: number | null; output: string }> {
  const home = join(lab.temp, `run-${++runs}`);
  await mkdir(home);
  await writeFile(join(home, 'output'), '');
  return measureProcess(node, [BUNDLE], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      RUNNER_TEMP: home,
      GITHUB_OUTPUT: join(home, 'output'),
      GITHUB_STEP_SUMMARY: join(home, 'summary'),
      GITHUB_REPOSITORY: 'org/app',
      GITHUB_SHA: REVISION,
      GITHUB_API_URL: `${lab.url}/api/v3`,
      GITHUB_SERVER_URL: lab.url,
      'INPUT_CONFIG-REPOSITORY': 'org/cfg',
      INPUT_TOKEN: lab.token,
      ...Object.fromEntries(Object.entries(inputs).map(([key, value]) => [`INPUT_${key.toUpperCase()}`, value])),
    },
  });
}

/** Runs a shell script with git ready to talk to the forge; REPO is its address and WORK an empty folder. */
export async function runScript(
  lab: Lab,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ seconds: number; code: number | null; output: string }> {
  const work = join(lab.temp, `script-${++runs}`);
  await mkdir(work);
  const basic = Buffer.from(`x-access-token:${lab.token}`).toString('base64');
  return measureProcess('sh', ['-c', script], {
    cwd: work,
    env: {
      PATH: process.env.PATH,
      HOME: work,
      WORK: work,
      REPO: `${lab.url}/org/cfg.git`,
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
      GIT_AUTHOR_NAME: 'ci',
      GIT_AUTHOR_EMAIL: 'ci@example.org',
      GIT_COMMITTER_NAME: 'ci',
      GIT_COMMITTER_EMAIL: 'ci@example.org',
      ...env,
    },
  });
}

/** A file of the branch as it is now. */
export async function fileNow(lab: Lab, file: string): Promise<string> {
  return (await git(lab.path, ['show', `main:${file}`])).toString();
}

/** Throws with what the run said when it was not green. */
export function mustPass(run: { code: number | null; output: string }): void {
  if (run.code !== 0) throw new Error(`the run ended with ${run.code}: ${run.output.slice(-1000)}`);
}
