/**
 * The release tree, and what is done with it. Needs Node and git alone: a job that may write runs no package.
 *   npm run release-tree [-- --out DIR]           its hash and its size; with --out tree.tar.gz and SHA256SUMS
 *   … publish --version vX.Y.Z [--remote R] --out DIR   commits it, tags it at the remote, and packs it
 *   … move-major --version vX.Y.Z [--remote R]    moves vX to a version that has a release
 *   npm run verify-release -- <tag>               makes it again from its source and compares
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../../src/runner/errors.ts';
import { archive, MAX_ARCHIVE_BYTES, sums } from './archive.ts';
import type { Repository } from './git.ts';
import { releaseOf } from './github.ts';
import { commitRelease, moveMajor, publishTag, type Release, verifyRelease } from './release.ts';
import { refuseDirty } from './tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repository: { type: 'string', default: join(import.meta.dirname, '../..') },
    version: { type: 'string' },
    remote: { type: 'string', default: 'origin' },
    out: { type: 'string' },
  },
});
const env = process.env;
const repository: Repository = { dir: values.repository, ...(env.GITHUB_TOKEN ? { token: env.GITHUB_TOKEN } : {}) };
const [command = 'tree', tag = ''] = positionals;

try {
  if (command === 'tree') {
    await refuseDirty(repository);
    await pack(await commitRelease(repository, values.version ?? 'v0.0.0', 'HEAD'), values.out);
  } else if (command === 'publish') {
    await refuseDirty(repository);
    const version = values.version ?? '';
    const release = await commitRelease(repository, version, 'HEAD');
    await pack(release, values.out);
    await publishTag(repository, values.remote, version, release);
    console.log(`${version} is ${release.commit}, made of ${release.source}`);
  } else if (command === 'move-major') {
    const asked = releaseOf(env.GITHUB_API_URL ?? '', env.GITHUB_REPOSITORY ?? '', env.GITHUB_TOKEN ?? '');
    const moved = await moveMajor(repository, values.remote, values.version ?? '', asked);
    console.log(moved ? `the major is at ${values.version}` : `the major was at ${values.version} already`);
  } else if (command === 'verify') {
    const { tree, source } = await verifyRelease(repository, tag);
    console.log(`${tag}: tree ${tree} is what ${source} makes`);
  } else throw new Error(`unknown command ${command}`);
} catch (error) {
  console.error(describeError('release-tree', error).message);
  process.exitCode = 1;
}

async function pack(release: Release, out: string | undefined): Promise<void> {
  const bytes = await archive(repository, release.commit);
  console.log(
    `tree ${release.tree}\ntree.tar.gz ${(bytes.length / 1024).toFixed(1)} KiB of ${MAX_ARCHIVE_BYTES / 1024}`,
  );
  if (out === undefined) return;
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'tree.tar.gz'), bytes);
  await writeFile(join(out, 'SHA256SUMS'), sums({ 'tree.tar.gz': bytes }));
}
