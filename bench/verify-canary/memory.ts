/** Peak memory of the action: a long replay, and 50 targets of each version with pages of 2 MB. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bench } from '../lib/bench.ts';
import { place, rules } from './_action.ts';
import { metricsPage } from './_page.ts';
import { ENDLESS, healthyTrace } from './_trace.ts';

const INTERVALS = 10_000;
const TARGETS = 50;
const PAGE_BYTES = 2_000_000;
const MOST_MB = 150;

export const run: Bench = async () => {
  using folder = place({ '.canary.yaml': rules(ENDLESS), 'trace.jsonl': healthyTrace(INTERVALS) });
  const replay = await folder.act({ replay: 'trace.jsonl' });
  const scrape = await scrapePages(folder);
  const idle = await folder.act({ replay: 'no-such-file' });
  const mb = (bytes: number): number => Math.round(bytes / 1e6);
  return {
    about: `Peak resident memory of the process. Targets: ${TARGETS} of each version, a page of ${PAGE_BYTES / 1e6} MB each, three readings.`,
    columns: ['run', 'peak MB', 'processor s', 'wall s'],
    rows: [
      ['a run that ends at its inputs', String(mb(idle.peak)), idle.cpu.toFixed(2), idle.seconds.toFixed(1)],
      [`replay of ${INTERVALS} intervals`, String(mb(replay.peak)), replay.cpu.toFixed(2), replay.seconds.toFixed(1)],
      [
        `${2 * TARGETS} targets, ${scrape.pages} pages read`,
        String(mb(scrape.peak)),
        scrape.cpu.toFixed(2),
        scrape.seconds.toFixed(1),
      ],
    ],
    facts: { idle, replay: { ...replay, output: '' }, scrape: { ...scrape, output: '' } },
    limits: [
      { name: 'peak memory of the replay', measured: mb(replay.peak), most: MOST_MB, unit: 'MB' },
      { name: 'peak memory with the targets', measured: mb(scrape.peak), most: MOST_MB, unit: 'MB' },
    ],
    notes: ['The pages are served by another process on the same machine.'],
  };
};

async function scrapePages(folder: ReturnType<typeof place>) {
  const page = Buffer.from(metricsPage(PAGE_BYTES));
  let pages = 0;
  const server = createServer((_, response) => {
    pages += 1;
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(page);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const targets = (arm: string): string =>
    Array.from({ length: TARGETS }, (_, i) => `http://127.0.0.1:${port}/${arm}/${i}/metrics`).join('\n');
  folder.write('.canary.yaml', rules('{weight: 20, min: 1s, max: 15s}', ['interval: 10s', 'warmup: 0s', 'settle: 0s']));
  try {
    const ran = await folder.act({
      'expected-weight': '20',
      'stable-targets': targets('stable'),
      'canary-targets': targets('canary'),
    });
    if (pages < 6 * TARGETS) throw new Error(`it read ${pages} pages: ${ran.output.slice(-1000)}`);
    return { ...ran, pages };
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}
