/** What a push came to, read from its porcelain line (git-push(1), OUTPUT). Pure. */
import { oneLine } from '../text/index.ts';

export type PushResult =
  | { kind: 'committed' }
  | { kind: 'conflict'; detail: string }
  | { kind: 'protected'; detail: string }
  | { kind: 'permission'; detail: string }
  | { kind: 'redirect'; detail: string }
  | { kind: 'unknown'; detail: string };

/**
 * @param ref the remote ref that was pushed
 * @param code exit code, null when a signal ended git
 */
export function classifyPush(ref: string, code: number | null, porcelain: string, stderr: string): PushResult {
  const line = porcelain.split('\n').find((l) => /^[ +\-*=!]\t/.test(l) && l.split('\t')[1]?.endsWith(`:${ref}`));
  const detail = oneLine(
    `${line?.split('\t').slice(2).join(' ') ?? ''} ${stderr}`.trim() || `git ended with ${code}`,
    500,
  );
  if (line !== undefined && ' *=+'.includes(line[0] ?? '!') && code === 0) return { kind: 'committed' };
  if (line?.startsWith('!')) {
    if (/protected branch|GH006|GH013|hook declined|not allowed to push/i.test(`${line} ${stderr}`))
      return { kind: 'protected', detail };
    if (
      /stale info|fetch first|non-fast-forward|cannot lock ref|incorrect old value|failed to update ref|is at .* but expected|remote ref updated since checkout/i.test(
        `${line} ${stderr}`,
      )
    ) {
      return { kind: 'conflict', detail };
    }
    return { kind: 'unknown', detail };
  }
  return classifyAccess(stderr) ?? { kind: 'unknown', detail };
}

/** Errors of access, which fetch and push share; undefined when it is none. */
export function classifyAccess(stderr: string): Extract<PushResult, { kind: 'permission' | 'redirect' }> | undefined {
  const detail = oneLine(stderr, 500);
  if (/unable to update url base from redirection|redirect|returned error: 30[12378]/i.test(stderr))
    return { kind: 'redirect', detail };
  if (
    /Authentication failed|could not read Username|returned error: 40[134]|[Rr]epository (?:'[^']*' )?not found|Permission denied|terminal prompts disabled/.test(
      stderr,
    )
  ) {
    return { kind: 'permission', detail };
  }
  return undefined;
}
