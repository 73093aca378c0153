/** Failures of the engine in the words of the suite. */
import { ActionError, type ErrorCode, type ExecResult, type Place } from '../runner/index.ts';
import { oneLine } from '../text/index.ts';
import type { FailureClass } from './engines/classify.ts';
import type { EngineFailure } from './engines/port.ts';
import type { Plan } from './plan.ts';

/** The registry refuses to replace the tag that the engine pushes to: what is there may be what this run wants. */
export class StageTaken extends Error {
  override readonly name = 'StageTaken';
  readonly error: ActionError;

  constructor(error: ActionError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

const CODES: Readonly<Record<FailureClass, ErrorCode>> = {
  transient: 'E_ENGINE_TRANSIENT',
  auth: 'E_AUTH',
  'tag-exists': 'E_TAG_CONFLICT',
  disk: 'E_DISK_FULL',
  killed: 'E_ENGINE_KILLED',
  build: 'E_BUILD',
};
const FIXES: Readonly<Record<FailureClass, string>> = {
  transient: 'Run again when the registry is well',
  auth: 'Check the login and its rights for every registry that the build uses',
  'tag-exists': 'Allow the tags src-* to be replaced in this registry',
  disk: 'Free disk space on the runner, or use a larger one',
  killed: 'Look for a lack of memory on the runner, or a kill from outside',
  build: 'Correct the instruction; the log of the build has the whole story',
};

export function engineError(
  engine: string,
  kind: FailureClass,
  failure: EngineFailure,
  attempts: number,
  at: Place | undefined,
): ActionError {
  const { code, signal } = failure.result;
  const end = code === null ? `ended by ${signal}` : `exit code ${code}${code === 137 ? ' (out of memory?)' : ''}`;
  const said = lastLines(failure.result);
  const times = kind === 'transient' ? ` after ${attempts} runs` : '';
  // No instruction is to blame for a push that a registry refuses.
  const refused = kind === 'build' && failure.step === 'push';
  return new ActionError(refused ? 'E_REGISTRY' : CODES[kind], {
    what: at?.line === undefined ? `${engine}, ${failure.step}` : `${at.file} line ${at.line}`,
    why: `${end}${times}${said === '' ? ', without a word' : `: ${said}`}`,
    fix: refused ? 'Check that this registry takes pushes to this repository' : FIXES[kind],
    cause: failure,
    ...(at === undefined ? {} : { at }),
  });
}

/** A full disk under our own files is the same fault as one under the engine's; any other error passes. */
export function diskFull(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const why = oneLine(String(message), 300);
  return new ActionError('E_DISK_FULL', { what: 'the private directory', why, fix: FIXES.disk, cause: error });
}

function lastLines({ stderrTail, stdoutTail }: ExecResult): string {
  const source = stderrTail.trim() === '' ? stdoutTail : stderrTail;
  return oneLine(source.trim().split(/\r?\n/).slice(-3).join(' | '), 600);
}

/** Line of the instruction that the engine says has failed: buildah's `STEP "…"`, BuildKit's `Dockerfile:12`. */
export function failedInstruction(result: ExecResult, plan: Plan): Place | undefined {
  const file = plan.files.dockerfile;
  const text = `${result.stdoutTail}\n${result.stderrTail}`;
  const buildKit = /^Dockerfile:(\d+)$/m.exec(text)?.[1];
  if (buildKit !== undefined) return { file, line: Number(buildKit) };
  const step = /(?:building|build) at STEP "(.+?)":/.exec(text)?.[1] ?? /^Step \d+\/\d+ : (.+)$/m.exec(text)?.[1];
  if (step === undefined) return undefined;
  const flat = (s: string): string =>
    s
      .replace(/\\\r?\n/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
  const wanted = flat(step.replace(/\\"/g, '"'));
  const found = plan.dockerfile.instructions.find((i) => flat(i.text) === wanted);
  return found === undefined ? undefined : { file, line: found.line };
}
