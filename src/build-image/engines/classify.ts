/** Why an engine failed, from its exit and the last lines it wrote. */
import type { ExecResult } from '../../runner/index.ts';
import type { EngineFailure } from './port.ts';

export type FailureClass = 'transient' | 'auth' | 'tag-exists' | 'disk' | 'killed' | 'build';

const TRANSIENT =
  /\b(408|429|5\d\d)\b|connection reset|reset by peer|timeout|timed out|\bEOF\b|TLS handshake|refused|closed|broken pipe|toomanyrequests/i;
const AUTH = /unauthorized|authentication required|access denied|\b401\b|\b403\b|denied:/i;
const EXISTS = /immutable|tag.{0,40}already exists|cannot be overwritten/i;
const DISK = /no space left on device|disk quota exceeded/i;

/**
 * @param hosts our registries and those of the bases: only an error line of a build that names one can be a registry's
 * fault, the words of a RUN step alone never are
 * @param step a push runs nothing of the Dockerfile, and the daemon of docker names no host in its complaints
 */
export function classifyEngine(
  result: ExecResult,
  hosts: readonly string[],
  step: EngineFailure['step'],
): FailureClass {
  if (result.code === null || result.code === 137 || result.code === 143) return 'killed';
  const lines = `${result.stdoutTail}\n${result.stderrTail}`.split(/\r?\n/).slice(-40);
  if (lines.some((line) => DISK.test(line))) return 'disk';
  const named = lines.filter(
    (line) => /error|failed|denied|unauthorized/i.test(line) && hosts.some((h) => line.includes(h)),
  );
  // Progress goes to the other stream.
  const ours = step === 'push' ? [...named, ...result.stderrTail.split(/\r?\n/).slice(-40)] : named;
  if (ours.some((line) => EXISTS.test(line))) return 'tag-exists';
  if (ours.some((line) => TRANSIENT.test(line))) return 'transient';
  if (ours.some((line) => AUTH.test(line))) return 'auth';
  return 'build';
}
