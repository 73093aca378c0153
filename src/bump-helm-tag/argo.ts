/** After the handoff: has Argo CD look at Git now, and waits until the Applications run our commit. Never a sync. */
import {
  type ApplicationName,
  type ApplicationState,
  type ArgoCd,
  describeApplication,
  formatApplicationName,
  openArgoCd,
} from '../argocd/index.ts';
import type { Http } from '../http/index.ts';
import { ActionError, type Clock, Deadline, type Log } from '../runner/index.ts';
import { judgeApplication } from './argo-judge.ts';
import type { Relation } from './config-repository.ts';

export interface ArgoWish {
  server: URL;
  /** Needs `applications, get` alone. */
  token: string;
  applications: readonly ApplicationName[];
  wait: boolean;
}

export interface ArgoPorts {
  http: Http;
  clock: Clock;
  random: () => number;
  deadline: Deadline;
  log: Log;
}

/** How two commits of the config repository stand to each other: `ahead` when head is a descendant of base. */
export type AskRelation = (base: string, head: string, signal: AbortSignal) => Promise<Relation>;

export interface ApplicationResult {
  /** As the user may write it: `name`, `namespace/name`, `project/namespace/name`. */
  application: string;
  /** `arrived` and `suspended` only after a wait. */
  state: 'refreshed' | 'arrived' | 'suspended' | 'failed';
  /** The last that was seen, for people; '' when nothing was. */
  seen: string;
  note: string;
  /** Why it failed. Red when the wait was asked for; a warning has been printed otherwise. */
  error: ActionError | undefined;
}

const POLL_SECONDS = 2;
const AT_ONCE = 8;
/** How long a refresh may hold the job up. */
const REFRESH_SECONDS = 30;
const MAX_ASKED = 3;

/**
 * Refreshes each Application with one GET and, when asked to, waits for it. The handoff is on the branch already: what goes
 * wrong here is told in the results, so that the run can report its commit first.
 * @param commit the handoff commit
 * @throws ActionError only when the run is cancelled
 */
export async function refreshApplications(
  wish: ArgoWish,
  commit: string,
  relation: AskRelation,
  ports: ArgoPorts,
): Promise<ApplicationResult[]> {
  const argo = openArgoCd(wish.server, wish.token, ports);
  const contains = rememberRelation(commit, relation, ports);
  const queue = wish.applications.map((name, i) => ({ name, i }));
  const results: ApplicationResult[] = [];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next.i] = await follow(argo, next.name, wish.wait, commit, contains, ports);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (!wish.wait) {
    for (const { error } of results)
      if (error !== undefined) ports.log.warning('W_ARGOCD_REFRESH', `${error.message} [${error.code}]`);
  }
  return results;
}

/** What ends a run that was to wait: the first failure, with the names of the others. Undefined when all is well. */
export function argoFailure(results: readonly ApplicationResult[]): ActionError | undefined {
  const failed = results.filter((result) => result.error !== undefined);
  const first = failed[0]?.error;
  if (first === undefined || failed.length === 1) return first;
  const others = failed.slice(1).map((result) => result.application);
  return new ActionError(first.code, { ...first.facts, why: `${first.facts.why}; failed too: ${others.join(', ')}` });
}

type Contains = (revisions: readonly string[], signal: AbortSignal) => Promise<boolean>;

/** Whether one of the revisions is our commit or comes after it. What is known once is not asked again. */
function rememberRelation(commit: string, relation: AskRelation, ports: ArgoPorts): Contains {
  const known = new Map<string, Promise<boolean>>();
  const unknown = new Map<string, number>();
  const ask = async (revision: string, signal: AbortSignal): Promise<boolean> => {
    try {
      const answer = await relation(commit, revision, signal);
      const times = (unknown.get(revision) ?? 0) + 1;
      unknown.set(revision, times);
      // A host may take a moment to know a new commit. One of another repository (Applications of several sources) it never
      // knows: ask a few times, then no more.
      if (/unknown$/.test(answer) && times < MAX_ASKED) known.delete(revision);
      return answer === 'ahead' || answer === 'identical';
    } catch (error) {
      known.delete(revision);
      if (signal.aborted) throw signal.reason;
      ports.log.info(`whether ${revision.slice(0, 7)} holds our commit is unknown: ${(error as Error).message}`);
      return false;
    }
  };
  return async (revisions, signal) => {
    if (revisions.includes(commit)) return true;
    // A chart has a version in place of a commit.
    for (const revision of revisions.filter((text) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text))) {
      const answer = known.get(revision) ?? ask(revision, signal);
      known.set(revision, answer);
      if (await answer) return true;
    }
    return false;
  };
}

async function follow(
  argo: ArgoCd,
  name: ApplicationName,
  wait: boolean,
  commit: string,
  contains: Contains,
  ports: ArgoPorts,
): Promise<ApplicationResult> {
  const application = formatApplicationName(name);
  let seen = '';
  const look: Look = async (again, deadline) => {
    const answer = await argo.application(name, { refresh: again }, deadline);
    if (answer.kind === 'unavailable') {
      ports.log.info(`${application}: ${answer.why}`);
      seen ||= answer.why;
      return undefined;
    }
    const now = describeApplication(answer.state);
    if (now !== seen) ports.log.info(`${application}: ${now}`);
    seen = now;
    return answer.state;
  };
  const result = (over: Partial<ApplicationResult>): ApplicationResult => ({
    application,
    state: 'refreshed',
    seen,
    note: '',
    error: undefined,
    ...over,
  });
  const failed = (code: 'E_ARGOCD_FAILED' | 'E_ARGOCD_TIMEOUT' | 'E_ARGOCD_UNREADABLE', why: string, fix: string) =>
    result({
      state: 'failed',
      error: new ActionError(code, { what: `application ${application}`, why: `${why}; ${onBranch(commit)}`, fix }),
    });

  try {
    let state = await refresh(look, ports);
    if (!wait) {
      if (state !== undefined) return result({});
      const why = `it could not be refreshed: ${seen || `no answer in ${REFRESH_SECONDS} s`}`;
      return failed('E_ARGOCD_UNREADABLE', why, 'Argo CD will find the commit by itself');
    }
    for (;;) {
      if (state !== undefined) {
        const { signal } = ports.deadline;
        const verdict = judgeApplication(state, {
          synced: await contains(state.revisions, signal),
          operated: await contains(state.operation?.revisions ?? [], signal),
        });
        if (verdict.kind === 'arrived' || verdict.kind === 'suspended')
          return result({ state: verdict.kind, note: verdict.note });
        if (verdict.kind === 'failed')
          return failed(
            'E_ARGOCD_FAILED',
            verdict.why,
            'Look at it in Argo CD; roll back or hand off a version that works',
          );
      }
      const pause = POLL_SECONDS * (0.75 + ports.random() / 2);
      ports.deadline.check('wait for Argo CD');
      if (pause >= ports.deadline.remaining()) break;
      await ports.clock.sleep(pause, ports.deadline.signal);
      state = await look(false, ports.deadline);
    }
  } catch (error) {
    if (!(error instanceof ActionError) || error.code === 'E_CANCELLED') throw error;
    if (error.code !== 'E_TIMEOUT') {
      const { facts } = error;
      return result({
        state: 'failed',
        error: new ActionError(error.code, { ...facts, why: `${facts.why}; ${onBranch(commit)}`, cause: error }),
      });
    }
  }
  return failed(
    'E_ARGOCD_TIMEOUT',
    `it was not there in time; last seen: ${seen || 'nothing'}`,
    'Raise deadline, or look at it in Argo CD: without automated sync somebody must sync it',
  );
}

type Look = (refresh: boolean, deadline: Deadline) => Promise<ApplicationState | undefined>;

/** Argo CD holds the answer back until it has compared again. Whether that is done shows in later answers too. */
async function refresh(look: Look, ports: ArgoPorts): Promise<ApplicationState | undefined> {
  const seconds = Math.min(REFRESH_SECONDS, ports.deadline.remaining());
  using brief = new Deadline(seconds, ports.clock, ports.deadline.signal);
  try {
    return await look(true, brief);
  } catch (error) {
    if (!(error instanceof ActionError) || error.code !== 'E_TIMEOUT') throw error;
    return undefined;
  }
}

function onBranch(commit: string): string {
  return `the handoff itself is on the branch (${commit.slice(0, 12)})`;
}
