/** Online: 500 packages of which 20 are vulnerable, against a server that takes 50 ms an answer. */
import { startOsv } from '../../lab/osv/server.ts';
import type { Bench } from '../lib/bench.ts';
import { spread } from '../lib/measure.ts';
import { npmLock, scan, world } from './_world.ts';

const PACKAGES = 500;
const VULNERABLE = 20;
const LATENCY_MS = 50;

export const run: Bench = async (args) => {
  const runs = Number(args.find((a) => a.startsWith('--runs='))?.slice(7) ?? 9);
  const packages = Array.from({ length: PACKAGES }, (_, i) => [`package-${i}`, '1.0.0'] as const);
  const advisories = packages.slice(0, VULNERABLE).map(([name], i) => ({
    id: `GHSA-${i}`,
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
    affected: [
      {
        package: { ecosystem: 'npm', name },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }],
      },
    ],
  }));
  await using server = await startOsv({ advisories });
  server.fault({ delayMs: LATENCY_MS });
  using work = world({ 'package-lock.json': npmLock(packages) });
  const seconds: number[] = [];
  let requests = 0;
  for (let n = 0; n <= runs; n += 1) {
    const before = server.requests().length;
    const result = await scan(work.root, { 'osv-url': server.url });
    requests = server.requests().length - before;
    if (n > 0) seconds.push(result.seconds);
  }
  const { median, least, most } = spread(seconds);
  return {
    about: `${PACKAGES} packages, ${VULNERABLE} of them vulnerable, ${LATENCY_MS} ms an answer; whole processes, median of ${runs} (least - most).`,
    columns: ['requests', 'at once, most', 's'],
    rows: [
      [String(requests), String(server.peak()), `${median.toFixed(2)} (${least.toFixed(2)} - ${most.toFixed(2)})`],
    ],
    facts: { seconds, requests, peak: server.peak() },
    limits: [
      { name: 'requests', measured: requests, most: 2 + VULNERABLE, unit: 'requests' },
      { name: 'at once', measured: server.peak(), most: 16, unit: 'requests' },
      { name: 'time', measured: Number(median.toFixed(2)), most: 1.5, unit: 's' },
    ],
    notes: ['pip-audit asks once a package, osv-scanner once an advisory: both would need more answers of 50 ms each.'],
  };
};
