import { dirname, resolve } from 'node:path';
import { openHttp } from '../http/index.ts';
import { ActionError, type Run, runMain, systemClock } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { Verdict } from './core/index.ts';
import { type Inputs, parseCanaryInputs } from './inputs.ts';
import { settleMode } from './mode.ts';
import { buildResult, cannotWrite, preparePaths, type Result, writeFiles } from './output.ts';
import { fixed } from './report/numbers.ts';
import { run } from './run.ts';
import type { Session } from './session.ts';
import { findRules } from './zero-config.ts';

await runMain('verify-canary', async (frame) => {
  const given = parseCanaryInputs(frame.env);
  for (const secret of given.secrets) frame.log.mask(secret);
  const workspace = frame.env.GITHUB_WORKSPACE || process.cwd();
  const temp = frame.env.RUNNER_TEMP || workspace;
  const paths = preparePaths(
    given.reportDir === '' ? resolve(temp, 'verify-canary') : resolve(workspace, given.reportDir),
  );
  const ports = { clock: systemClock, openHttp, log: frame.log, signal: frame.signal };
  const found = await findRules(given, workspace, dirname(paths.trace), ports);
  for (const text of found.config.warnings) frame.log.warning('W_CONFIG', text, { file: given.configFile });
  const { inputs, config } = settleMode(found.inputs, found.config);

  let session: Session | undefined;
  let broken: unknown;
  try {
    const onSession = (opened: Session): void => {
      session = opened;
    };
    await run({ inputs, config, workspace, tracePath: paths.trace, onSession }, ports);
  } catch (error) {
    broken = error;
  }
  // The trace could not even be opened: there is nothing to tell but that.
  if (session === undefined) throw isFileError(broken) ? cannotWrite(broken) : broken;
  const verdict = session.verdict();
  // What broke the run is no verdict about the canary: never a pass.
  const told: Verdict =
    broken === undefined ? verdict : { ...verdict, verdict: 'hold', reason: 'trace-ended', culprits: [] };
  const result = buildResult(config, session, paths, told, inputs.source.kind === 'replay' ? null : inputs);
  frame.outputs(result.outputs);
  let unwritten: unknown;
  try {
    writeFiles(paths, result);
  } catch (error) {
    unwritten = error;
  }
  frame.summary(result.summary);
  await tell(frame, result);
  if (broken !== undefined) throw isFileError(broken) ? cannotWrite(broken) : broken;
  if (unwritten !== undefined) throw unwritten;
  end(frame, inputs, result);
});

async function tell(frame: Run, result: Result): Promise<void> {
  await frame.log.group('result', async () => {
    const { verdict } = result;
    for (const m of verdict.metrics) {
      const margin = m.pass.margin === null ? '' : `, pass ${m.pass.state} (margin ${m.pass.margin})`;
      frame.log.info(
        `${m.name}: ${m.canary.e}/${m.canary.n} against ${m.stable.e}/${m.stable.n}, evidence ${fixed(m.logE, 2)}${margin}`,
      );
    }
    frame.log.info(`trace ${result.outputs['trace-digest']}`);
  });
  frame.log.annotate(result.annotations);
}

/** Green for pass and superseded, and for everything under observe. */
function end(frame: Run, inputs: Inputs, result: Result): void {
  const { verdict } = result.verdict;
  const text = oneLine(result.message);
  const green = verdict === 'pass' || verdict === 'superseded';
  if (green || inputs.observe) {
    frame.log.notice(green ? text : `${text} (observe: the step stays green)`);
    return;
  }
  throw new ActionError('E_VERDICT', {
    what: `${verdict} (${result.verdict.reason})`,
    why: text,
    fix:
      verdict === 'fail'
        ? 'Take the version back; the report shows when it began'
        : 'See the report, then run this step again',
  });
}

function isFileError(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EISDIR', 'ENOTDIR'].includes(
    (error as NodeJS.ErrnoException | undefined)?.code ?? '',
  );
}
