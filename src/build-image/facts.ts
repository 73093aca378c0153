/** What a run knows before it looks at any source: event, commit, and how far it may push. */
import { readFile } from 'node:fs/promises';
import { ActionError } from '../runner/index.ts';
import { parseJson } from '../text/index.ts';
import type { ResolvedBase } from './bases.ts';
import type { Relation } from './decide.ts';
import { type EventFacts, readEvent } from './event.ts';
import type { BuildInputs } from './inputs.ts';
import type { InspectedImage } from './inspect.ts';
import type { Ports } from './ports.ts';
import { commitTime, headRevision } from './revision.ts';
import type { SourceKey } from './source-key.ts';
import type { PlannedTag } from './tags.ts';

export interface RunFacts {
  event: EventFacts;
  /** How far this run pushes: not at all, to the staging tag alone, or to the final tags. */
  push: 'none' | 'stage' | 'full';
}

/** What every mode knows when it publishes. */
export interface Planned extends RunFacts {
  revision: string | undefined;
  tags: readonly PlannedTag[];
  key: SourceKey;
  bases: readonly ResolvedBase[];
  /** How an image found under one of our tags relates to this run. */
  relate(image: InspectedImage | undefined): Relation;
}

/** @throws ActionError E_PUSH_EVENT */
export async function runFacts(inputs: BuildInputs, { env }: Ports): Promise<RunFacts> {
  const event = readEvent(env, await eventPayload(env.GITHUB_EVENT_PATH));
  if (event.name === 'pull_request_target' && (inputs.push === 'true' || inputs.push === 'stage')) {
    throw new ActionError('E_PUSH_EVENT', {
      what: 'input push',
      why: 'pull_request_target runs with secrets on code of strangers, which must not become an image',
      fix: 'Use the event pull_request, or push after the merge',
    });
  }
  if (inputs.push === 'stage') return { event, push: 'stage' };
  const full = inputs.push === 'true' || (inputs.push === 'auto' && event.tier === 'trusted');
  return { event, push: full ? 'full' : 'none' };
}

async function eventPayload(path: string | undefined): Promise<unknown> {
  return path === undefined || path === '' ? undefined : parseJson(await readFile(path, 'utf8').catch(() => ''));
}

/** HEAD of the checkout that holds the folder, else the commit of the event. */
export async function findRevision(folder: string, { env, log }: Ports): Promise<string | undefined> {
  const head = await headRevision(folder);
  const said = env.GITHUB_SHA || undefined;
  if (head !== undefined && said !== undefined && head !== said) {
    log.warning('W_REVISION_MISMATCH', `the checkout is at ${head}, the event says ${said}; the checkout counts`);
  }
  return head ?? said;
}

/** Unix seconds; of the event when it speaks of this commit, else asked of git. */
export async function timeOfCommit(
  event: EventFacts,
  revision: string | undefined,
  folder: string,
  { exec }: Ports,
): Promise<number | undefined> {
  if (revision === undefined) return undefined;
  return event.commit?.id === revision ? event.commit.time : commitTime(exec, folder, revision);
}

/** The tag under which the image of a source waits. */
export function stagingTag(event: EventFacts, key: string): string {
  return event.tier === 'pr' ? `srcpr-${key}` : `src-${key}`;
}
