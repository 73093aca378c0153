/** An image goes from one registry to another. */
import { startDistribution } from '../../__tests__/support/distribution.ts';
import type { Bench } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { pushBig } from './_big.ts';
import { copyWays, OURS } from './_copy.ts';
import { COLUMNS, measureWays, openLab, option, row } from './_lab.ts';

const LAYERS = 4;
const LIMIT = '0.8 of the rate of skopeo, 150 MB';

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 5);
  const megabytes = Number(option(args, 'megabytes') ?? 400);
  await using lab = await openLab(args);
  await using from = await startDistribution();
  const digest = await pushBig(from.host, 'bench/tested', LAYERS, (megabytes * 1e6) / LAYERS);
  // The run that warms goes through the proxy, for the bytes; at these sizes the proxy would be what is measured.
  const names = (way: number, n: number) => ({
    source: `${from.host}/bench/tested@${digest}`,
    target: `${n === 0 ? lab.host : lab.registry.host}/bench/copied-${way}-${n}:1.0.0`,
  });
  const ways = await copyWays(lab, names, () => lab.registry.wipe());
  const seen = await measureWays(lab, ways, runs);
  const [mine, theirs] = [seen.get(OURS), seen.get('skopeo copy')];
  const median = (seconds: readonly number[] | undefined): number => spread(seconds ?? []).median;
  const rate = (seconds: number): string => (megabytes / seconds).toFixed(0);
  return {
    about: `An image of ${megabytes} MB in ${LAYERS} layers goes from one docker-registry on loopback to another, which is empty, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: [...COLUMNS, 'MB/s', 'peak MB'],
    rows: ways.map((way) => {
      const facts = seen.get(way.name);
      const more =
        facts === undefined || facts.late
          ? ['', '']
          : [rate(median(facts.seconds)), (Math.max(...facts.peaks) / 1e6).toFixed(0)];
      return [
        ...row(way.name, way, seen, way.name === OURS ? undefined : OURS, way.name === OURS ? LIMIT : ''),
        ...more,
      ];
    }),
    facts: { megabytes, versions: lab.services.versions, ways: Object.fromEntries(seen) },
    limits: [
      // At least 0.8 of its rate.
      ...(theirs === undefined
        ? []
        : [
            {
              name: 'time against skopeo',
              measured: Number((median(mine?.seconds) / median(theirs.seconds)).toFixed(2)),
              most: 1.25,
              unit: 'x',
            },
          ]),
      { name: 'peak memory', measured: Math.round(Math.max(...(mine?.peaks ?? [])) / 1e6), most: 150, unit: 'MB' },
    ],
    notes: [
      'Requests and bytes are those at the target. Peak memory is that of the program itself.',
      'Ours hashes what it reads and what it sends; a byte that changed on the way is never committed.',
    ],
  };
};
