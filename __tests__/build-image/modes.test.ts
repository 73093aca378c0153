import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../src/oci/index.ts';
import { client, makeImage, pushImage } from '../oci/kit.ts';
import { commit, ended, type Inside, inside } from './inprocess.ts';
import { writes } from './kit.ts';

interface IndexJson {
  mediaType: string;
  manifests: { digest: string; platform: { architecture: string } }[];
  annotations?: Record<string, string>;
}

const indexOf = (i: Inside, digest: unknown, repository = 'o/app'): IndexJson =>
  JSON.parse(String(i.lab.content(repository, String(digest)))) as IndexJson;

const TWO = 'linux/amd64\nlinux/arm64';

describe('several platforms', () => {
  test('T57 the digest is that of the index, and no digest of one platform is set', async () => {
    await using i = await inside();
    const r = await i.run({ platforms: TWO });
    expect(r.code).toBeUndefined();
    const index = indexOf(i, r.outputs.digest);
    expect(index.manifests.map((m) => m.platform.architecture)).toEqual(['amd64', 'arm64']);
    expect(r.outputs.platforms).toBe(TWO);
    expect(Object.keys(r.outputs).filter((name) => name.startsWith('digest-'))).toEqual([]);
    expect((await i.run({ platforms: TWO })).outputs).toMatchObject({ reused: true, digest: r.outputs.digest });
  });

  test.each([true, false])(
    'buildah adds to a list that is there: one that was left behind goes first (there: %s)',
    async (left) => {
      await using i = await inside();
      const real = i.programs.get('buildah');
      let there = left;
      i.programs.set('buildah', async (file, args, o) => {
        if (args[0] === 'manifest' && args[1] === 'exists') return ended(there ? 0 : 1);
        if (args[0] === 'manifest' && args[1] === 'rm' && there) {
          there = false;
          return ended(0);
        }
        if (args[0] === 'build' && there) return ended(125, '', 'the list has four entries now');
        return real?.(file, args, o) ?? ended(1);
      });
      const r = await i.run({ platforms: TWO });
      expect(r.message).toBe('');
      const lists = i.ran.filter(([, verb]) => verb === 'manifest').map((args) => args[2]);
      expect(lists.slice(0, left ? 2 : 1)).toEqual(left ? ['exists', 'rm'] : ['exists']);
      expect(lists.at(-1)).toBe('rm');
    },
  );

  test('T55 the engine delivers another platform -> E_PLATFORM, no final tag', async () => {
    await using i = await inside();
    const real = i.programs.get('buildah');
    i.programs.set('buildah', (file, args, o) =>
      (real ?? (async () => ended(1)))(
        file,
        args.map((a) => (a === 'linux/arm64' ? 'linux/amd64' : a)),
        o,
      ),
    );
    const r = await i.run({ platforms: 'linux/arm64' });
    expect(r.code).toBe('E_PLATFORM');
    expect(i.lab.tags('o/app').filter((t) => !t.startsWith('src-'))).toEqual([]);
  });

  test('a base that differs from platform to platform: each digest counts, the text stays', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    const platform = (architecture: string) => ({ os: 'linux', architecture });
    await pushImage(c.registry, 'base-amd64', '1', makeImage('a', {}, platform('amd64')));
    await pushImage(c.registry, 'base-arm64', '1', makeImage('b', {}, platform('arm64')));
    await i.write({ Dockerfile: `ARG TARGETARCH\nFROM ${i.lab.host}/base-$TARGETARCH:1\nCOPY app /app\n` });
    const first = await i.run({ platforms: TWO });
    expect(first.code).toBeUndefined();
    expect(JSON.parse(String(first.outputs['base-images']))).toHaveLength(2);
    await pushImage(c.registry, 'base-arm64', '1', makeImage('c', {}, platform('arm64')));
    const moved = await i.run({ platforms: TWO }, commit(2));
    expect(moved.outputs).toMatchObject({ reused: false });
    expect(moved.outputs['source-key']).not.toBe(first.outputs['source-key']);
  });
});

describe('stage, merge, promote', () => {
  test('stage writes the staging tag alone, and names it', async () => {
    await using i = await inside();
    const r = await i.run({ push: 'stage' });
    expect(r.code).toBeUndefined();
    expect(i.lab.tags('o/app')).toEqual([`src-${r.outputs['source-key']}`]);
    expect(r.outputs).toMatchObject({ tag: `src-${r.outputs['source-key']}`, pushed: true });
    expect((await i.run({ push: 'stage' })).outputs).toMatchObject({ reused: true, digest: r.outputs.digest });
  });

  const legs = async (i: Inside): Promise<Record<string, string>> => {
    const outputs: Record<string, string> = { arm: '' };
    for (const arch of ['arm64', 'amd64']) {
      const leg = await i.run({ platforms: `linux/${arch}`, push: 'stage' });
      outputs[arch] = String(leg.outputs[`digest-linux-${arch}`]);
    }
    return outputs;
  };

  test('merge of the outputs of a matrix, empty ones left out, twice: the same bytes, children in order', async () => {
    await using i = await inside();
    const digests = JSON.stringify(await legs(i));
    const inputs = { mode: 'merge', digests, platforms: TWO, tags: 'sha\nraw:dev' };
    const first = await i.run(inputs);
    expect(first.message).toBe('');
    const index = indexOf(i, first.outputs.digest);
    expect(index.manifests.map((m) => m.platform.architecture)).toEqual(['amd64', 'arm64']);
    expect(index.annotations).toEqual({ 'build-image.source-key': first.outputs['source-key'] });
    const tag = String(first.outputs.tag);
    expect([i.lab.tag('o/app', tag), i.lab.tag('o/app', 'dev')]).toEqual([first.outputs.digest, first.outputs.digest]);
    i.lab.clearRequests();
    const again = await i.run(inputs);
    expect(again.outputs).toMatchObject({ digest: first.outputs.digest });
    expect(writes(i.lab)).toEqual([]);
    expect(i.ran.filter(([, verb]) => verb === 'build')).toHaveLength(2);
  });

  test('merge takes at most three writes', async () => {
    await using i = await inside();
    const digests = JSON.stringify(await legs(i));
    i.lab.clearRequests();
    await i.run({ mode: 'merge', digests, tags: 'sha' });
    expect(writes(i.lab)).toEqual(['put-manifest', 'put-manifest', 'put-manifest']);
  });

  test('merge names what is missing, what is double, and what does not exist', async () => {
    await using i = await inside();
    const { amd64 = '', arm64 = '' } = await legs(i);
    const merge = (digests: string, platforms = '') => i.run({ mode: 'merge', digests, platforms });
    expect(await merge(amd64, TWO)).toMatchObject({ code: 'E_MERGE', message: expect.stringContaining('linux/arm64') });
    expect((await merge(`${amd64}\n${amd64}`)).message).toContain('double: linux/amd64');
    expect((await merge(`${amd64}\n${arm64}`, 'linux/amd64')).message).toContain('not asked for: linux/arm64');
    expect((await merge(`sha256:${'0'.repeat(64)}`)).message).toContain('does not exist');
    expect((await merge('{}')).code).toBe('E_MERGE');
    expect((await merge('[1]')).code).toBe('E_INPUT');
    expect(i.lab.tags('o/app').filter((t) => !t.startsWith('src-'))).toEqual([]);
  });

  test('merge never moves an immutable tag: another source conflicts', async () => {
    await using i = await inside();
    const first = await legs(i);
    expect((await i.run({ mode: 'merge', digests: JSON.stringify(first) })).code).toBeUndefined();
    await i.write({ 'app/main.txt': 'two\n' });
    const second = await legs(i);
    expect((await i.run({ mode: 'merge', digests: JSON.stringify(second) })).code).toBe('E_TAG_CONFLICT');
  });

  test('a single child is not wrapped', async () => {
    await using i = await inside();
    const leg = await i.run({ push: 'stage' });
    const merged = await i.run({ mode: 'merge', digests: String(leg.outputs.digest) });
    expect(merged.outputs).toMatchObject({ digest: leg.outputs.digest });
  });

  test('promote across repositories sends no layer byte, and the bytes are the same', async () => {
    await using i = await inside();
    const staged = await i.run({ push: 'stage', image: `${i.lab.host}/o/stage` });
    i.lab.clearRequests();
    const source = `${i.lab.host}/o/stage@${staged.outputs.digest}`;
    const r = await i.run({ mode: 'promote', source, tags: 'raw:1.2.3', 'immutable-tags': 'all' });
    expect(r.outputs).toMatchObject({ digest: staged.outputs.digest, tag: '1.2.3', pushed: true });
    expect(i.lab.tag('o/app', '1.2.3')).toBe(staged.outputs.digest);
    expect(new Set(writes(i.lab))).toEqual(new Set(['mount', 'put-manifest']));
    i.lab.clearRequests();
    await i.run({ mode: 'promote', source, tags: 'raw:1.2.3', 'immutable-tags': 'all' });
    expect(writes(i.lab)).toEqual([]);
  });

  test('promote: a tag is resolved once; a missing or damaged source is E_SOURCE; no other image will do', async () => {
    await using i = await inside();
    const staged = await i.run({ tags: 'raw:candidate' });
    const source = `${i.image}:candidate`;
    expect((await i.run({ mode: 'promote', source, tags: 'raw:ok' })).outputs.digest).toBe(staged.outputs.digest);
    expect((await i.run({ mode: 'promote', source: `${i.image}:none`, tags: 'raw:x' })).code).toBe('E_SOURCE');
    await i.write({ 'app/main.txt': 'two\n' });
    const other = await i.run({ tags: 'raw:1.0.0', 'immutable-tags': 'all' }, commit(2));
    const taken = { mode: 'promote', source, tags: 'raw:1.0.0', 'immutable-tags': 'all' };
    expect((await i.run(taken)).code).toBe('E_TAG_CONFLICT');
    expect(i.lab.tag('o/app', '1.0.0')).toBe(other.outputs.digest);
    const manifest = JSON.parse(String(i.lab.content('o/app', String(staged.outputs.digest)))) as {
      layers: { digest: string }[];
    };
    i.lab.dropBlob('o/app', manifest.layers[0]?.digest ?? '');
    expect((await i.run({ mode: 'promote', source, tags: 'raw:x' })).code).toBe('E_SOURCE');
  });

  test('for a pull request with push auto, merge and promote write nothing and are green', async () => {
    await using i = await inside();
    const staged = await i.run({ push: 'stage' });
    const event = join(i.workspace, '../event.json');
    await writeFile(event, JSON.stringify({ pull_request: { number: 7 } }));
    const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: event };
    i.lab.clearRequests();
    const promoted = await i.run({ mode: 'promote', source: `${i.image}@${staged.outputs.digest}` }, env);
    const merged = await i.run({ mode: 'merge', digests: String(staged.outputs.digest) }, env);
    expect([promoted.outputs.pushed, merged.outputs.pushed]).toEqual([false, false]);
    expect(writes(i.lab)).toEqual([]);
  });

  test('T56 attestations: children are merged last with their annotations, platforms without unknown', async () => {
    await using i = await inside();
    await using c = client(i.lab.host);
    const parts: string[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const image = makeImage(architecture, { 'build-image.source': 's' }, { os: 'linux', architecture });
      const proof = makeImage(`proof of ${architecture}`, {}, { os: 'unknown', architecture: 'unknown' });
      await pushImage(c.registry, 'o/app', image.digest, image);
      await pushImage(c.registry, 'o/app', proof.digest, proof);
      const entry = (m: typeof image, platform: object, annotations?: object) => ({
        mediaType: m.mediaType,
        digest: m.digest,
        size: m.bytes.length,
        platform,
        ...(annotations === undefined ? {} : { annotations }),
      });
      const reference = {
        'vnd.docker.reference.digest': image.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      };
      const mediaType = 'application/vnd.oci.image.index.v1+json';
      const unknown = { os: 'unknown', architecture: 'unknown' };
      const manifests = [entry(image, { os: 'linux', architecture }), entry(proof, unknown, reference)];
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
      await c.registry.putManifest('o/app', sha256(bytes), { bytes, digest: sha256(bytes), mediaType });
      parts.push(sha256(bytes));
    }
    const mirror = `${i.lab.host}/mirror/app`;
    const r = await i.run({ mode: 'merge', digests: parts.join('\n'), image: `${i.image}\n${mirror}` });
    expect(r.message).toBe('');
    expect(r.outputs.platforms).toBe(TWO);
    const index = indexOf(i, r.outputs.digest, 'mirror/app');
    expect(index.manifests.map((m) => m.platform.architecture)).toEqual(['amd64', 'arm64', 'unknown', 'unknown']);
    expect(index.manifests.every((m) => i.lab.content('mirror/app', m.digest) !== undefined)).toBe(true);
  });
});
