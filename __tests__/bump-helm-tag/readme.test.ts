import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../support/bundle.ts';

test('every code has its anchor in the README, and every anchor its code', () => {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const sources = ['src/bump-helm-tag', 'src/yaml', 'src/git', 'src/github', 'src/argocd', 'src/runner'].flatMap(
    (dir) => readdirSync(join(root, dir)).map((file) => read(`${dir}/${file}`)),
  );
  const used = new Set(sources.flatMap((text) => [...text.matchAll(/'([EW]_[A-Z_]+)'/g)].map((m) => String(m[1]))));
  const anchors = [...read('actions/bump-helm-tag/README.md').matchAll(/^#### ([EW]_[A-Z_]+)$/gm)].map((m) => m[1]);
  expect([...anchors].sort()).toEqual([...used].sort());
});
