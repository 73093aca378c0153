/** Images of four platforms become one index. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Limit } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { pushBig } from './_big.ts';
import { COLUMNS, measureWays, openLab, option, row, runBundle, runScript, type Way } from './_lab.ts';

const PLATFORMS = ['amd64', 'arm64', 'ppc64le', 's390x'];
const OURS = 'ours, mode merge';
const MOST = 0.3;
const WRITES = 3;

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 10);
  await using lab = await openLab(args);
  const workspace = join(lab.temp, 'empty');
  await mkdir(workspace);
  const { missing } = lab.services;
  let digests: string[] = [];
  const image = `${lab.host}/bench/merged`;
  // Other images each time: an index that is there already would be written by nobody.
  const before = async (): Promise<void> => {
    digests = await Promise.all(PLATFORMS.map((p) => pushBig(lab.registry.host, 'bench/merged', 2, 10_000, p)));
  };
  const script = (name: string, text: string) => (n: number) =>
    runScript(lab, text, { TARGET: `${image}:${name}-${n}`, SOURCES: digests.map((d) => `${image}@${d}`).join(' ') });
  const ways: Way[] = [
    {
      name: OURS,
      before,
      run: (n) =>
        runBundle(lab, workspace, { mode: 'merge', image, digests: digests.join('\n'), tags: `raw:ours-${n}` }),
    },
    {
      name: 'docker buildx imagetools create',
      missing: missing.buildx,
      before,
      run: script('buildx', 'exec docker buildx imagetools create --progress=quiet -t "$TARGET" $SOURCES'),
    },
    {
      name: 'buildah manifest create, add, push',
      missing: missing.buildah,
      before,
      run: script(
        'buildah',
        [
          'buildah manifest create "$TARGET"',
          'for s in $SOURCES; do buildah manifest add --tls-verify=false "$TARGET" "docker://$s"; done',
          'buildah manifest push --all --tls-verify=false "$TARGET" "docker://$TARGET"',
          'buildah manifest rm "$TARGET"',
        ].join('\n'),
      ),
    },
  ];
  const seen = await measureWays(lab, ways, runs);
  const mine = seen.get(OURS);
  const limits: Limit[] = [
    { name: 'time', measured: Number(spread(mine?.seconds ?? []).median.toFixed(2)), most: MOST, unit: 's' },
    { name: 'writes', measured: mine?.writes ?? Number.NaN, most: WRITES, unit: '' },
  ];
  return {
    about: `Images of ${PLATFORMS.length} platforms become one index with a tag in docker-registry on loopback, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: COLUMNS,
    rows: ways.map((way) => {
      const ours = way.name === OURS;
      return row(way.name, way, seen, ours ? undefined : OURS, ours ? `${MOST} s, ${WRITES} writes` : '');
    }),
    facts: { versions: lab.services.versions, ways: Object.fromEntries(seen) },
    limits,
    notes: [
      'Ours checks every blob of every platform, reads the index back, and writes a tag for the source beside the one that was asked for; the others believe what they are given.',
    ],
  };
};
