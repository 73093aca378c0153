/**
 * npm run build [-- --check]: `tsc`, then one minified ncc bundle per action, licences beside it.
 * --check builds into a temporary folder and fails when the committed dist/ differs by a byte.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, MAX_BUNDLE_BYTES } from './build.ts';

const root = join(import.meta.dirname, '../..');
const check = process.argv.includes('--check');

const target = check ? await mkdtemp(join(tmpdir(), 'dist-')) : join(root, 'dist');
try {
  const sizes = await build(root, target);
  for (const [name, bytes] of sizes) {
    const over = bytes > MAX_BUNDLE_BYTES;
    console.log(`${name.padEnd(16)} ${(bytes / 1e6).toFixed(3)} MB${over ? '  over the budget of 1.0 MB' : ''}`);
    if (over) process.exitCode = 1;
  }
  if (check) {
    const drift = await differences(target, join(root, 'dist'));
    if (drift.length > 0) {
      console.error(
        `dist/ does not match its sources: ${drift.join(', ')}. Run "npm run build" and commit the result.`,
      );
      process.exitCode = 1;
    }
  }
} finally {
  if (check) await rm(target, { recursive: true, force: true });
}

async function differences(made: string, committed: string): Promise<string[]> {
  const list = async (dir: string): Promise<string[]> =>
    (await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
  const names = new Set([...(await list(made)), ...(await list(committed))]);
  const different: string[] = [];
  for (const name of [...names].sort()) {
    const [a, b] = await Promise.all([made, committed].map((dir) => readFile(join(dir, name)).catch(() => undefined)));
    if (a === undefined || b === undefined || !a.equals(b)) different.push(name);
  }
  return different;
}
