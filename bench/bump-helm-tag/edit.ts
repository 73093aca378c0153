/** bump:edit: every scalar of every sample file, by this editor and by what people use instead. */
import { CORE_SCHEMA, dump, load } from 'js-yaml';
import { parseAllDocuments, type parseDocument } from 'yaml';
import { editValues } from '../../src/yaml/index.ts';
import type { Bench } from '../lib/bench.ts';
import { type CorpusFile, type CorpusTarget, copy, put, readCorpus, wanted } from './_corpus.ts';

// By turns: one that is text to every parser, one that is a number unless it is quoted.
const VALUES = ['v2.0.0', '1.10'];
type Editor = (file: CorpusFile, target: CorpusTarget, value: string) => string;

const EDITORS: Readonly<Record<string, Editor>> = {
  ours: (file, target, value) =>
    Buffer.from(editValues(file.bytes, file.name, [wanted(target, value)]).bytes).toString('utf8'),
  'yaml setIn + toString': (file, { document, path }, value) => {
    const keys = path.map((step) => ('index' in step ? step.index : 'key' in step ? step.key : ''));
    const documents = parseAllDocuments(file.text) as ReturnType<typeof parseDocument>[];
    documents[document]?.setIn(keys, value);
    return documents.map((d) => d.toString()).join('');
  },
  'js-yaml load + dump': (file, target, value) => {
    const documents = [load(file.text, { schema: CORE_SCHEMA, json: true })];
    put(documents, target, value);
    return dump(documents[0]);
  },
  'sed on the key': (file, { path }, value) => {
    const last = path.at(-1);
    // As it is written in many workflows: by the name of the key, wherever it stands.
    const key = last !== undefined && 'key' in last ? last.key.replace(/[^\w]/g, '\\$&') : '-';
    return file.text.replace(new RegExp(`^( *(?:- )?${key}:).*$`, 'gm'), `$1 ${value}`);
  },
};

interface Tally {
  exact: number;
  right: number;
  lost: number;
  wrong: number;
  refused: number;
  seconds: number;
}

/** @param args `--every=n` takes every n-th scalar */
export const run: Bench = async (args) => {
  const data = process.env.CONFORMANCE_DATA;
  if (data === undefined) throw new Error('CONFORMANCE_DATA names no folder with sample files');
  const every = Number(args.find((a) => a.startsWith('--every='))?.split('=')[1] ?? 1);
  const files = readCorpus(data);
  const targets = files
    .flatMap((file) => file.targets.map((target) => ({ file, target })))
    .filter((_t, i) => i % every === 0);
  const tallies = Object.entries(EDITORS).map(([name, editor]) => ({ name, ...measure(editor, targets) }));
  const share = (n: number): string => `${((100 * n) / targets.length).toFixed(1)} %`;
  const ours = tallies[0];
  return {
    about: `${targets.length} scalars of ${files.length} real files, each set to a string on its own, by turns ${VALUES.join(' and ')}.`,
    columns: [
      'editor',
      'one span changed, value right',
      'value right',
      'file wrong',
      'refused',
      'comments lost',
      'time per edit',
    ],
    rows: tallies.map((t) => [
      t.name,
      share(t.exact),
      share(t.right),
      share(t.wrong),
      share(t.refused),
      String(t.lost),
      `${((1000 * t.seconds) / targets.length).toFixed(1)} ms`,
    ]),
    facts: { values: VALUES, every, tallies },
    limits: [
      {
        name: 'ours: wrong, or more than one span',
        measured: targets.length - (ours?.exact ?? 0) - (ours?.refused ?? 0),
        most: 0,
        unit: 'edits',
      },
    ],
    notes: [
      'One span changed: all bytes before and behind the scalar are the same. Value right: the file reads as before but for the one string.',
      'Refused: the editor threw. Ours refuses what an alias or a shared anchor would change in two places; js-yaml loads one document only.',
      'Comments lost: over all edits, comment lines and ends of lines that are in no line of the result.',
    ],
  };
};

function measure(editor: Editor, targets: readonly { file: CorpusFile; target: CorpusTarget }[]): Tally {
  const tally: Tally = { exact: 0, right: 0, lost: 0, wrong: 0, refused: 0, seconds: 0 };
  for (const [i, { file, target }] of targets.entries()) {
    const value = VALUES[i % VALUES.length] ?? '';
    let after: string;
    const start = performance.now();
    try {
      after = editor(file, target, value);
    } catch {
      tally.refused += 1;
      continue;
    } finally {
      tally.seconds += (performance.now() - start) / 1000;
    }
    const right = isRight(file, target, value, after);
    tally[right ? 'right' : 'wrong'] += 1;
    const [head, tail] = [file.text.slice(0, target.start), file.text.slice(target.end)];
    if (right && after.startsWith(head) && after.slice(head.length).endsWith(tail)) tally.exact += 1;
    tally.lost += Math.max(0, comments(file.text) - comments(after));
  }
  return tally;
}

function isRight(file: CorpusFile, target: CorpusTarget, value: string, after: string): boolean {
  try {
    const expected = copy(file.read[0] ?? []);
    put(expected, target, value);
    const documents = parseAllDocuments(after, { uniqueKeys: false }) as ReturnType<typeof parseDocument>[];
    return JSON.stringify(documents.map((d): unknown => d.toJS())) === JSON.stringify(expected);
  } catch {
    return false;
  }
}

function comments(text: string): number {
  return text.split('\n').filter((line) => /(^|\s)#/.test(line)).length;
}
