/** The three promises of build-image as one history of a service, seen in the request log of its registry. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';
import { sha256 } from '../../src/oci/index.ts';
import { systemExec } from '../../src/runner/index.ts';
import { type ActionResult, runAction } from '../support/bundle.ts';
import { installShims } from '../support/watch.ts';

interface Request {
  method: string;
  path: string;
  status: number;
}

export interface Setting {
  /** `host:port` of the registry. */
  host: string;
  engine: string;
  /** Where the engine is found. */
  path: string;
  env?: Readonly<Record<string, string>>;
  /** Every request since the last call. */
  requests(): Promise<readonly Request[]>;
}

interface Delivery extends ActionResult {
  /** Writing requests, without the host. */
  writes: string[];
  all: readonly Request[];
  /** Builds and pushes that an engine was asked for. */
  built: number;
}

const ACCEPT = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';

/** Delivers: a commit, the commit again, one that changes no file of the context, one after the base has moved, the old ones again. */
export async function expectPromises(setting: Setting): Promise<void> {
  const { host } = setting;
  const root = await mkdtemp(join(tmpdir(), 'promises-'));
  try {
    const service = await checkout(root, setting);
    const image = `${host}/o/service`;
    const deliver = (): Promise<Delivery> => service.deliver({ image, context: 'service', tags: 'sha\nbranch' });
    const moveBase = async (text: string): Promise<void> => {
      await service.write({ 'base/layer.txt': text });
      const inputs = { image: `${host}/o/base`, context: 'base', tags: 'raw:1' };
      expect(await service.deliver(inputs)).toMatchObject({ code: 0 });
    };
    const digestOf = async (reference: string): Promise<string> => {
      const answer = await fetch(`http://${host}/v2/o/service/manifests/${reference}`, { headers: { accept: ACCEPT } });
      return answer.ok ? sha256(new Uint8Array(await answer.arrayBuffer())) : String(answer.status);
    };
    await moveBase('one');
    const commits = { first: await service.commit('first') };

    const first = await deliver();
    expect(first.outputs).toMatchObject({ reused: 'false', pushed: 'true', revision: commits.first });
    const { digest = '', tag = '', 'source-key': key = '' } = first.outputs;
    expect(first.built).toBeGreaterThan(0);
    // Promise 1: read back, byte for byte, before any tag that others look at is written.
    expect(await Promise.all([digest, tag, 'main', `src-${key}`].map(digestOf))).toEqual([
      digest,
      digest,
      digest,
      digest,
    ]);
    const order = first.all.map((r) => `${r.method} ${r.path} ${r.status}`);
    const proven = order.indexOf(`GET /v2/o/service/manifests/${digest} 200`);
    expect(proven).toBeGreaterThan(0);
    for (const name of [tag, 'main']) {
      expect(order.indexOf(`PUT /v2/o/service/manifests/${name} 201`)).toBeGreaterThan(proven);
    }

    // Promise 2: the same commit again asks and reads, and that is all.
    const again = await deliver();
    expect(again.outputs).toMatchObject({ reused: 'true', digest, tag });
    expect(again).toMatchObject({ built: 0, writes: [] });

    // A commit that changes no file of the context: its own tag, and nothing but its tag.
    await service.write({ 'README.md': 'beside the context\n' });
    const beside = await service.commit('readme');
    const unchanged = await deliver();
    const besideTag = `sha-${beside.slice(0, 12)}`;
    expect(unchanged.outputs).toMatchObject({ reused: 'true', digest, tag: besideTag, revision: beside });
    expect(unchanged.outputs['built-revision']).toBe(commits.first);
    expect(unchanged).toMatchObject({ built: 0, writes: [`PUT /v2/o/service/manifests/${besideTag}`] });

    // The base moves. The commits there are keep their image, promise 3; no tag of them is written.
    await moveBase('two');
    const old = await deliver();
    expect(old.outputs).toMatchObject({ reused: 'true', digest, tag: besideTag });
    expect(old.log).toContain('W_BASE_MOVED');
    expect(old).toMatchObject({ built: 0, writes: [] });

    // A new commit is built on the new base.
    const after = await service.commit('after the move');
    const fresh = await deliver();
    expect(fresh.outputs).toMatchObject({ reused: 'false', revision: after });
    expect(fresh.outputs.digest).not.toBe(digest);
    const news = [fresh.outputs.tag, 'main', `src-${fresh.outputs['source-key']}`];
    for (const write of fresh.writes.filter((w) => w.startsWith('PUT') && w.includes('/manifests/'))) {
      expect([...news, fresh.outputs.digest]).toContain(write.split('/').at(-1));
    }

    // The first commit once more, as a re-run of last month's workflow does it: its tag stays, the branch's goes back.
    await service.checkout(commits.first);
    const last = await deliver();
    expect(last.outputs).toMatchObject({ reused: 'true', digest, tag });
    expect(last.log).toContain('W_BASE_MOVED');
    expect(last).toMatchObject({ built: 0, writes: ['PUT /v2/o/service/manifests/main'] });
    const tags = [tag, besideTag, fresh.outputs.tag ?? ''];
    expect(await Promise.all(tags.map(digestOf))).toEqual([digest, digest, fresh.outputs.digest]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function checkout(root: string, { host, engine, path, env = {}, requests }: Setting) {
  const [workspace, temp] = [join(root, 'ws'), join(root, 'temp')];
  for (const folder of [workspace, temp]) await mkdir(folder);
  const git = async (...args: string[]): Promise<string> => {
    const id = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    const result = await systemExec('git', ['-C', workspace, ...id, ...args]);
    if (result.code !== 0) throw new Error(result.stderrTail);
    return result.stdout.toString('utf8').trim();
  };
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(workspace, name)), { recursive: true });
      await writeFile(join(workspace, name), text);
    }
  };
  const shims = await installShims(root, ['docker', 'buildah'], path);
  await git('init', '-q', '-b', 'main');
  await write({
    'base/Dockerfile': 'FROM scratch\nCOPY layer.txt /base/\n',
    'service/Dockerfile': `FROM ${host}/o/base:1\nCOPY app /app\n`,
    'service/app/main.txt': 'one\n',
  });
  return {
    write,
    async commit(message: string): Promise<string> {
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    checkout: (revision: string) => git('checkout', '-q', revision),
    async deliver(inputs: Record<string, string>): Promise<Delivery> {
      const before = builds(await shims.argv());
      await requests();
      const options = { ...env, PATH: `${shims.bin}:${path}`, RUNNER_TEMP: temp, GITHUB_REF: 'refs/heads/main' };
      const result = await runAction(
        'build-image',
        { engine, ...inputs },
        { cwd: workspace, env: options, timeout: 200 },
      );
      expect(result.log).not.toContain('::error');
      const all = await requests();
      const writes = all.filter((r) => !['GET', 'HEAD'].includes(r.method)).map((r) => `${r.method} ${r.path}`);
      return { ...result, all, writes, built: builds(await shims.argv()) - before };
    },
  };
}

/** Questions such as `version` are no builds. */
function builds(argv: string): number {
  return argv.split('\n').filter((line) => line === 'build' || line === 'push').length;
}
