/** bump:corpus: every scalar of every sample file with every tricky value, each result checked apart from the editor's own proof. */
import type { Bench } from '../lib/bench.ts';
import { count, type Outcome, readCorpus, tryCreate, tryEdit, VALUES } from './_corpus.ts';

/** @param args `--values=n` takes the first n values only; `--shard=i/n` one of n parts of the values */
export const run: Bench = async (args) => {
  const data = process.env.CONFORMANCE_DATA;
  if (data === undefined) throw new Error('CONFORMANCE_DATA names no folder with sample files');
  const option = (name: string): string | undefined => args.find((a) => a.startsWith(`--${name}=`))?.split('=')[1];
  const [shard = 0, of = 1] = option('shard')?.split('/').map(Number) ?? [];
  const values = VALUES.slice(0, Number(option('values') ?? VALUES.length)).filter((_v, i) => i % of === shard);
  const files = readCorpus(data);
  const edits = new Map<Outcome, number>();
  const additions = new Map<Outcome, number>();
  const start = performance.now();
  for (const value of values)
    for (const file of files) for (const target of file.targets) count(edits, tryEdit(file, target, value));
  const seconds = (performance.now() - start) / 1000;
  for (const file of files) for (const map of file.maps) count(additions, tryCreate(file, map, values[0] ?? 'v2'));
  const scalars = files.reduce((sum, file) => sum + file.targets.length, 0);
  const maps = files.reduce((sum, file) => sum + file.maps.length, 0);
  const list = (counts: ReadonlyMap<Outcome, number>): string =>
    [...counts].map(([outcome, n]) => `${outcome} ${n}`).join(', ');
  const wrong = [...edits, ...additions].filter(([outcome]) => /wrong|E_EDIT_NOT_PROVEN/.test(outcome));
  return {
    about: `${files.length} real files: each of ${scalars} scalars x ${values.length} values, and a new key in each of ${maps} block maps.`,
    columns: ['what', 'tried', 'outcomes'],
    rows: [
      ['edits', String(scalars * values.length), list(edits)],
      ['additions', String(maps), list(additions)],
    ],
    facts: { values, edits: Object.fromEntries(edits), additions: Object.fromEntries(additions), seconds },
    limits: [
      { name: 'wrong or not proven', measured: wrong.reduce((sum, [, n]) => sum + n, 0), most: 0, unit: 'edits' },
    ],
    notes: [
      'edited: the bytes before and behind the scalar are the same, and each of four readings is the old one with the wanted string in its place.',
    ],
  };
};
