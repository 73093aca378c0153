/** What a push came to, read from its porcelain line (git-push(1), OUTPUT), and what a server said about access. Pure. */
import { oneLine } from '../text/index.ts';

/** Refusals of access, which fetch and push share. */
export interface Access {
  kind: 'permission' | 'not-found' | 'redirect' | 'host-key';
  detail: string;
}

export type PushResult =
  | { kind: 'committed' }
  | { kind: 'conflict'; detail: string }
  | { kind: 'protected'; detail: string }
  | { kind: 'unknown'; detail: string }
  | { kind: 'access'; access: Access };

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
  const access = classifyAccess(stderr);
  return access === undefined ? { kind: 'unknown', detail } : { kind: 'access', access };
}

const ACCESS: readonly [Access['kind'], RegExp][] = [
  ['redirect', /unable to update url base from redirection|redirect|returned error: 30[12378]/i],
  ['host-key', /host key verification failed|no \S+ host key is known|remote host identification has changed/i],
  [
    'not-found',
    /returned error: 404|repository (?:'[^']*' )?not found|does not appear to be a git repository|could not be found or you don't have permission/i,
  ],
  [
    'permission',
    /authentication failed|could not read username|returned error: 40[13]|permission denied|permission to \S+ denied|marked as read.only|not allowed to push|terminal prompts disabled/i,
  ],
];

/** Undefined when access is not what failed. */
export function classifyAccess(stderr: string): Access | undefined {
  const kind = ACCESS.find(([, pattern]) => pattern.test(stderr))?.[0];
  return kind === undefined ? undefined : { kind, detail: oneLine(stderr, 500) };
}
