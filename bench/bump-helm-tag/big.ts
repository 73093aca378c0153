/** bump:big: one edit of a values file of 200 KB with its proof, in a process that has done nothing before, as in a workflow. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { editValues, parsePath } from '../../src/yaml/index.ts';
import type { BenchResult } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';

const SIZE = 200_000;
const COLD_RUNS = 9;
const WARM_RUNS = 20;
const LIMIT_MS = 700;

export async function run(): Promise<BenchResult> {
  const cold = Array.from({ length: COLD_RUNS }, () =>
    JSON.parse(execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'once'], { encoding: 'utf8' })),
  ) as Took[];
  const text = bigValues(SIZE);
  const warm = Array.from({ length: WARM_RUNS }, () => editOnce(text)).slice(WARM_RUNS / 2);
  const row = (name: string, runs: readonly Took[]): string[] => {
    const { median, least, most } = spread(runs.map((r) => r.wall));
    const cpu = spread(runs.map((r) => r.cpu)).median;
    return [name, ...[median, least, most, cpu].map((ms) => `${ms.toFixed(0)} ms`), String(runs.length)];
  };
  return {
    about: `One scalar of a values file of ${text.length} bytes: open, edit, prove by four readings before and four after.`,
    columns: ['run', 'median', 'least', 'most', 'processor time', 'runs'],
    rows: [row('first edit of a process', cold), row('later edits', warm)],
    facts: { bytes: text.length, lines: text.split('\n').length, cold, warm },
    limits: [
      {
        name: 'first edit, median',
        measured: Math.round(spread(cold.map((r) => r.wall)).median),
        most: LIMIT_MS,
        unit: 'ms',
      },
    ],
    notes: [
      'Processor time counts all threads, also those that compile and collect; wall above it means a busy machine.',
      'Loading of the modules is not counted: bump:start does.',
    ],
  };
}

interface Took {
  wall: number;
  cpu: number;
}

function editOnce(text: string): Took {
  const bytes = new TextEncoder().encode(text);
  const path = parsePath('services.service-7.image.tag');
  const start = performance.now();
  const used = process.cpuUsage();
  const { applied } = editValues(bytes, 'values.yaml', [
    { document: undefined, path, value: 'v2.0.0', type: 'string', mayChangeType: true },
  ]);
  const [wall, { user, system }] = [performance.now() - start, process.cpuUsage(used)];
  if (applied.length !== 1) throw new Error('nothing was edited');
  return { wall, cpu: (user + system) / 1000 };
}

// What platform teams have: one map of services, each with the usual keys and as many comments as keys.
function bigValues(size: number): string {
  let text = '# Values of all services\nservices:\n';
  for (let n = 0; text.length < size; n += 1)
    text += `  # -- Service number ${n}
  service-${n}:
    image:
      repository: ghcr.io/org/service-${n}
      # -- Written by the pipeline
      tag: "v1.${n}.0" # keep
      digest: ""
    replicaCount: ${n % 7}
    env:
      - name: LOG_LEVEL
        value: info
      - { name: PORT, value: "8080" }
    resources:
      limits: { cpu: 500m, memory: 256Mi }
      requests:
        cpu: 100m
        memory: 128Mi
    config: |
      # not a comment
      port = 8080

    podAnnotations: {}
    tolerations: []
`;
  return text;
}

if (process.argv[2] === 'once' && process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(JSON.stringify(editOnce(bigValues(SIZE))));
