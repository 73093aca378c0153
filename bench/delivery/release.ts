/** What a release weighs, whole and action by action. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { archive, MAX_ARCHIVE_BYTES } from '../../tools/release-tree/archive.ts';
import { git } from '../../tools/release-tree/git.ts';
import { commitRelease } from '../../tools/release-tree/release.ts';
import type { Bench } from '../lib/bench.ts';

const root = join(import.meta.dirname, '../..');
const kib = (bytes: number): number => Math.round(bytes / 1024);

/** Archives of releases of others, one action each, KiB. */
const PEERS = 'checkout 464, build-push-action 807, create-pull-request 995, harden-runner 4,584';

export const run: Bench = async () => {
  const repository = { dir: root };
  const { commit } = await commitRelease(repository, 'v0.0.0', 'HEAD');
  const whole = (await archive(repository, commit)).length;
  const listing = (await git(repository, ['ls-tree', '-r', '--name-only', commit])).toString('utf8').split('\n');
  const folders = [
    ...new Set(listing.flatMap((path) => /^dist\/[^/]+(?=\/)|^(docs|actions)(?=\/)/.exec(path)?.[0] ?? [])),
  ];
  const parts: [string, number][] = [];
  for (const folder of folders) {
    const tar = await git(repository, ['archive', '--format=tar', commit, folder]);
    parts.push([folder, gzipSync(tar, { level: 9 }).length]);
  }
  parts.sort(([, a], [, b]) => b - a);
  return {
    about: `The archive of the release of HEAD: all actions, workflows and documents in one. Others: ${PEERS} KiB for one action each.`,
    columns: ['part', 'KiB', 'of the whole'],
    rows: [...parts, ['whole', whole] as const].map(([name, size]) => [
      name,
      String(kib(size)),
      `${((100 * size) / whole).toFixed(0)} %`,
    ]),
    facts: { whole, parts: Object.fromEntries(parts) },
    limits: [{ name: 'release', measured: kib(whole), most: kib(MAX_ARCHIVE_BYTES), unit: 'KiB' }],
    notes: ['gzip finds nothing alike beyond 32 KiB, so that what all bundles share is in the archive once for each.'],
  };
};
