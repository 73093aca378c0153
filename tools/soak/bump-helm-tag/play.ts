/** Plays one cell of the table; also the worker that plays cells beside others. */
import { isMainThread, parentPort } from 'node:worker_threads';
import { PROFILES } from './faults.ts';
import { forgeRound } from './forge-round.ts';
import { LAYOUTS } from './layouts.ts';
import { memoryRound } from './memory-round.ts';
import { addRound, type Cell, emptyRow, type Row } from './table.ts';

export interface Job extends Cell {
  seed: number;
  rounds: number;
}

export async function play(job: Job): Promise<Row> {
  const { transport, writers } = job;
  const layout = LAYOUTS.find((l) => l.name === job.layout);
  const profile = PROFILES.find((p) => p.name === job.profile);
  if (layout === undefined || profile === undefined)
    throw new Error(`no such layout or faults: ${job.layout}, ${job.profile}`);
  const row = emptyRow({ transport, layout: layout.name, profile: profile.name, writers });
  for (let seed = job.seed; seed < job.seed + job.rounds; seed += 1) {
    const start = performance.now();
    const round = { layout, profile, writers, seed };
    const result = transport === 'memory' ? await memoryRound(round) : await forgeRound({ ...round, transport });
    addRound(row, seed, (performance.now() - start) / 1000, result);
  }
  return row;
}

if (!isMainThread)
  parentPort?.on('message', (job: Job) => {
    play(job).then(
      (row) => parentPort?.postMessage(row),
      (error: unknown) => {
        throw error;
      },
    );
  });
