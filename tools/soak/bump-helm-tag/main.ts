/**
 * npm run soak:bump-helm-tag: the proof that a handoff is exactly once, whoever writes at the same moment. Seeded rounds in
 * memory and on the lab's forge, each checked from the final log and from what every writer said. Ends red when a value was
 * lost, doubled or out of order, another byte changed, or an end untrue; prints the command that repeats such a round.
 *   --full                  the big set (about half an hour on two cores)
 *   --seed <n>              default 1
 *   --only <t/l/f/n>        one cell: transport/layout/faults/writers, each as in the table
 *   --rounds <n>            rounds of that cell
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { PROFILES } from './faults.ts';
import { LAYOUTS } from './layouts.ts';
import { type Job, play } from './play.ts';
import { type Cell, type Row, showFindings, showTable, total } from './table.ts';

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
});
const seed = Number(values.seed);
const start = performance.now();
const jobs = values.only === undefined ? allJobs(values.full) : [oneJob(values.only, Number(values.rounds ?? 1))];
const rows = [
  ...(await inParallel(jobs.filter((job) => job.transport === 'memory'))),
  // These start processes of their own: one after the other.
  ...(await inTurn(jobs.filter((job) => job.transport !== 'memory'))),
];
console.log(showTable(rows));
const rounds = rows.reduce((sum, row) => sum + row.rounds, 0);
console.log(
  `${rounds} rounds, seed ${seed}, ${((performance.now() - start) / 1000).toFixed(0)} s: ${total(rows)} violations`,
);
if (total(rows) > 0) {
  console.log(showFindings(rows));
  process.exitCode = 1;
}

function oneJob(only: string, count: number): Job {
  const [transport = '', layout = '', profile = '', writers = ''] = only.split('/');
  if (transport !== 'memory' && transport !== 'github' && transport !== 'git')
    throw new Error(`"${transport}" is none of memory, github, git`);
  return { transport, layout, profile, writers: Number(writers), seed, rounds: count };
}

function allJobs(full: boolean): Job[] {
  const jobs: Job[] = [];
  const add = (cell: Cell, count: number): void => {
    if (count > 0) jobs.push({ ...cell, seed, rounds: count });
  };
  for (const { name: layout } of LAYOUTS)
    for (const { name: profile, git } of PROFILES) {
      const large = layout === 'maps far apart';
      const builds = layout.startsWith('builds');
      const hard = profile === 'none' || profile === 'everything';
      const cell = { layout, profile };
      add({ transport: 'memory', ...cell, writers: 5 }, full ? 400 : 30);
      add({ transport: 'memory', ...cell, writers: 20 }, full ? 60 : large ? 2 : 6);
      add({ transport: 'memory', ...cell, writers: 100 }, full ? (large ? 2 : 10) : hard && !large ? 1 : 0);
      const chosen = full || layout === 'flat file' || (layout === 'builds, by revision key' && hard);
      add({ transport: 'github', ...cell, writers: 5 }, chosen ? (full ? 5 : 1) : 0);
      add({ transport: 'github', ...cell, writers: 20 }, full ? 2 : layout === 'flat file' && hard ? 1 : 0);
      if (!git) continue;
      add({ transport: 'git', ...cell, writers: 5 }, full ? 2 : (layout === 'flat file' || builds) && hard ? 1 : 0);
      add({ transport: 'git', ...cell, writers: 20 }, full && layout === 'flat file' ? 1 : 0);
    }
  return jobs;
}

async function inTurn(all: readonly Job[]): Promise<Row[]> {
  const done: Row[] = [];
  for (const job of all) done.push(await play(job));
  return done;
}

async function inParallel(all: readonly Job[]): Promise<Row[]> {
  const done: Row[] = [];
  let next = 0;
  const workers = Math.min(all.length, availableParallelism());
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(new URL('./play.ts', import.meta.url));
      try {
        for (let i = next++; i < all.length; i = next++) done[i] = await ask(worker, all[i] as Job);
      } finally {
        await worker.terminate();
      }
    }),
  );
  return done;
}

function ask(worker: Worker, job: Job): Promise<Row> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (row: Row) => {
      worker.off('error', reject);
      resolve(row);
    });
    worker.postMessage(job);
  });
}
