/**
 * A whole chain on loopback: source and run at the forge, an image in a registry, the real handoff into the config
 * repository with the real chart, an attestation, and the pods that helm asks for.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { git } from '../../lab/forge/git.ts';
import { startForge } from '../../lab/forge/server.ts';
import { startRegistry } from '../../lab/registry/server.ts';
import { imagesIn } from '../../src/audit/manifests.ts';
import { program } from '../../src/audit/program.ts';
import { openHttp } from '../../src/http/index.ts';
import { Registry, sha256 } from '../../src/oci/index.ts';
import { Deadline, systemClock, systemExec } from '../../src/runner/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';
import { root, runAction } from '../support/bundle.ts';

const VALUES = 'env/production/values.yaml';
export const SOURCE = 'org/app';
export const CONFIG = 'org/cfg';
const RUN = 77;
const KEY = 'c'.repeat(64);
const WHO = {
  GIT_AUTHOR_NAME: 'd',
  GIT_AUTHOR_EMAIL: 'd@example.org',
  GIT_COMMITTER_NAME: 'd',
  GIT_COMMITTER_EMAIL: 'd@example.org',
};

export interface Answer {
  code: number;
  out: string[];
  err: string[];
  /** Name -> status. */
  status: Record<string, string>;
}

export type World = Awaited<ReturnType<typeof startWorld>>;

/** @param o.labels over those of the image; `older`, … stand for commits @param o.handoff inputs over those of the bump */
export async function startWorld(
  o: { labels?: Record<string, string>; handoff?: Record<string, string>; tags?: string[] } = {},
) {
  const [forge, registry] = await Promise.all([startForge(), startRegistry()]);
  const temp = await mkdtemp(join(tmpdir(), 'audit-test-'));
  const helm = await ensureHelm(join(root, '.lab'));
  const image = `${registry.host}/org/app`;
  const token = forge.createToken({
    kind: 'app',
    permissions: { contents: 'write', actions: 'read', attestations: 'write' },
  });
  const source = await forge.createRepository(SOURCE, { files: { a: '0' } });
  const config = await forge.createRepository(CONFIG, { files: await chart(image) });
  const older = await revisionOf(source.path, 'main');
  const revision = await commitOn(source.path, 'main', 'second');
  const stranger = await commitOn(source.path, 'side', 'elsewhere');

  const labels = {
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.source': `${forge.url}/${SOURCE}`,
    'build-image.source-key': KEY,
    ...labelsOf(o.labels, { older, revision, stranger }),
  };
  const image1 = await pushImage(labels, o.tags);
  const { digest } = image1;
  const bumped = await runAction(
    'bump-helm-tag',
    {
      'config-repository': CONFIG,
      token,
      'source-token': token,
      image,
      tag: 'v2',
      digest,
      file: VALUES,
      trailers: `Delivery-Id: ${SOURCE}/${RUN}`,
      ...o.handoff,
    },
    {
      env: {
        GITHUB_REPOSITORY: SOURCE,
        GITHUB_SHA: revision,
        GITHUB_REF: 'refs/heads/main',
        GITHUB_API_URL: forge.apiUrl,
        GITHUB_SERVER_URL: forge.url,
        GITHUB_RUN_ID: String(RUN),
      },
    },
  );
  if (bumped.code !== 0) throw new Error(bumped.log);
  const handoff = await revisionOf(config.path, 'main');
  const listed = JSON.stringify(await pods());
  await reset();

  /** Undoes whatever was tampered with. @returns the pods that Git asks for */
  async function reset(): Promise<{ kind: string; items: Pod[] }> {
    registry.faults.clear();
    forge.clearRequests();
    await git(config.path, ['update-ref', 'refs/heads/main', handoff]);
    forge.repository(CONFIG).verified.add(handoff);
    forge.repository(SOURCE).attestations.splice(0);
    forge.repository(SOURCE).runs.splice(0);
    record({});
    await attest([{ name: image, digest }]);
    await pushImage(labels, o.tags);
    return JSON.parse(listed) as { kind: string; items: Pod[] };
  }

  function record(over: Partial<Parameters<typeof forge.recordRun>[1]>): void {
    const run = { name: 'deliver', path: '.github/workflows/deliver.yml', event: 'push', run_attempt: 1 };
    const done = { status: 'completed', conclusion: 'success', head_sha: revision, head_branch: 'main' };
    forge.recordRun(SOURCE, { id: RUN, ...run, ...done, ...over });
  }

  async function attest(
    subjects: { name: string; digest: string }[],
    signatures: object[] = [],
    as: string = digest,
  ): Promise<void> {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://slsa.dev/provenance/v1',
      subject: subjects.map((s) => ({ name: s.name, digest: { sha256: s.digest.slice('sha256:'.length) } })),
    };
    const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
    forge.repository(SOURCE).attestations.push({ digest: as, bundle: { dsseEnvelope: { payload, signatures } } });
  }

  async function pushImage(labels: Record<string, string>, tags = ['v2', `src-${KEY}`]) {
    const http = openHttp();
    using deadline = new Deadline(30, systemClock);
    const client = new Registry(registry.host, { http, clock: systemClock, deadline });
    const put = async (bytes: Buffer) => {
      const blob = { digest: sha256(bytes), size: bytes.length };
      await client.putBlob('org/app', blob, async () => Readable.from([bytes]));
      return blob;
    };
    const text = JSON.stringify({ os: 'linux', architecture: 'amd64', config: { Labels: labels } });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', ...(await put(Buffer.from(text))) };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }));
    const manifest = { bytes, mediaType, digest: sha256(bytes) };
    for (const tag of [manifest.digest, ...tags]) await client.putManifest('org/app', tag, manifest);
    await http.close();
    return { digest: manifest.digest, config: config.digest };
  }

  /** Pods as `kubectl get pods -o json` lists them: one for each image that the head of the config repository asks for. */
  async function pods(): Promise<{ kind: string; items: Pod[] }> {
    const folder = await mkdtemp(join(temp, 'checkout-'));
    await systemExec('git', ['clone', '--quiet', config.path, folder], { timeout: 240 });
    const args = ['template', 'x', folder, '--values', join(folder, VALUES)];
    const rendered = await systemExec(helm, args, { env: { HOME: temp, PATH: process.env.PATH } });
    if (rendered.code !== 0) throw new Error(rendered.stderrTail);
    const { always } = imagesIn(rendered.stdout.toString());
    return { kind: 'List', items: [...always].map((text, i) => podOf(`pod-${i}`, text)) };
  }

  return {
    forge,
    registry,
    image,
    labels,
    temp,
    helm,
    token,
    digest,
    configDigest: image1.config,
    revisions: { older, revision, stranger },
    paths: { source: source.path, config: config.path },
    record,
    attest,
    pushImage,
    reset,
    pods,
    commitOn,
    /** Runs the program. `pods`: what is running, by a file. */
    async audit(
      pods: unknown,
      more: readonly string[] = [],
      env: Record<string, string | undefined> = {},
      stdin = '',
    ): Promise<Answer> {
      const file = join(
        temp,
        `pods-${createHash('sha1')
          .update(JSON.stringify(pods ?? ''))
          .digest('hex')}.json`,
      );
      await writeFile(file, typeof pods === 'string' ? pods : JSON.stringify(pods ?? ''));
      const out: string[] = [];
      const err: string[] = [];
      const what = pods === undefined ? [] : ['--pod-json', file];
      const code = await program(
        [...what, '--image', image, '--config-repository', CONFIG, ...more],
        {
          PATH: process.env.PATH,
          HOME: temp,
          GITHUB_API_URL: forge.apiUrl,
          GITHUB_TOKEN: token,
          AUDIT_HELM: helm,
          RUNNER_TEMP: temp,
          ...env,
        },
        {
          out: (line) => out.push(line),
          err: (line) => err.push(line),
          stdin: async () => stdin,
          signal: new AbortController().signal,
        },
      );
      const status = Object.fromEntries(out.map((line) => line.split(/ +/, 2) as [string, string]));
      return { code, out, err, status };
    },
    /** Replaces the message of the newest commit of the config repository. */
    async amend(change: (message: string) => string): Promise<void> {
      const repo = forge.repository(CONFIG);
      const head = await revisionOf(config.path, 'main');
      const message = (await git(config.path, ['log', '-1', '--format=%B', head])).toString();
      const args = ['commit-tree', `${head}^{tree}`, '-p', `${head}^`, '-F', '-'];
      const made = (await git(config.path, args, Buffer.from(change(message)), WHO)).toString().trim();
      await git(config.path, ['update-ref', 'refs/heads/main', made]);
      repo.verified.add(made);
    },
    async write(path: string, change: (text: string) => string): Promise<void> {
      const folder = await mkdtemp(join(temp, 'work-'));
      const run = async (...args: string[]): Promise<void> => {
        const done = await systemExec('git', args, {
          cwd: folder,
          env: { PATH: process.env.PATH, HOME: temp, ...WHO },
        });
        if (done.code !== 0) throw new Error(done.stderrTail);
      };
      await run('clone', '--quiet', config.path, '.');
      await writeFile(join(folder, path), change(await readFile(join(folder, path), 'utf8')));
      await run('commit', '--quiet', '-am', 'change by hand');
      await run('push', '--quiet', 'origin', 'HEAD:main');
    },
    /** A folder with a program of that name, for PATH. */
    async program(name: string, script: string): Promise<string> {
      const folder = await mkdtemp(join(temp, 'bin-'));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, name), script, { mode: 0o755 });
      return folder;
    },
    async close(): Promise<void> {
      await Promise.all([forge.close(), registry.close()]);
      await rm(temp, { recursive: true, force: true });
    },
  };
}

export interface Pod {
  kind: string;
  metadata: { name: string };
  spec: { containers: { name: string; image: string }[] };
  status: { phase: string; containerStatuses: { name: string; imageID: string }[] };
}

export function podOf(name: string, image: string, imageID = image.replace(/:[^:@/]+@/, '@')): Pod {
  return {
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'c', imageID }] },
  };
}

async function chart(image: string): Promise<Record<string, Buffer>> {
  const from = join(root, 'examples/helm-histogram-eq');
  const files: Record<string, Buffer> = {};
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const path = relative(from, join(entry.parentPath, entry.name));
    if (entry.isFile()) files[path] = await readFile(join(from, path));
  }
  const values = String(files[VALUES]).replace(/repository: .*/, `repository: ${image}`);
  return { ...files, [VALUES]: Buffer.from(values) };
}

async function revisionOf(path: string, ref: string): Promise<string> {
  return (await git(path, ['rev-parse', ref])).toString().trim();
}

async function commitOn(path: string, branch: string, message: string): Promise<string> {
  const args = ['commit-tree', 'main^{tree}', '-p', 'main', '-m', message];
  const made = (await git(path, args, undefined, WHO)).toString().trim();
  await git(path, ['update-ref', `refs/heads/${branch}`, made]);
  return made;
}

/** `older`, `revision` and `stranger` stand for the commits of those names. */
function labelsOf(labels: Record<string, string> = {}, commits: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, commits[value] ?? value]));
}
