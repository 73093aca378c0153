/** The committed bundles, as a runner starts them. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { ensureNode20 } from '../tools/node20.ts';
import { root, runAction } from './support/bundle.ts';

const names = readdirSync(join(root, 'actions')).sort();
let node20: string;
beforeAll(async () => {
  node20 = await ensureNode20(join(root, '.lab'));
});

describe.each(names)('%s', (name) => {
  const entry = join(root, 'dist', name, 'index.js');
  const manifest = load(readFileSync(join(root, 'actions', name, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { required?: boolean }>;
    runs: { using: string; main: string };
  };

  test('trap 39: Node 20 and Node 24 load it, and it says which input is missing', async () => {
    for (const node of [node20, process.execPath]) {
      const run = await runAction(name, {}, { entry, node });
      expect(run.code).toBe(1);
      const errors = run.log.match(/^::error .*$/gm) ?? [];
      expect(errors).toEqual([expect.stringMatching(/: inputs?[ :].*\[E_[A-Z_]+\]$/)]);
    }
  });

  test('is at most 1.0 MB in all, has its licences beside it, and evaluates no text', () => {
    const scripts = readdirSync(join(root, 'dist', name)).filter((file) => file.endsWith('.js'));
    const bytes = scripts.reduce((sum, file) => sum + statSync(join(root, 'dist', name, file)).size, 0);
    expect(bytes).toBeLessThanOrEqual(1_000_000);
    expect(existsSync(join(root, 'dist', name, 'licenses.txt'))).toBe(true);
    for (const file of scripts) {
      // A call; a class may well define a method of that name.
      const call = /[^.\w]eval\((?![\w,]*\)\{)/.exec(readFileSync(join(root, 'dist', name, file), 'utf8'));
      expect(call?.[0]).toBeUndefined();
    }
  });

  test('its manifest names the bundle, and every error has an anchor in its README', () => {
    expect(manifest.runs).toEqual({ using: 'node24', main: `../../dist/${name}/index.js` });
    const readme = readFileSync(join(root, 'actions', name, 'README.md'), 'utf8');
    const anchors = new Set([...readme.matchAll(/^#### ([EW]_[A-Z0-9_]+)$/gm)].map((m) => m[1]));
    const sources = readdirSync(join(root, 'src', name), { recursive: true, encoding: 'utf8' }).filter((f) =>
      f.endsWith('.ts'),
    );
    const used = sources.flatMap((f) =>
      [...readFileSync(join(root, 'src', name, f), 'utf8').matchAll(/'([EW]_[A-Z0-9_]+)'/g)].map((m) => m[1]),
    );
    expect([...new Set(used)].filter((code) => !anchors.has(code)).sort()).toEqual([]);
  });
});

test('every action of the workflows has a manifest, and every input they pass is declared', () => {
  for (const file of readdirSync(join(root, 'workflows')).filter((f) => f.endsWith('.yml'))) {
    const text = readFileSync(join(root, 'workflows', file), 'utf8');
    const { jobs } = load(text) as { jobs: Record<string, { steps?: { uses?: string; with?: object }[] }> };
    for (const step of Object.values(jobs).flatMap((job) => job.steps ?? [])) {
      if (!step.uses?.startsWith('$/actions/')) continue;
      const path = join(root, step.uses.slice(2), 'action.yml');
      const { inputs } = load(readFileSync(path, 'utf8')) as { inputs: object };
      expect(Object.keys(step.with ?? {}).filter((name) => !Object.hasOwn(inputs, name))).toEqual([]);
    }
  }
});
