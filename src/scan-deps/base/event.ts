/** What the run's event says about commits. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Env } from '../../runner/index.ts';

export interface EventFacts {
  name: string;
  /** GITHUB_SHA: what the run is about. */
  sha: string;
  pullBase?: string;
  pullHead?: string;
  groupBase?: string;
  /** Where the branch stood before a push; all zeros for a new one. */
  before?: string;
  /** The push threw commits away. */
  forced: boolean;
}

const sha = z
  .string()
  .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/)
  .optional()
  .catch(undefined);
const commit = z.object({ sha }).optional().catch(undefined);
// Every key by itself: a payload of another shape says less, and never ends the run.
const payload = z
  .object({
    pull_request: z.object({ base: commit, head: commit }).optional().catch(undefined),
    merge_group: z.object({ base_sha: sha }).optional().catch(undefined),
    before: sha,
    forced: z.boolean().optional().catch(undefined),
  })
  .catch({});

export function readEvent(env: Env): EventFacts {
  return eventFacts(env.GITHUB_EVENT_NAME ?? '', env.GITHUB_SHA ?? '', payloadOf(env.GITHUB_EVENT_PATH));
}

/** @param json the payload as the forge sent it */
export function eventFacts(name: string, runSha: string, json: unknown): EventFacts {
  const { pull_request: pull, merge_group: group, before, forced } = payload.parse(json);
  return {
    name,
    sha: runSha,
    ...(pull?.base?.sha === undefined ? {} : { pullBase: pull.base.sha }),
    ...(pull?.head?.sha === undefined ? {} : { pullHead: pull.head.sha }),
    ...(group?.base_sha === undefined ? {} : { groupBase: group.base_sha }),
    ...(before === undefined ? {} : { before }),
    forced: forced === true,
  };
}

function payloadOf(path: string | undefined): unknown {
  if (path === undefined || path === '') return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return {};
  }
}
