/** Images that were used again, signatures, Argo CD, hostile text and secrets: on a real chain each. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startReadApi } from '../../lab/cluster/api.ts';
import { systemExec } from '../../src/runner/index.ts';
import { root } from '../support/bundle.ts';
import { CONFIG, podOf, SOURCE, startWorld, type World } from './world.ts';

const REVISION = 'org.opencontainers.image.revision';
const KEY = 'c'.repeat(64);

describe('an image that was used again carries an older revision', () => {
  let world: World;
  let list: unknown;
  beforeAll(async () => {
    world = await startWorld({ labels: { [REVISION]: 'older' }, tags: ['v2'] });
    list = await world.reset();
  });
  afterAll(() => world.close());

  test('trap 42: nobody can tell without the tag of its source key; with it the source keys are equal', async () => {
    const gone = await world.audit(list);
    expect([gone.code, gone.status.source]).toEqual([0, 'unverified']);
    await world.pushImage(world.labels, [`src-${KEY}`]);
    const { code, status, out } = await world.audit(list);
    expect([code, status.source]).toEqual([0, 'ok']);
    expect(out.join('\n')).toContain(`built at ${world.revisions.older}`);
  });

  test.each([['src'], ['v2']])('a tag %s that leads to another image is a mismatch', async (tag) => {
    await world.pushImage(world.labels, ['v2', `src-${KEY}`]);
    await world.pushImage({ ...world.labels, other: tag }, [tag === 'src' ? `src-${KEY}` : tag]);
    const { code, status, err } = await world.audit(list);
    expect([code, status.source]).toEqual([1, 'mismatch']);
    expect(err[0]).toContain('[E_AUDIT_SOURCE]');
  });
});

test.each<[string, Record<string, string>, string, number]>([
  ['built at a commit that is no ancestor', { [REVISION]: 'stranger' }, 'source mismatch', 1],
  ['older, without a source key', { [REVISION]: 'older', 'build-image.source-key': '' }, 'source mismatch', 1],
  ['no revision', { [REVISION]: '' }, 'image missing', 2],
  ['a revision that is none', { [REVISION]: 'v1\n::error::x' }, 'image mismatch', 1],
  ['a source elsewhere', { 'org.opencontainers.image.source': 'https://evil.example/org/app' }, 'source mismatch', 1],
])('label of the image: %s', async (_name, labels, link, exit) => {
  const world = await startWorld({ labels });
  try {
    const { code, status, out } = await world.audit(await world.reset());
    const broken = Object.entries(status).filter(([, s]) => s === 'missing' || s === 'mismatch');
    expect([broken.map((pair) => pair.join(' ')), code]).toEqual([[link], exit]);
    expect(out).toHaveLength(8);
  } finally {
    await world.close();
  }
});

describe('on one world', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  test('a signature is checked by gh, whose end alone counts; without gh it is unverified', async () => {
    const list = await world.reset();
    world.forge.repository(SOURCE).attestations.splice(0);
    await world.attest([{ name: world.image, digest: world.digest }], [{ sig: 'c2ln' }]);
    const gh = (end: string): Promise<string> =>
      world.program('gh', `#!/bin/sh\nprintf '%s\\n' "$@" "GH=$GH_ENTERPRISE_TOKEN" > "$HOME/gh"\n${end}\n`);
    const none = await world.audit(list, [], { PATH: await world.program('other', '') });
    expect(none.status.attestation).toBe('unverified');
    const good = await world.audit(list, ['--strict'], { PATH: await gh('exit 0') });
    expect([good.code, good.status.attestation]).toEqual([0, 'ok']);
    const asked = (await readFile(join(world.temp, 'gh'), 'utf8')).trim().split('\n');
    const host = new URL(world.forge.url).host;
    expect(asked).toEqual([
      ...['attestation', 'verify', `oci://${world.image}@${world.digest}`, '--repo', SOURCE, '--hostname', host],
      `GH=${world.token}`,
    ]);
    for (const end of ['echo "no such signature ::error::" >&2; exit 1', 'kill -9 $$']) {
      const bad = await world.audit(list, [], { PATH: await gh(end) });
      expect([bad.code, bad.status.attestation]).toEqual([1, 'mismatch']);
      expect(bad.err[0]).toContain('[E_AUDIT_ATTESTATION]');
    }
  });

  test('Argo CD: pods of the tree, pinned by their manifests; a token it does not take breaks the first link', async () => {
    const list = await world.reset();
    const nodes = list.items.map((pod) => ({
      version: 'v1',
      kind: 'Pod',
      namespace: 'default',
      name: pod.metadata.name,
      images: pod.spec.containers.map((c) => c.image),
    }));
    const view = { name: 'app', application: () => ({}), resourceTree: () => ({ nodes }) };
    const argo = await startReadApi(view, 'argo-secret');
    try {
      const ask = ['--argocd-url', argo.url, '--app', 'app'];
      const good = await world.audit(undefined, ask, { ARGOCD_TOKEN: 'argo-secret' });
      expect([good.code, good.status.pod, good.status.digest, good.status.values]).toEqual([0, 'ok', 'ok', 'ok']);
      nodes.push({ version: 'v1', kind: 'Pod', namespace: 'default', name: 'x', images: ['docker.io/evil:1'] });
      const drift = await world.audit(undefined, ask, { ARGOCD_TOKEN: 'argo-secret' });
      expect([drift.code, drift.status.values]).toEqual([1, 'mismatch']);
      const bad = await world.audit(undefined, ask, { ARGOCD_TOKEN: 'wrong-secret' });
      expect([bad.code, bad.status.pod]).toEqual([2, 'missing']);
      expect([...bad.out, ...bad.err].join('\n')).not.toContain('wrong-secret');
      expect(new Set(argo.requests.map((line) => line.split(' ')[0]))).toEqual(new Set(['GET']));
    } finally {
      await argo.close();
    }
  });

  test('Argo CD: the live object tells what the node started', async () => {
    await world.reset();
    const pod = podOf('p', `${world.image}:v2`, `docker-pullable://${world.image}@${world.digest}`);
    const node = { version: 'v1', kind: 'Pod', namespace: 'n', name: 'p', images: [`${world.image}:v2`] };
    const server = createServer((req, res) => {
      const live = (req.url ?? '').includes('/resource?');
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(live ? { manifest: JSON.stringify(pod) } : { nodes: [node] }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { status } = await world.audit(undefined, ['--argocd-url', url, '--app', 'app']);
      expect([status.pod, status.digest, status.image, status.handoff]).toEqual(['ok', 'ok', 'ok', 'ok']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('trap 19: hostile text of trailers, authors and pods is inert, in lines and in JSON', async () => {
    const list = await world.reset();
    const nasty = '$(touch /tmp/x) `id` ::error::x ##[error]y \u001b[31mred \u202etxt %0A';
    await world.amend((m) =>
      m
        .replace(/^Delivery-Id: .*$/m, () => `Delivery-Id: ${nasty}`)
        .replace(/^Workflow-Run: .*$/m, () => `Workflow-Run: ${nasty}`)
        .replace(/^Source-Ref: .*$/m, () => `Source-Ref: refs/heads/x..y?${nasty}`),
    );
    list.items.push(podOf(`::error::${nasty}\n::set-output name=a::b`, '$(id)\n::error::z'));
    const { out, err, status } = await world.audit(list);
    expect(Object.keys(status)).toHaveLength(8);
    expect([status.source, status.run, status.values]).toEqual(['ok', 'mismatch', 'mismatch']);
    for (const line of [...out, ...err]) {
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]|^\s*::|##\[/);
    }
    const json = await world.audit(list, ['--json']);
    expect(json.out).toHaveLength(1);
    expect(json.out[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]|##\[|^\s*::|\\n|\\u00/m);
    expect(JSON.parse(json.out[0] ?? '')).toMatchObject({
      exit: 1,
      verdict: 'mismatch',
      broken: 'run',
      code: 'E_AUDIT_RUN',
      links: [{ name: 'pod', status: 'ok' }, {}, {}, { name: 'handoff' }, {}, { status: 'mismatch' }, {}, {}],
    });
  });

  test('W10: the command line as a process: secrets from the environment only, in no output', async () => {
    const list = await world.reset();
    const run = (args: string[], input: unknown) =>
      systemExec(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', join(root, 'src/audit/main.ts'), ...args],
        {
          input: JSON.stringify(input),
          env: {
            PATH: process.env.PATH,
            HOME: world.temp,
            GITHUB_API_URL: world.forge.apiUrl,
            CONFIG_TOKEN: world.token,
            SOURCE_TOKEN: world.token,
            REGISTRY_USERNAME: 'somebody',
            REGISTRY_PASSWORD: 'registry-secret',
            AUDIT_HELM: world.helm,
            NODE_COMPILE_CACHE: join(root, '.lab/compile-cache'),
          },
        },
      );
    const common = ['--image', world.image, '--config-repository', CONFIG];
    // Somebody has written the token where it is read back.
    await world.amend((m) => m.replace(/^Delivery-Id: .*$/m, `Delivery-Id: ${world.token} registry-secret`));
    const result = await run([...common, '--pod-json', '-'], list);
    expect(result.code).toBe(0);
    expect(result.stdoutTail).toContain('Delivery-Id *** ***');
    expect(result.stdoutTail.trim().split('\n')).toHaveLength(8);
    const refused = await run([...common, '--token', 'x'], '');
    expect([refused.code, refused.stdoutTail]).toEqual([3, '']);
    expect(refused.stderrTail).toMatch(/^audit: command line: .*\[E_INPUT\]\n$/);
  });

  test('no helm, no file, no JSON: each says so at its own link', async () => {
    const list = await world.reset();
    const helm = await world.audit(list, [], { AUDIT_HELM: '/nowhere/helm' });
    expect([helm.code, helm.status.values]).toEqual([0, 'unverified']);
    for (const args of [
      ['--pod-json', join(world.temp, 'nowhere')],
      ['--pod-json', '-'],
    ]) {
      const { code, status } = await world.audit(undefined, args, {}, '{"kind":"Service"}');
      expect([code, status.pod, status.values]).toEqual([2, 'missing', 'unverified']);
    }
    const path = await world.audit(list, ['--path', 'env/nowhere.yaml']);
    expect([path.code, path.status.values]).toEqual([2, 'missing']);
  });
});
