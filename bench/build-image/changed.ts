/** One changed file of a thousand: ours with each engine, beside the same engine by hand. */
import type { Bench, Limit } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { engines } from './_engines.ts';
import { COLUMNS, measureWays, openLab, option, row, runBundle, type Way } from './_lab.ts';
import { makeService } from './_service.ts';

const MOST = 0.6;

export const run: Bench = async (args) => {
  const runs = Number(option(args, 'runs') ?? 10);
  const files = Number(option(args, 'files') ?? 1000);
  await using lab = await openLab(args);
  const service = await makeService(lab, files);
  const pairs = engines(lab).map((hand) => {
    const name = Object.values(hand.inputs).join(' ');
    const image = service.image;
    const before = (): Promise<void> => service.change();
    const ours: Way = {
      name: `ours, ${name}`,
      missing: hand.missing,
      before,
      run: () => runBundle(lab, service.folder, { image, ...hand.inputs }, hand.env),
    };
    const theirs: Way = {
      name: hand.name,
      missing: hand.missing,
      before,
      run: (n) => hand.run(service, `${name.replaceAll(' ', '-')}-${n}`),
    };
    return { ours, theirs };
  });
  const seen = await measureWays(
    lab,
    pairs.flatMap(({ ours, theirs }) => [ours, theirs]),
    runs,
  );
  const limits = pairs.flatMap(({ ours, theirs }): Limit[] => {
    const [mine, hand] = [seen.get(ours.name), seen.get(theirs.name)];
    if (mine === undefined || hand === undefined || mine.late || hand.late) return [];
    const more = spread(mine.seconds).median - spread(hand.seconds).median;
    return [{ name: `${ours.name}: more than by hand`, measured: Number(more.toFixed(2)), most: MOST, unit: 's' }];
  });
  return {
    about: `A commit that changes one of ${files} files, built and pushed to docker-registry on loopback, from the start of the process to its end; ${runs} runs each, in turn.`,
    columns: COLUMNS,
    rows: pairs.flatMap(({ ours, theirs }) => [
      row(ours.name, ours, seen, undefined, `by hand + ${MOST} s`),
      row(theirs.name, theirs, seen, ours.name),
    ]),
    facts: { files, versions: lab.services.versions, ways: Object.fromEntries(seen) },
    limits,
    notes: [
      'Ours also hashes the context, looks for an image of this source, reads the result back, checks each blob of it, and writes two tags; the scripts write one and read nothing back.',
      'All engines store with copies of whole layers (vfs, native), which is slower than the overlays of a real runner: the ratios of a runner are farther from 1, the seconds on top of the engine are not.',
    ],
  };
};
