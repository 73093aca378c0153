/** Twenty writers at once on one values file: all land, none is lost, none lands twice. */
import { expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { git } from '../../lab/forge/git.ts';
import { parseBlocks } from '../../src/bump-helm-tag/trailers.ts';
import { startWorld } from './world.ts';

const WRITERS = 20;
const FILE = Array.from({ length: WRITERS }, (_, i) => `key${i}: v0 # of writer ${i}\n`).join('');

test.each(['github', 'git'])(
  'transport %s',
  async (transport) => {
    const world = await startWorld({ 'v.yaml': FILE });
    try {
      const runs = await Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          world.bump({ transport, deadline: '3m', updates: `- {file: v.yaml, path: key${i}, value: w${i}}` }),
        ),
      );
      expect(runs.map((r) => [r.code, r.outputs.result])).toEqual(runs.map(() => [0, 'committed']));
      const values = load(await world.read('v.yaml')) as Record<string, string>;
      expect(values).toEqual(Object.fromEntries(Array.from({ length: WRITERS }, (_, i) => [`key${i}`, `w${i}`])));
      const messages = (await git(world.path, ['log', '--format=%H%x00%B%x01', 'main'])).toString().split('\x01');
      const landed = messages.flatMap((m) =>
        parseBlocks((m.split('\0')[1] ?? '').trimEnd()).map((b) => [b.bumpId, (m.split('\0')[0] ?? '').trim()]),
      );
      expect(landed).toHaveLength(WRITERS);
      // Each process reports the commit that carries its own id.
      expect(new Map(landed as [string, string][])).toEqual(
        new Map(runs.map((r) => [String(r.outputs['bump-id']), String(r.outputs['commit-sha'])])),
      );
    } finally {
      await world.close();
    }
  },
  200_000,
);
