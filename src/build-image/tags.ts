/** Tag rules -> tags. */
import semver from 'semver';
import { isTag } from '../oci/index.ts';
import { ActionError } from '../runner/index.ts';
import { nearest, oneLine } from '../text/index.ts';
import type { EventFacts } from './event.ts';
import { toTag } from './tag-name.ts';

export interface PlannedTag {
  tag: string;
  rule: string;
  immutable: boolean;
}

export interface TagFacts {
  event: EventFacts;
  revision: string | undefined;
  /** Unix seconds. */
  commitTime: number | undefined;
  /** Source key; undefined when a base could not be resolved. */
  key: string | undefined;
}

/** `auto`: as the rule says. Globs (`*` only) are matched on the whole tag. */
export type ImmutableTags = 'auto' | 'all' | 'none' | readonly string[];

/** A tag, or the reason why the rule does not apply. */
type Result = { tag: string; immutable: boolean } | { skipped: string };

const RULES: Readonly<Record<string, (f: TagFacts) => Result>> = {
  sha: (f) => revisionTag(f, (revision) => `sha-${revision.slice(0, 12)}`),
  'sha-full': (f) => revisionTag(f, (revision) => revision),
  semver: (f) => version(f, (v) => fixed(v.raw.replace(/^v/, '').replaceAll('+', '_'))),
  'semver-minor': (f) => release(f, (v) => moving(`${v.major}.${v.minor}`)),
  'semver-major': (f) =>
    release(f, (v) =>
      v.major === 0 ? { skipped: 'a major tag for 0.x would promise too much' } : moving(`${v.major}`),
    ),
  'git-tag': ({ event }) =>
    event.gitTag === undefined ? { skipped: 'the run was not started by a git tag' } : fixed(toTag(event.gitTag)),
  content(f) {
    if (f.key !== undefined) return fixed(`c-${f.key.slice(0, 16)}`);
    throw new ActionError('E_BASE', {
      what: 'tag rule content',
      why: 'a base image could not be resolved, so the content is not known',
      fix: 'Make the base reachable, or pin it by digest',
    });
  },
  time(f) {
    if (f.commitTime === undefined || f.revision === undefined) {
      throw new ActionError('E_INPUT', {
        what: 'input tags',
        why: 'the rule time needs the time of the commit, which is not known here',
        fix: 'Check the repository out first, or use the rule sha',
      });
    }
    const stamp = new Date(f.commitTime * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
    return fixed(`${stamp}-${f.revision.slice(0, 12)}`);
  },
  branch: ({ event }) =>
    event.branch === undefined ? { skipped: 'the run was not started by a branch' } : moving(toTag(event.branch)),
  pr: ({ event }) =>
    event.pr === undefined ? { skipped: 'the run was not started by a pull request' } : moving(`pr-${event.pr}`),
  latest: ({ event }) =>
    event.name === 'push' && event.branch !== undefined && event.branch === event.defaultBranch
      ? moving('latest')
      : { skipped: 'the run is no push to the default branch' },
};

/**
 * The tags of this run, in the order of the rules, each once.
 * @throws ActionError E_TAG_RULE, E_TAG_INVALID, E_TAG_RESERVED, E_NO_TAG, E_INPUT (time), E_BASE (content)
 */
export function planTags(rules: readonly string[], facts: TagFacts, immutable: ImmutableTags): PlannedTag[] {
  const planned = new Map<string, PlannedTag>();
  const skipped: string[] = [];
  for (const rule of rules) {
    const result = apply(rule, facts);
    if ('skipped' in result) {
      skipped.push(`${rule}: ${result.skipped}`);
      continue;
    }
    const tag = facts.event.tier === 'pr' && rule !== 'pr' ? prTag(result.tag, facts.event.pr ?? 0) : result.tag;
    const old = planned.get(tag);
    const isImmutable = decideImmutable(tag, result.immutable, immutable) || (old?.immutable ?? false);
    planned.set(tag, { tag, rule, immutable: isImmutable });
  }
  if (planned.size === 0) {
    throw new ActionError('E_NO_TAG', {
      what: 'input tags',
      why: `no rule applies here: ${skipped.join('; ')}`,
      fix: 'Add the rule sha, which always applies',
    });
  }
  if (planned.size > 32) {
    throw new ActionError('E_INPUT', { what: 'input tags', why: `${planned.size} tags`, fix: 'Use at most 32' });
  }
  return [...planned.values()];
}

function apply(rule: string, facts: TagFacts): Result {
  if (rule.startsWith('raw:')) return rawTag(rule.slice('raw:'.length).trim());
  const known = Object.hasOwn(RULES, rule) ? RULES[rule] : undefined;
  if (known !== undefined) return known(facts);
  const near = nearest(rule, [...Object.keys(RULES), 'raw:']);
  throw new ActionError('E_TAG_RULE', {
    what: 'input tags',
    why: `"${oneLine(rule, 80)}" is no rule`,
    fix: near === undefined ? `Use one of ${Object.keys(RULES).join(', ')}, raw:<tag>` : `Did you mean ${near}?`,
  });
}

function rawTag(tag: string): Result {
  if (!isTag(tag)) {
    throw new ActionError('E_TAG_INVALID', {
      what: 'input tags',
      why: `"${oneLine(tag, 140)}" is not a valid tag`,
      fix: 'A tag has up to 128 letters, digits, and . _ - and does not start with . or -',
    });
  }
  if (/^(src|srcpr|run)-/.test(tag)) {
    throw new ActionError('E_TAG_RESERVED', {
      what: 'input tags',
      why: `${tag} has a prefix that this action uses itself (src-, srcpr-, run-)`,
      fix: 'Choose another tag',
    });
  }
  return moving(tag);
}

function revisionTag({ revision }: TagFacts, form: (revision: string) => string): Result {
  return revision === undefined ? { skipped: 'no commit is known (no .git, no GITHUB_SHA)' } : fixed(form(revision));
}

function version({ event }: TagFacts, form: (v: semver.SemVer) => Result): Result {
  if (event.gitTag === undefined) return { skipped: 'the run was not started by a git tag' };
  const parsed = semver.parse(event.gitTag);
  return parsed === null ? { skipped: `the git tag ${oneLine(event.gitTag, 80)} is no version` } : form(parsed);
}

function release(facts: TagFacts, form: (v: semver.SemVer) => Result): Result {
  return version(facts, (v) => (v.prerelease.length > 0 ? { skipped: 'a prerelease moves no other tag' } : form(v)));
}

function fixed(tag: string): Result {
  return { tag, immutable: true };
}

function moving(tag: string): Result {
  return { tag, immutable: false };
}

// No pull request may take the name of a release.
function prTag(tag: string, number: number): string {
  const prefixed = `pr-${number}-${tag}`;
  return prefixed.length > 128 ? toTag(prefixed) : prefixed;
}

function decideImmutable(tag: string, byRule: boolean, wanted: ImmutableTags): boolean {
  if (wanted === 'auto') return byRule;
  if (wanted === 'all' || wanted === 'none') return wanted === 'all';
  return wanted.some((glob) =>
    new RegExp(
      `^${glob
        .split('*')
        .map((part) => part.replace(/[.\\+?^$()[\]{}|]/g, '\\$&'))
        .join('.*')}$`,
    ).test(tag),
  );
}
