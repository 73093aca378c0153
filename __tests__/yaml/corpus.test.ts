/** Real values files, from the folder named by CONFORMANCE_DATA. The full product of scalars and values is `npm run bench -- bump:corpus`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { parseAllDocuments } from 'yaml';
import {
  type CorpusFile,
  count,
  type Outcome,
  put,
  readCorpus,
  tryCreate,
  tryEdit,
  VALUES,
  wanted,
} from '../../bench/bump-helm-tag/_corpus.ts';
import { systemExec } from '../../src/runner/index.ts';
import { editValues, find } from '../../src/yaml/index.ts';
import { ensureHelm } from '../../tools/helm/index.ts';

const data = process.env.CONFORMANCE_DATA ?? '';
const real = data === '' ? test.skip : test;
const files = data === '' ? [] : readCorpus(data);
const refused: readonly Outcome[] = ['E_ANCHOR_SHARED', 'E_ALIAS_TARGET'];

/** The value of a position: each scalar gets one, and all values come by. */
const valueAt = (n: number): string => VALUES[n % VALUES.length] ?? 'v2';

function expectAll(counts: ReadonlyMap<Outcome, number>, share: number): void {
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  expect([...counts.keys()].filter((outcome) => outcome !== 'edited' && !refused.includes(outcome))).toEqual([]);
  expect((counts.get('edited') ?? 0) / total).toBeGreaterThan(share);
}

real('9: every scalar of every file, one value each: exactly its span and its value change, or a refusal', () => {
  const counts = new Map<Outcome, number>();
  let n = 0;
  for (const file of files) for (const target of file.targets) count(counts, tryEdit(file, target, valueAt(n++)));
  expect(n).toBeGreaterThan(2000);
  expectAll(counts, 0.99);
});

real('a key into every eighth block map: exactly one new line, read by all four, or a refusal', () => {
  const counts = new Map<Outcome, number>();
  let n = 0;
  for (const file of files)
    for (const map of file.maps) if (n++ % 8 === 0) count(counts, tryCreate(file, map, valueAt(n)));
  expectAll(counts, 0.9);
});

real(
  'Helm reads every edited scalar of every file as exactly the wanted string, and all others as before',
  async () => {
    const chart = mkdtempSync(join(tmpdir(), 'values-corpus-'));
    try {
      const edits = files.map(editAll);
      await mkdir(join(chart, 'templates'));
      await mkdir(join(chart, 'data'));
      await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: corpus\nversion: 0.0.0\n');
      await writeFile(join(chart, 'templates', 'all.yaml'), TEMPLATE);
      for (const [i, { before, after }] of edits.entries())
        for (const [when, documents] of Object.entries({ before, after }))
          for (const [d, text] of documents.entries())
            await writeFile(join(chart, 'data', `${i}-${d}-${when}.yaml`), text);
      const helm = await ensureHelm(join(import.meta.dirname, '../../.lab'));
      const { code, stdout, stderr } = await systemExec(helm, ['template', 'x', chart], {
        env: { PATH: process.env.PATH, HELM_CONFIG_HOME: chart, HELM_CACHE_HOME: chart, HELM_DATA_HOME: chart },
        timeout: 240,
      });
      expect([code, stderr.toString('utf8')]).toEqual([0, '']);
      const read = (load(stdout.toString('utf8')) as { data: Record<string, string> }).data;
      const json = (name: string): unknown => JSON.parse(read[name] ?? 'null');
      let checked = 0;
      for (const [i, { name, before, done }] of edits.entries()) {
        const expected = before.map((_text, d) => json(`${i}-${d}-before.yaml`));
        for (const { target, value } of done)
          expect([name, target, put(expected, target, value)]).toEqual([name, target, true]);
        expect([name, before.map((_text, d) => json(`${i}-${d}-after.yaml`))]).toEqual([name, expected]);
        checked += done.length;
      }
      expect(checked).toBeGreaterThan(2000);
    } finally {
      rmSync(chart, { recursive: true });
    }
  },
);

// Lists have a reader of their own; what cannot be read says so under the key Error, and would not be equal to anything expected.
const TEMPLATE = `apiVersion: v1
kind: ConfigMap
metadata:
  name: corpus
data:
{{- range $name, $_ := .Files.Glob "data/*" }}
{{- $text := $.Files.Get $name }}
  {{ base $name }}: {{ ternary (fromYamlArray $text) (fromYaml $text) (regexMatch "^(#.*\\n|\\n|---.*\\n)*- " $text) | toJson | quote }}
{{- end }}
`;

type Done = { target: CorpusFile['targets'][number]; value: string };

// All scalars of a file that can be edited, in one go; Helm reads one document at a time.
function editAll(file: CorpusFile, i: number): { name: string; before: string[]; after: string[]; done: Done[] } {
  const free = file.targets.filter((target) => isFree(file, target));
  const done = free.map((target, n) => ({ target, value: valueAt(i + n) }));
  const { bytes } = editValues(
    file.bytes,
    file.name,
    done.map(({ target, value }) => wanted(target, value)),
  );
  return {
    name: file.name,
    before: documentsOf(file.text),
    after: documentsOf(Buffer.from(bytes).toString('utf8')),
    done,
  };
}

function isFree(file: CorpusFile, { document, path }: Done['target']): boolean {
  try {
    return find(file.source, document, path).kind === 'scalar';
  } catch {
    return false;
  }
}

function documentsOf(text: string): string[] {
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  if (!Array.isArray(documents) || documents.length === 1) return [text];
  return documents.map(({ range }) => text.slice(range[0], range[1]));
}
