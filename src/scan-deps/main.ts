import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ActionError, Deadline, runMain, systemClock, systemExec } from '../runner/index.ts';
import { type BaseWanted, openBase } from './base/open.ts';
import { openWorkspace } from './discover/workspace.ts';
import { parseScanInputs } from './inputs.ts';
import { openSource } from './osv/open.ts';
import { annotations } from './report/annotate.ts';
import { outputsOf, outputsOfFault } from './report/outputs.ts';
import { summaryOf } from './report/summary.ts';
import { countOf, resultLine } from './report/words.ts';
import { openReportFolder, writeReports } from './report/write.ts';
import { run } from './run.ts';
import type { Report } from './types.ts';

await runMain('scan-deps', async ({ env, log, signal, outputs, summary }) => {
  // A later value of an output wins: whatever ends this run from here on, it ends with outputs.
  outputs(outputsOfFault());
  const inputs = parseScanInputs(env);
  const folder = openReportFolder(resolve(inputs.workspace, inputs.reportDir));
  const workspace = openWorkspace(inputs.workspace, systemExec, env);
  using deadline = new Deadline(inputs.timeout, systemClock, signal);
  // Git runs in a folder that holds nothing of anybody's.
  const temp = env.RUNNER_TEMP || tmpdir();
  mkdirSync(temp, { recursive: true });
  // Without a cache of the runner the indexes serve the later steps of the job.
  const cache = env.RUNNER_TOOL_CACHE || join(temp, 'scan-deps-cache');
  const { source, close } = await openSource(inputs, { root: workspace.root, temp, cache }, deadline);
  const home = mkdtempSync(join(temp, 'scan-deps-git-'));
  try {
    const base = { exec: systemExec, env, root: workspace.root, home, deadline };
    const ports = {
      workspace,
      source,
      base: (wanted: BaseWanted) => openBase(wanted, base),
      now: systemClock.now(),
      log,
    };
    const { report, deps, commit } = await run(inputs, ports);
    const subject = {
      name: env.GITHUB_REPOSITORY || basename(workspace.root),
      ...(commit === undefined ? {} : { revision: commit.oid, committedAt: Date.parse(commit.time) / 1000 }),
    };
    outputs(outputsOf(report, writeReports(folder, report, { deps, subject })));
    summary(summaryOf(report));
    log.annotate(annotations(report, inputs.onError));
    log.notice(resultLine(report));
    if (report.result === 'failed') throw redError(report);
  } finally {
    await close();
    rmSync(home, { recursive: true, force: true });
  }
});

function redError(report: Report): ActionError {
  const blocking = countOf(report, 'block');
  const first = report.problems[0];
  if (blocking === 0 && first !== undefined) {
    const why = `${first.message}${report.problems.length > 1 ? `; ${report.problems.length - 1} more problems` : ''}`;
    const fix = 'An incomplete scan says nothing about what it did not see: mend the cause and run it again';
    return new ActionError(first.code, { what: 'the scan is incomplete', why, fix });
  }
  return new ActionError('E_FINDINGS', {
    what: 'dependencies',
    why: `${blocking} finding${blocking === 1 ? ' blocks' : 's block'}${report.complete ? '' : ', and the scan is incomplete'}`,
    fix: 'Raise the versions named above, or record an accepted risk with reason and expiry in the ignore file',
  });
}
