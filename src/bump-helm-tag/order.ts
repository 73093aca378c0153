/** The order guard: an older build never writes over a newer one. Ancestry decides, never run numbers or clocks. */
import type { LoggedCommit, Relation, Snapshot } from './config-repository.ts';
import { parseBlocks } from './trailers.ts';

/** Who set a target last, as far as it can be known. */
export type Owner =
  | { kind: 'revision'; revision: string; repository: string; by: 'file' | 'trailer' | 'tag' }
  | { kind: 'hand-edited'; revision: string; repository: string }
  | { kind: 'none' };

export interface OwnedSite {
  id: string;
  /** Value of a `revision` key, '' when there is none. */
  revision: string;
  /** Current tag of an image; '' for a scalar. */
  tag: string;
  /** Nothing stands there: nobody owns nothing. */
  empty: boolean;
  /** True when the logged value means what the file says now. */
  matches(logged: string): boolean;
}

/** Looks into the recent commits first, and only when they do not tell into all of them. */
export async function searchOwner(site: OwnedSite, snapshot: Pick<Snapshot, 'log'>): Promise<Owner> {
  if (site.empty || FULL.test(site.revision)) return findOwner(site, []);
  const owner = findOwner(site, await snapshot.log());
  // A commit at the end of a tag is a guess; what a handoff has recorded, however long ago, is not.
  const recorded = owner.kind === 'hand-edited' || (owner.kind === 'revision' && owner.by !== 'tag');
  return recorded ? owner : findOwner(site, await snapshot.log(true));
}

const FULL = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * First that answers: the `revision` key beside the image; the newest logged block that lists the target and whose value is
 * what the file says now; a commit at the end of the tag.
 */
export function findOwner(site: OwnedSite, log: readonly LoggedCommit[]): Owner {
  if (site.empty) return { kind: 'none' };
  if (FULL.test(site.revision)) return { kind: 'revision', revision: site.revision, repository: '', by: 'file' };
  for (const commit of log) {
    for (const block of parseBlocks(commit.message)) {
      const target = block.targets.find((t) => t.id === site.id);
      if (target === undefined || block.sourceRevision === '') continue;
      const facts = { revision: block.sourceRevision, repository: block.sourceRepository };
      return site.matches(target.value)
        ? { kind: 'revision', ...facts, by: 'trailer' }
        : { kind: 'hand-edited', ...facts };
    }
  }
  const inTag = /(^|[._-])([0-9a-f]{7,64})$/.exec(site.tag)?.[2];
  return inTag === undefined ? { kind: 'none' } : { kind: 'revision', revision: inTag, repository: '', by: 'tag' };
}

export type Decision =
  | { kind: 'write'; note: '' | 'unknown' | 'ahead' | 'identical' | 'downgrade' }
  | { kind: 'superseded' }
  | { kind: 'fail'; code: 'E_HISTORY_DIVERGED' | 'E_OWNER_UNREADABLE' | 'E_SOURCE_UNREADABLE'; why: string };

/**
 * @param relation of the owner (base) to ours (head)
 * @param by how the owner was found: a commit guessed from a tag may be none at all
 */
export function decide(relation: Relation, by: 'file' | 'trailer' | 'tag', allowDowngrade: boolean): Decision {
  if (relation === 'ahead' || relation === 'identical') return { kind: 'write', note: relation };
  if (by === 'tag' && relation === 'base-unknown') return { kind: 'write', note: 'unknown' };
  if (relation === 'head-unknown')
    return {
      kind: 'fail',
      code: 'E_SOURCE_UNREADABLE',
      why: 'the commit of this build cannot be read in the source repository',
    };
  if (allowDowngrade) return { kind: 'write', note: 'downgrade' };
  if (relation === 'behind') return { kind: 'superseded' };
  if (relation === 'diverged')
    return { kind: 'fail', code: 'E_HISTORY_DIVERGED', why: 'the build that stands there and this one have diverged' };
  return {
    kind: 'fail',
    code: 'E_OWNER_UNREADABLE',
    why: 'the commit of the build that stands there is gone from the source repository',
  };
}
