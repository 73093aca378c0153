/** What the demo prints at its end, and the report that it leaves. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DeliveryFacts } from '../report/facts.ts';
import { downtimeText } from '../report/report.ts';
import type { Run } from '../runner/index.ts';
import type { Handoff } from './collect.ts';
import type { DemoOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { CONFIG } from './seed.ts';

export function tellDelivery(
  progress: Progress,
  facts: DeliveryFacts,
  handoffs: readonly Handoff[],
  report: string,
): void {
  progress.title(`Git log of ${CONFIG}`);
  for (const h of handoffs) {
    progress.info(`${h.sha.slice(0, 12)} ${h.subject}`);
    for (const [key, value] of h.trailers.filter(([k]) => /^(Bump-Id|Image-Ref|Bump-Value|Delivery-Id)$/.test(k)))
      progress.info(`               ${key}: ${value}`);
  }
  if (facts.audit.length > 0) progress.title('Audit: from the pod back to the commit');
  for (const { name, status, why } of facts.audit)
    progress.info(`${name.padEnd(12)} ${status.padEnd(11)} ${why}`.trimEnd());
  progress.title('Result');
  const r = facts.requests;
  progress.info(facts.message);
  progress.info(
    `${r.sent} requests, ${r.toCanary} to the new version, ${r.failed} failed (${((100 * r.failed) / Math.max(1, r.sent)).toFixed(2)} %)`,
  );
  progress.info(`downtime of ${facts.strategy}: ${downtimeText(facts.downtime)}`);
  const { drift } = facts;
  if (drift !== undefined) {
    const writes = drift.writes.map(([method, status]) => `${method} ${status}`).join(', ');
    progress.info(
      `Deployment ${drift.deployment}, changed by hand: ${drift.outOfSync ? 'OutOfSync' : 'not noticed'}, as in Git after ${drift.polls} polls (${drift.seconds.toFixed(1)} s); writes to the cluster's API: ${writes}`,
    );
  }
  progress.info(`image ${facts.image.ref}`);
  progress.info(`pods run ${facts.image.running.join(', ')}`);
  for (const timing of facts.timings) progress.info(`${timing.name}: ${timing.seconds.toFixed(1)} s`);
  progress.info(`report ${report}`);
}

/** Writes the page and, beside it, the reports of the stages. @returns its path */
export async function writeReport(
  { root, options }: { root: string; options: DemoOptions },
  page: string,
  run: Run,
): Promise<string> {
  const own = join(root, '.lab/demo');
  // Our own folder shows the last run and nothing older; a folder that somebody named is not ours to clear.
  if (options.report === undefined) await rm(own, { recursive: true, force: true });
  const report = resolve(options.report ?? join(own, 'report.html'));
  const dir = dirname(report);
  await mkdir(dir, { recursive: true });
  for (const artifact of run.artifacts.filter((a) => a.name.startsWith('canary-'))) {
    await rm(join(dir, artifact.name), { recursive: true, force: true });
    await cp(artifact.folder, join(dir, artifact.name), { recursive: true });
  }
  await writeFile(report, page);
  return report;
}
