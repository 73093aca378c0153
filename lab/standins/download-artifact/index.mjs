// Stand-in for actions/download-artifact.
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, matchesGlob, resolve } from 'node:path';
import { flag, input, main, output } from '../kit/io.mjs';

await main(async () => {
  const store = process.env.LAB_ARTIFACTS;
  if (!store) throw new Error('LAB_ARTIFACTS is not set: this stand-in runs in the lab runner only');
  const name = input('name');
  const pattern = input('pattern');
  const target = resolve(
    process.env.GITHUB_WORKSPACE ?? '.',
    input('path').replace(/^~(?=\/|$)/, process.env.HOME ?? '~'),
  );
  mkdirSync(target, { recursive: true });
  output('download-path', target);

  if (name !== '') {
    const folder = join(store, name);
    if (name.includes('/') || !existsSync(folder)) {
      throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`);
    }
    cpSync(folder, target, { recursive: true });
    console.log(`lab: artifact ${name} copied to ${target}`);
    return;
  }
  const merge = flag('merge-multiple', false);
  const names = readdirSync(store)
    .filter((entry) => !entry.startsWith('.') && (pattern === '' || matchesGlob(entry, pattern)))
    .sort();
  // Since v5 a single match lies flat, too.
  const flat = merge || names.length === 1;
  for (const found of names) cpSync(join(store, found), flat ? target : join(target, found), { recursive: true });
  console.log(`lab: ${names.length} artifacts copied to ${target}: ${names.join(', ')}`);
});
