/** The action as a runner starts it, for the benches. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeasuredProcess, measureProcess } from '../lib/measure.ts';

/** The committed bundle; CANARY_BUNDLE names another one, such as one just built. */
export const BUNDLE = process.env.CANARY_BUNDLE ?? join(import.meta.dirname, '../../dist/verify-canary/index.js');

export interface Place extends Disposable {
  root: string;
  write(path: string, text: string): void;
  /** @returns text of a file of the report folder */
  report(name: string): string;
  act(inputs: Readonly<Record<string, string>>): Promise<MeasuredProcess>;
}

export function place(files: Readonly<Record<string, string>>): Place {
  const root = mkdtempSync(join(tmpdir(), 'bench-canary-'));
  const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    root,
    write,
    report: (name) => readFileSync(join(root, 'out', name), 'utf8'),
    act(inputs) {
      rmSync(join(root, 'out'), { recursive: true, force: true });
      mkdirSync(join(root, 'home'), { recursive: true });
      const env = {
        PATH: process.env.PATH,
        HOME: join(root, 'home'),
        RUNNER_TEMP: join(root, 'home'),
        GITHUB_WORKSPACE: root,
        GITHUB_OUTPUT: join(root, 'home/output'),
        GITHUB_STEP_SUMMARY: join(root, 'home/summary'),
        ...Object.fromEntries(
          Object.entries({ 'report-dir': 'out', ...inputs }).map(([k, v]) => [`INPUT_${k.toUpperCase()}`, v]),
        ),
      };
      return measureProcess(process.execPath, [BUNDLE], { cwd: root, env });
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** @param step fields of the one step @param top further lines */
export function rules(step: string, top: readonly string[] = []): string {
  return [
    'version: 1',
    ...top,
    'metrics:',
    `  - {name: errors, kind: ratio, events: 'http_requests_total{code=~"5.."}', total: http_requests_total, slo: 0.01, weight: 4}`,
    '  - {name: latency, kind: latency, histogram: http_request_duration_seconds, le: [0.25, 0.5, 1], slo: {le: 0.5, max: 0.05}, weight: 3}',
    '  - {name: cpu, kind: cpu}',
    `steps: [${step}]`,
    '',
  ].join('\n');
}
