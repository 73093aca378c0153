/** Rulesets: which rules stand over a ref, and what a change breaks. The words are GitHub's. */
import { NO_OID } from './git.ts';
import type { Pull, Repo } from './store.ts';
import { type Caller, isToken } from './tokens.ts';

export interface Rule {
  type: string;
  parameters?: Record<string, unknown>;
}

export interface Ruleset {
  id: number;
  name: string;
  target: string;
  enforcement: string;
  conditions?: { ref_name?: { include?: string[]; exclude?: string[] } };
  rules: Rule[];
  bypass_actors?: { actor_id?: number | null; actor_type: string; bypass_mode?: string }[];
}

export interface RefChange {
  ref: string;
  /** All zeros: the ref is new. */
  before: string;
  /** All zeros: the ref goes away. */
  after: string;
}

/** Rule types that are enforced; a ruleset with another one is refused, so that no rule is believed in that does nothing. */
export const ENFORCED = [
  'creation',
  'update',
  'deletion',
  'non_fast_forward',
  'pull_request',
  'required_status_checks',
] as const;

/** The active rules over a ref, without those that the caller may bypass. */
export function rulesFor(repo: Repo, ref: string, caller: Caller, merging = false): Rule[] {
  return setsFor(repo, ref)
    .filter((set) => !bypasses(set, caller, merging))
    .flatMap((set) => set.rules);
}

/** As `GET /rules/branches/{branch}` shows them: each rule with its source. */
export function describeRules(repo: Repo, ref: string): object[] {
  return setsFor(repo, ref).flatMap((set) =>
    set.rules.map((rule) => ({
      ...rule,
      ruleset_source_type: 'Repository',
      ruleset_source: repo.fullName,
      ruleset_id: set.id,
    })),
  );
}

/**
 * Why a direct change of a ref (a push, or the API) is refused; empty when it is not. Force pushes are judged where the
 * objects are: by the hook, and by `moveRefs`.
 */
export function violations(repo: Repo, change: RefChange, caller: Caller): string[] {
  const [creates, deletes] = [change.before === NO_OID, change.after === NO_OID];
  return rulesFor(repo, change.ref, caller).flatMap((rule): string[] => {
    if (rule.type === 'deletion') return deletes ? ['Cannot delete this branch'] : [];
    if (deletes) return [];
    if (rule.type === 'creation') return creates ? ['Cannot create ref due to creations being restricted.'] : [];
    if (rule.type === 'update') return creates ? [] : ['Cannot update this protected ref.'];
    if (rule.type === 'pull_request') return ['Changes must be made through a pull request.'];
    if (rule.type === 'required_status_checks') {
      return creates && rule.parameters?.do_not_enforce_on_create === true ? [] : checkText(repo, change.after, rule);
    }
    return [];
  });
}

/** Why a pull request may not be merged; empty when it may. */
export function mergeViolations(repo: Repo, pull: Pull, caller: Caller): string[] {
  return rulesFor(repo, `refs/heads/${pull.base.ref}`, caller, true).flatMap((rule): string[] => {
    if (rule.type === 'required_status_checks') return checkText(repo, pull.head.sha, rule);
    if (rule.type === 'update') return ['Cannot update this protected ref.'];
    if (rule.type !== 'pull_request') return [];
    const wanted = Number(rule.parameters?.required_approving_review_count ?? 0);
    if (approvals(repo, pull, rule.parameters?.dismiss_stale_reviews_on_push === true) >= wanted) return [];
    return [
      `At least ${wanted} approving review${wanted === 1 ? ' is' : 's are'} required by reviewers with write access.`,
    ];
  });
}

/** True when a rule wants the head of a pull request to hold all of its base. */
export function wantsUpToDate(repo: Repo, ref: string, caller: Caller): boolean {
  return rulesFor(repo, ref, caller, true).some(
    (rule) => rule.type === 'required_status_checks' && rule.parameters?.strict_required_status_checks_policy === true,
  );
}

/** The message of a refusal over REST and GraphQL. */
export function violationText(why: readonly string[]): string {
  return `Repository rule violations found\n\n${why.join('\n\n')}\n\n`;
}

function approvals(repo: Repo, pull: Pull, onlyHead: boolean): number {
  const last = new Map<string, string>();
  for (const review of repo.reviews) {
    if (review.pull !== pull.number || review.user.login === pull.user.login) continue;
    if (onlyHead && review.commit_id !== pull.head.sha) continue;
    if (review.state !== 'COMMENTED') last.set(review.user.login, review.state);
  }
  return [...last.values()].filter((state) => state === 'APPROVED').length;
}

type CheckState = 'ok' | 'expected' | 'failing' | 'in progress';

function checkText(repo: Repo, sha: string, rule: Rule): string[] {
  const wanted = (rule.parameters?.required_status_checks ?? []) as { context: string; integration_id?: number }[];
  const open = wanted
    .map((check) => ({ context: check.context, state: checkState(repo, sha, check.context, check.integration_id) }))
    .filter((check) => check.state !== 'ok');
  const first = open[0];
  if (first === undefined) return [];
  if (wanted.length === 1) return [`Required status check "${first.context}" is ${first.state}.`];
  if (open.every((check) => check.state === 'expected')) {
    return [`${open.length} of ${wanted.length} required status checks are expected.`];
  }
  const counts = (['expected', 'failing', 'in progress'] as const)
    .map((state) => ({ state, count: open.filter((check) => check.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  return [`${open.length} of ${wanted.length} required status checks have not succeeded: ${counts.join(' and ')}.`];
}

// A check counts only when it comes from the App that the rule names: anyone with `statuses: write` could post that name.
function checkState(repo: Repo, sha: string, context: string, appId: number | undefined): CheckState {
  const from = (one: { app: { id: number } | null }): boolean => appId === undefined || one.app?.id === appId;
  const check = repo.checks.findLast((c) => c.head_sha === sha && c.name === context && from(c));
  if (check !== undefined) {
    if (check.status !== 'completed') return 'in progress';
    return ['success', 'neutral', 'skipped'].includes(check.conclusion ?? '') ? 'ok' : 'failing';
  }
  const status = repo.statuses.findLast((s) => s.sha === sha && s.context === context && from(s));
  if (status === undefined) return 'expected';
  return status.state === 'success' ? 'ok' : status.state === 'pending' ? 'in progress' : 'failing';
}

function setsFor(repo: Repo, ref: string): Ruleset[] {
  const target = ref.startsWith('refs/tags/') ? 'tag' : 'branch';
  return repo.rulesets.filter((set) => set.enforcement === 'active' && set.target === target && covers(set, ref, repo));
}

function covers(set: Ruleset, ref: string, repo: Repo): boolean {
  const matches = (pattern: string): boolean =>
    pattern === '~ALL' ||
    (pattern === '~DEFAULT_BRANCH' ? ref === `refs/heads/${repo.defaultBranch}` : glob(pattern).test(ref));
  const names = set.conditions?.ref_name;
  return (names?.include ?? ['~DEFAULT_BRANCH']).some(matches) && !(names?.exclude ?? []).some(matches);
}

// File.fnmatch with FNM_PATHNAME, as GitHub reads these patterns: `*` stops at a slash, `**/` does not.
function glob(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*|\?|[.+^${}()|[\]\\]/g, (part) =>
    part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : part === '?' ? '[^/]' : `\\${part}`,
  );
  return new RegExp(`^${source}$`);
}

function bypasses(set: Ruleset, caller: Caller, merging: boolean): boolean {
  if (!isToken(caller)) return false;
  return (set.bypass_actors ?? []).some((actor) => {
    if (actor.bypass_mode === 'pull_request' && !merging) return false;
    if (actor.actor_type === 'Integration') return caller.appId !== undefined && caller.appId === actor.actor_id;
    return (
      (actor.actor_type === 'OrganizationAdmin' || actor.actor_type === 'RepositoryRole') && caller.kind === 'admin'
    );
  });
}
