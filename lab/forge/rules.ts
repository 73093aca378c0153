/** Rulesets: which rule stands over a branch, and whether a change keeps it. */
import type { Pull, Repo } from './store.ts';
import type { Token } from './tokens.ts';

export interface Ruleset {
  id: number;
  name: string;
  target: string;
  enforcement: string;
  conditions?: { ref_name?: { include?: string[]; exclude?: string[] } };
  rules: { type: string; parameters?: Record<string, unknown> }[];
  bypass_actors?: { actor_id?: number; actor_type: string; bypass_mode?: string }[];
}

/** The active rules over a ref for one who may not bypass them. */
export function rulesFor(repo: Repo, ref: string, token: Token | 'none'): Ruleset['rules'] {
  return repo.rulesets
    .filter((set) => set.enforcement === 'active' && covers(set, ref, repo) && !bypasses(set, token))
    .flatMap((set) => set.rules);
}

/** Lines `<rule> <ref>` for the pre-receive hook. */
export function pushRules(repo: Repo, token: Token | 'none', refs: readonly string[]): string {
  return refs.flatMap((ref) => rulesFor(repo, ref, token).map((rule) => `${rule.type} ${ref}`)).join('\n');
}

/** Why a pull request may not be merged, or undefined. The words are GitHub's. */
export function mergeRefusal(repo: Repo, pull: Pull, token: Token): string | undefined {
  for (const rule of rulesFor(repo, `refs/heads/${pull.base.ref}`, token)) {
    if (rule.type !== 'required_status_checks') continue;
    const wanted = (rule.parameters?.required_status_checks ?? []) as { context: string }[];
    for (const { context } of wanted) {
      const conclusion = checkState(repo, pull.head.sha, context);
      if (conclusion === 'success' || conclusion === 'neutral' || conclusion === 'skipped') continue;
      return `Repository rule violations found\n\nRequired status check "${context}" is ${conclusion === undefined ? 'expected' : 'failing'}.`;
    }
  }
  return undefined;
}

function checkState(repo: Repo, sha: string, context: string): string | undefined {
  const check = repo.checks.findLast((c) => c.head_sha === sha && c.name === context);
  if (check !== undefined) return check.conclusion ?? 'pending';
  return repo.statuses.findLast((s) => s.sha === sha && s.context === context)?.state;
}

function covers(set: Ruleset, ref: string, repo: Repo): boolean {
  const matches = (pattern: string): boolean =>
    pattern === '~ALL' ||
    (pattern === '~DEFAULT_BRANCH' && ref === `refs/heads/${repo.defaultBranch}`) ||
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('**', '.+')
        .replace(/(?<!\.)\*/g, '[^/]*')}$`,
    ).test(ref);
  const names = set.conditions?.ref_name;
  return (names?.include ?? ['~DEFAULT_BRANCH']).some(matches) && !(names?.exclude ?? []).some(matches);
}

function bypasses(set: Ruleset, token: Token | 'none'): boolean {
  if (token === 'none') return false;
  return (set.bypass_actors ?? []).some(
    (actor) =>
      (actor.actor_type === 'Integration' && token.kind === 'app') ||
      ((actor.actor_type === 'OrganizationAdmin' || actor.actor_type === 'RepositoryRole') && token.kind === 'admin'),
  );
}
