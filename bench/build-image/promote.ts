/** A tested image gets its release name in another repository of the same registry. */
import type { Bench } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { pushBig } from './_big.ts';
import { copyWays, OURS } from './_copy.ts';
import { COLUMNS, measureWays, openLab, option, row } from './_lab.ts';

const LAYERS = 4;

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 10);
  const megabytes = Number(option(args, 'megabytes') ?? 400);
  await using lab = await openLab(args);
  const digest = await pushBig(lab.registry.host, 'bench/tested', LAYERS, (megabytes * 1e6) / LAYERS);
  // Each run has a repository of its own, which knows none of the blobs.
  const names = (way: number, n: number) => ({
    source: `${lab.host}/bench/tested@${digest}`,
    target: `${lab.host}/bench/released-${way}-${n}:1.0.0`,
  });
  const ways = await copyWays(lab, names, async () => {});
  const seen = await measureWays(lab, ways, runs);
  const mine = seen.get(OURS);
  return {
    about: `An image of ${megabytes} MB in ${LAYERS} layers gets a name in another repository of one docker-registry on loopback, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: COLUMNS,
    rows: ways.map((way) =>
      row(way.name, way, seen, way.name === OURS ? undefined : OURS, way.name === OURS ? '0.3 s' : ''),
    ),
    facts: { megabytes, versions: lab.services.versions, ways: Object.fromEntries(seen) },
    limits: [
      { name: 'time', measured: Number(spread(mine?.seconds ?? []).median.toFixed(2)), most: 0.3, unit: 's' },
      { name: 'at the registry', measured: Math.round((mine?.bytes ?? Number.NaN) / 1000), most: 100, unit: 'kB' },
    ],
    notes: [
      'All of them mount the layers where they can, and send none. Ours checks every blob of the source and of the target, and reads the manifest back.',
      'Bytes are counted by a TCP proxy, both ways, headers included.',
    ],
  };
};
