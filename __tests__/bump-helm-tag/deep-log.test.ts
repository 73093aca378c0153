/** Who set a target is found however many other handoffs have come since. */
import { expect, test } from '@jest/globals';
import { git } from '../../lab/forge/git.ts';
import { DIGEST, startWorld } from './world.ts';

const FILE = 'v.yaml';
const values = (n: number): string => `image:\n  repository: ghcr.io/org/app\n  tag: v0\nother: ${n}\n`;

test.each(['github', 'git'])(
  '%s: an older build does not win because its successor wrote 70 commits ago',
  async (transport) => {
    const world = await startWorld({ [FILE]: values(0) });
    try {
      const bump = (v: string, revision: string) =>
        world.bump(
          { transport, image: 'ghcr.io/org/app', tag: `v${v}`, digest: DIGEST(v), 'image-form': 'tag', file: FILE },
          { GITHUB_SHA: revision },
        );
      expect((await bump('c', world.revisions.c)).outputs.result).toBe('committed');
      const now = await world.read(FILE);
      const commits = Array.from({ length: 70 }, (_, i) => {
        const text = now.replace('other: 0', `other: ${i + 1}`);
        const from = i === 0 ? 'from refs/heads/main^0\n' : '';
        return `commit refs/heads/main\ncommitter o <o@example.org> ${1_800_000_000 + i} +0000\ndata 5\nother\n${from}M 100644 inline ${FILE}\ndata ${text.length}\n${text}\n`;
      });
      await git(world.path, ['fast-import', '--quiet'], commits.join(''));
      expect(await world.read(FILE)).toContain('other: 70');
      const before = await world.head();
      const old = await bump('a', world.revisions.a);
      expect([old.code, old.outputs.result, old.outputs['superseded-by']]).toEqual([
        0,
        'superseded',
        world.revisions.c,
      ]);
      expect(await world.head()).toBe(before);
    } finally {
      await world.close();
    }
  },
);
