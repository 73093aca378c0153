/** The service as processes, under the lab's traffic. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { startTraffic } from '../../../lab/traffic/load.ts';
import { ensurePython } from '../../../tools/python-env/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVICE = path.join(ROOT, 'examples/histogram-eq');

interface Role {
  child: ChildProcess;
  url: string;
  exit: Promise<number | null>;
}

let python: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  python = (await ensurePython(path.join(ROOT, '.lab'), { info: () => {} })).python;
}, 900_000);

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

async function start(role: 'master' | 'worker', more: Record<string, string> = {}): Promise<Role> {
  const env = { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', HOST: '127.0.0.1', PORT: '0', ...more };
  const child = spawn(python, ['-m', `k8s_histogram_eq.${role}`], {
    cwd: SERVICE,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.push(child);
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stderr });
    lines.on('line', (line) => {
      const address = /listening on (\S+),/.exec(line)?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
    lines.on('close', () => reject(new Error(`${role} ended before it listened`)));
  });
  return { child, url, exit };
}

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

test('a worker that is killed under load costs no request; a master that is ended finishes its own', async () => {
  const workers = await Promise.all([start('worker'), start('worker')]);
  const master = await start('master', { WORKERS: workers.map((worker) => worker.url).join(','), REVISION: 'v1' });
  const traffic = startTraffic({ url: master.url, rps: 40, seed: 4, maxSeconds: 20 });
  await seconds(0.7);
  workers[0]?.child.kill('SIGKILL');
  await seconds(0.8);
  const stats = await traffic.stop();
  expect(stats.sent).toBeGreaterThan(40);
  expect(stats.byRevision).toEqual({ v1: { 200: stats.sent } });
  const metrics = await (await fetch(`${master.url}/metrics`)).text();
  expect(Number(/^worker_retries_total (.*)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
  const after = startTraffic({ url: master.url, rps: 40, seed: 5, maxSeconds: 0.3 });
  await seconds(0.1);
  master.child.kill('SIGTERM');
  await after.done;
  expect(await master.exit).toBe(0);
  // What was taken in is answered whole; what came too late finds the port closed, or waited to be taken in when it closed.
  const codes = Object.keys(after.stats().byCode);
  expect(codes.filter((code) => !['200', 'ECONNREFUSED', 'ECONNRESET'].includes(code))).toEqual([]);
});

test('fault switches show up where the traffic is judged', async () => {
  const worker = await start('worker');
  const master = await start('master', {
    WORKERS: worker.url,
    REVISION: 'bad',
    FAULT_ERROR_RATE: '0.5',
    FAULT_SEED: '1',
  });
  const stats = await startTraffic({ url: master.url, rps: 40, seed: 6, maxSeconds: 1 }).done;
  expect(stats.byRevision.bad?.['500']).toBeGreaterThan(8);
  expect(stats.byRevision.bad?.['200']).toBeGreaterThan(8);
  expect(stats.failed).toBe(stats.byCode['500']);
});
