/** What the lab's runner takes beside the steps that it runs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { directoryRepository, type JobRun, type Run, runWorkflow } from '../../lab/runner/index.ts';
import { ensureAct } from '../../lab/setup/act.ts';
import type { Bench } from '../lib/bench.ts';
import { measureProcess, ratio, spread } from '../lib/measure.ts';

const root = join(import.meta.dirname, '../..');
const MOST = 250;
const SHA = 'a'.repeat(40);

const HEAD = 'name: bench\non: { push: {}, workflow_call: {} }\njobs:\n';
const steps = (count: number): string =>
  `    runs-on: ubuntu-latest\n    steps:\n${'      - run: "true"\n'.repeat(count)}`;
/** Three workflows, one in the other, and ten steps. */
const NESTED: Readonly<Record<string, string>> = {
  'outer.yml': `${HEAD}  first:\n${steps(3)}  middle: { needs: first, uses: ./.github/workflows/middle.yml }\n`,
  'middle.yml': `${HEAD}  second:\n${steps(3)}  inner: { needs: second, uses: ./.github/workflows/inner.yml }\n`,
  'inner.yml': `${HEAD}  third:\n${steps(4)}`,
};
const ONE: Readonly<Record<string, string>> = { 'outer.yml': `${HEAD}  only:\n${steps(1)}` };

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice('--runs='.length) ?? 11);
  const temp = await mkdtemp(join(tmpdir(), 'bench-overhead-'));
  try {
    const nested = await suite(join(temp, 'nested'), NESTED);
    const one = await suite(join(temp, 'one'), ONE);
    const act = await ensureAct(join(root, '.lab'), { info: () => undefined }).catch(() => undefined);
    const seen = { nested: [] as number[], one: [] as number[], act: [] as number[] };
    // In turn, so that a busy moment falls on all of them; the first round warms up.
    for (let n = 0; n <= runs; n += 1) {
      const found = { nested: beside(await ours(nested, temp)), one: beside(await ours(one, temp)) };
      const theirs = act === undefined ? undefined : await byAct(act, one, temp);
      if (n === 0) continue;
      seen.nested.push(found.nested);
      seen.one.push(found.one);
      if (theirs !== undefined) seen.act.push(theirs);
    }
    const median = (values: readonly number[]): number => Math.round(spread(values).median);
    const row = (what: string, values: readonly number[]): string[] =>
      values.length === 0
        ? [what, 'n/a', 'n/a', 'n/a']
        : [
            what,
            String(median(values)),
            String(Math.round(Math.min(...values))),
            seen.act.length === 0 ? 'n/a' : ratio(spread(values).median, spread(seen.act).median),
          ];
    return {
      about: `What running workflows takes beside their steps, ${runs} runs each; act runs one job with one empty step.`,
      columns: ['run', 'ms, median', 'ms, least', 'ratio to act'],
      rows: [
        row('ours: three nested workflows, ten steps', seen.nested),
        row('ours: one job, one step', seen.one),
        row('act: one job, one step', seen.act),
      ],
      facts: seen,
      limits: [{ name: 'beside the steps of three workflows', measured: median(seen.nested), most: MOST, unit: 'ms' }],
      notes: [
        'Ours: the whole run without the seconds that its steps took, inside one process. act: the whole process, its one step included, since it tells no time of steps.',
      ],
    };
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
};

async function suite(dir: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, '.github/workflows', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return dir;
}

async function ours(dir: string, workDir: string): Promise<Run> {
  const done = await runWorkflow({
    repo: 'org/bench',
    file: '.github/workflows/outer.yml',
    event: { name: 'push', payload: {} },
    ref: 'refs/heads/main',
    sha: SHA,
    repositories: { 'org/bench': directoryRepository({ name: 'org/bench', dir, sha: SHA, layout: 'release' }) },
    forge: {
      serverUrl: 'http://127.0.0.1:1',
      apiUrl: 'http://127.0.0.1:1',
      graphqlUrl: 'http://127.0.0.1:1',
      mintToken: async () => 'none',
    },
    workDir,
  });
  if (done.conclusion !== 'success') throw new Error(`the run ended ${done.conclusion}: ${done.errors.join('; ')}`);
  return done;
}

/** Milliseconds of a run that none of its steps took. */
function beside(run: Run): number {
  const inSteps = (jobs: readonly JobRun[]): number =>
    jobs.reduce((sum, job) => sum + inSteps(job.jobs) + job.steps.reduce((all, step) => all + step.seconds, 0), 0);
  return (run.seconds - inSteps(run.jobs)) * 1000;
}

async function byAct(act: string, dir: string, home: string): Promise<number> {
  const args = ['push', '--workflows', '.github/workflows/outer.yml', '--directory', dir, '--no-cache-server'];
  const done = await measureProcess(act, [...args, '--platform', 'ubuntu-latest=-self-hosted'], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: home },
  });
  if (done.code !== 0) throw new Error(`act ended with ${done.code}: ${done.output.slice(-500)}`);
  return done.seconds * 1000;
}
