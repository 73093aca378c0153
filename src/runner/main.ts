/** The frame of every action: signals in, one error annotation and an exit code out. */
import { ActionError, describeError } from './errors.ts';
import type { Env } from './inputs.ts';
import { actionsLog, type Log } from './log.ts';
import { type OutputValue, writeOutputs } from './outputs.ts';
import { appendSummary } from './summary.ts';

export interface Run {
  readonly env: Env;
  readonly log: Log;
  /** Aborted by SIGINT or SIGTERM; its reason is an ActionError E_CANCELLED. */
  readonly signal: AbortSignal;
  outputs(values: Readonly<Record<string, OutputValue>>): void;
  summary(markdown: string): void;
}

/**
 * Runs an action. A throw becomes one error annotation and exit code 1. A program that must be red after it has written
 * its outputs throws at its end.
 * @param action the name users know, prefix of every message
 */
export async function runMain(action: string, program: (run: Run) => Promise<void>): Promise<void> {
  const env = process.env;
  const log = actionsLog(action);
  const controller = new AbortController();
  const stop = (name: string): void =>
    controller.abort(
      new ActionError('E_CANCELLED', {
        what: 'run',
        why: `it was cancelled (${name})`,
        fix: 'Run it again when it should happen',
      }),
    );
  process.once('SIGINT', () => stop('SIGINT'));
  process.once('SIGTERM', () => stop('SIGTERM'));
  // A closed log (EPIPE) must not turn into a crash half-way: the outcome stands in the exit code and the files.
  process.stdout.on('error', () => {});
  try {
    await program({
      env,
      log,
      signal: controller.signal,
      outputs: (values) => writeOutputs(values, env),
      // The runner masks a summary too, but what a writer has escaped is not what it was told to look for.
      summary: (markdown) => appendSummary(log.hide(markdown), env),
    });
  } catch (error) {
    const { code, message, at } = describeError(action, error);
    if (code === 'E_INTERNAL' && error instanceof Error && error.stack !== undefined) log.debug(error.stack);
    log.annotate([{ level: 'error', code, message, ...(at === undefined ? {} : { at }) }]);
    process.exitCode = 1;
  }
}
