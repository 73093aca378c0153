import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { systemExec } from '../../src/runner/index.ts';
import { bench } from './kit.ts';

test('buildah builds on an image that only its own store has: by its ID, which counts', async () => {
  await using b = await bench();
  const store = await mkdtemp(join(tmpdir(), 'buildah-store-'));
  try {
    const buildah = join(b.temp, '../engine/bin/buildah');
    const flags = `--storage-driver vfs --root ${store}/root --runroot ${store}/run`;
    await writeFile(buildah, `#!/bin/sh\nexec /usr/bin/buildah ${flags} "$@"\n`, { mode: 0o755 });
    // Also by a name whose registry is nowhere.
    for (const base of [`${b.lab.host}/made-here:1`, 'localhost/made-here:1']) {
      const make = async (text: string): Promise<void> => {
        await b.write({ 'base/Dockerfile': 'FROM scratch\nCOPY x /x\n', 'base/x': text });
        const made = await systemExec(buildah, [
          'build',
          '--isolation',
          'chroot',
          '-t',
          base,
          join(b.workspace, 'base'),
        ]);
        expect(made.code).toBe(0);
      };
      await b.write({ 'app.Dockerfile': `FROM ${base}\nCOPY app /app\n`, '.dockerignore': '.git\nbase\n' });
      const run = () => b.run({ engine: 'buildah', file: 'app.Dockerfile', tags: 'content', retries: '0' });
      await make('one');
      const first = await run();
      expect(first.log).not.toContain('::error');
      expect(first.log).toContain('W_BASE_LOCAL');
      expect(first.outputs).toMatchObject({ reused: 'false', pushed: 'true' });
      expect((await run()).outputs).toMatchObject({ reused: 'true', digest: first.outputs.digest });
      await make('two');
      const moved = await run();
      expect(moved.outputs.reused).toBe('false');
      expect(moved.outputs.digest).not.toBe(first.outputs.digest);
    }
  } finally {
    await rm(store, { recursive: true, force: true });
  }
});
