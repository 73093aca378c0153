/** 100,000 hostile names through log, annotations, summary, outputs, SARIF, CycloneDX and the JSON report. */
import type { Bench } from '../lib/bench.ts';
import { injections } from './_injection.ts';

const NAMES = 100_000;

export const run: Bench = async () => {
  const start = performance.now();
  const { names, raw, commands, links, invalid, checked } = injections(NAMES);
  const seconds = (performance.now() - start) / 1000;
  const count = (name: string, measured: number, unit: string) => ({ name, measured, most: 0, unit });
  return {
    about:
      'Generated names of control characters, commands of a runner, ANSI, bidirectional marks, Markdown and HTML as every text of a report.',
    columns: ['names', 'raw characters', 'commands', 'foreign links or tags', 'invalid documents', 's'],
    rows: [
      [
        String(names),
        String(raw),
        String(commands),
        String(links),
        checked ? String(invalid) : 'not checked',
        seconds.toFixed(1),
      ],
    ],
    facts: { names, raw, commands, links, invalid, checked, seconds },
    limits: [
      count('texts with a raw character', raw, 'texts'),
      count('commands nobody wrote', commands, 'lines'),
      count('links or tags nobody wrote', links, 'places'),
      count('documents against their schema', invalid, 'documents'),
    ],
    notes: checked ? [] : ['The packages with the official schemas are not installed: no document was held to one.'],
  };
};
