/** The forge port over REST, as the checks API of GitHub is: one check run a job, made when it starts, updated when it ends. */
import type { CheckRun, ForgePort } from './types.ts';

/** GitHub takes at most 50 annotations a request and wants a place for each. */
const MAX_ANNOTATIONS = 50;
const MAX_SUMMARY = 65_535;
const LEVELS = { error: 'failure', warning: 'warning', notice: 'notice' } as const;

/**
 * @param o.repo `owner/name` of the run
 * @param o.mintToken tokens for that repository; one with `checks: write` is minted for the check runs
 */
export function restForge(o: {
  serverUrl: string;
  apiUrl: string;
  graphqlUrl: string;
  repo: string;
  mintToken: ForgePort['mintToken'];
}): ForgePort {
  const ids = new Map<string, number>();
  let token: Promise<string> | undefined;
  const send = async (method: string, path: string, body: unknown): Promise<unknown> => {
    token ??= o.mintToken({ metadata: 'read', checks: 'write' });
    const response = await fetch(`${o.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${await token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status}: ${text.slice(0, 300)}`);
    return JSON.parse(text);
  };
  return {
    serverUrl: o.serverUrl,
    apiUrl: o.apiUrl,
    graphqlUrl: o.graphqlUrl,
    mintToken: o.mintToken,
    async checkRun(check) {
      const key = `${check.headSha} ${check.name}`;
      const id = ids.get(key);
      if (id !== undefined) {
        await send('PATCH', `/repos/${o.repo}/check-runs/${id}`, body(check));
        return;
      }
      const made = await send('POST', `/repos/${o.repo}/check-runs`, { ...body(check), head_sha: check.headSha });
      const { id: newId } = made as { id?: unknown };
      if (typeof newId !== 'number') throw new Error('the forge made a check run without an id');
      ids.set(key, newId);
    },
  };
}

function body(check: CheckRun): Record<string, unknown> {
  const done = check.status === 'completed';
  return {
    name: check.name,
    status: check.status,
    started_at: check.startedAt,
    ...(done && { conclusion: check.conclusion, completed_at: check.completedAt }),
    ...(done && {
      output: {
        title: check.name,
        summary: (check.summary ?? '').slice(0, MAX_SUMMARY),
        annotations: (check.annotations ?? []).slice(0, MAX_ANNOTATIONS).map((a) => ({
          path: a.file ?? '.github',
          start_line: a.line ?? 1,
          end_line: a.endLine ?? a.line ?? 1,
          annotation_level: LEVELS[a.level],
          message: a.message === '' ? '-' : a.message,
          ...(a.title !== undefined && { title: a.title }),
        })),
      },
    }),
  };
}
