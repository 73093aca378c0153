/** The action as a workflow runs it: a workspace with rules, a process, its files. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Interval, TraceLine } from '../../../src/verify-canary/core/index.ts';
import { type ActionOptions, type ActionResult, runAction } from '../../support/bundle.ts';
import { minute, V } from '../golden.ts';

export interface Done extends ActionResult {
  /** '' for a file that was not written. */
  trace: string;
  verdict: string;
  report: string;
  errors: string[];
}

export interface Workspace extends Disposable {
  root: string;
  write(path: string, text: string): void;
  /** Files of the report folder. */
  written(): string[];
  act(inputs: Record<string, string>, options?: ActionOptions): Promise<Done>;
}

/** The rules that the golden traces belong to. */
export const GOLDEN_RULES = `version: 1
warmup: 0s
settle: 0s
metrics:
  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total,
     fail: {ratio: 1.25, floor: 0.001}, slo: 0.01, pass: 3}
`;

export function workspace(files: Readonly<Record<string, string>> = {}): Workspace {
  const root = mkdtempSync(join(tmpdir(), 'canary-work-'));
  const out = join(root, 'out');
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries({ '.canary.yaml': GOLDEN_RULES, ...files })) write(path, text);
  const written = (): string[] => {
    try {
      return readdirSync(out).sort();
    } catch {
      return [];
    }
  };
  const read = (name: string): string => {
    try {
      // Not what a link points to: a device has no end.
      return lstatSync(join(out, name)).isFile() ? readFileSync(join(out, name), 'utf8') : '';
    } catch {
      return '';
    }
  };
  return {
    root,
    write,
    written,
    async act(inputs, options = {}) {
      const done = await runAction('verify-canary', { 'report-dir': 'out', ...inputs }, { cwd: root, ...options });
      return {
        ...done,
        trace: read('trace.jsonl'),
        verdict: read('verdict.json'),
        report: read('report.html'),
        errors: done.log.match(/^::error .*$/gm) ?? [],
      };
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

const errors = (n0: number, n1: number, e0: number, e1: number): Partial<Interval> => ({
  metrics: { errors: { stable: { n: n0, e: e0 }, canary: { n: n1, e: e1 } } },
});

export const lines = (all: readonly TraceLine[]): string => all.map((line) => `${JSON.stringify(line)}\n`).join('');
export const G1 = [...V, V[3] ?? [0, 0, 0, 0], V[3] ?? [0, 0, 0, 0]].map(([n0, n1, e0, e1], i) =>
  minute(i, { weight: null, ...errors(n0, n1, e0, e1) }),
);
export const G2 = [0, 1, 2, 3, 4].map((i) => minute(i, errors(1900, 100, 0, 0)));
export const G3 = [0, 1].map((i) => minute(i, errors(100, 0, 0, 0)));
