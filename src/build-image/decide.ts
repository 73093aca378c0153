/** The decision tables: is there something to build, and what happens to a tag. Pure. */
import type { Digest } from '../oci/index.ts';

/** How an image found in the registry relates to this run. */
export type Relation = 'ours' | 'same-source' | 'foreign' | 'unsound';

export interface Found {
  digest: Digest;
  relation: Relation;
  /** Revision label, for messages. */
  revision?: string | undefined;
}

export type Reuse = 'auto' | 'off' | 'only';

export interface ProbeFacts {
  staging: Found | undefined;
  /** Immutable tags that exist. */
  immutable: readonly (Found & { tag: string })[];
}

/** `stage`: the staging tag is to be written, because it is missing or names something useless. */
export type Decision =
  | { do: 'reuse'; digest: Digest; reason: string; baseMoved: boolean; stage: boolean }
  | { do: 'build'; reason: string; mustEqual?: Digest; damaged?: boolean; stage: boolean }
  | { do: 'conflict'; tag: string; digest: Digest; why: string }
  | { do: 'not-built' };

export function decide({ staging, immutable }: ProbeFacts, reuse: Reuse): Decision {
  const stranger = immutable.find((t) => t.relation === 'foreign' || t.relation === 'unsound');
  if (stranger !== undefined) {
    const built = stranger.revision === undefined ? 'without a revision label' : `built at ${stranger.revision}`;
    const why = stranger.relation === 'foreign' ? `it is another image, ${built}` : `it is damaged, ${built}`;
    return { do: 'conflict', tag: stranger.tag, digest: stranger.digest, why };
  }
  const [first] = immutable;
  const other = immutable.find((t) => t.digest !== first?.digest);
  if (first !== undefined && other !== undefined) {
    const why = `it has another digest than the immutable tag ${first.tag}`;
    return { do: 'conflict', tag: other.tag, digest: other.digest, why };
  }
  if (reuse === 'off') {
    const stage = staging === undefined;
    return { do: 'build', reason: 'reuse is off', stage, ...(first === undefined ? {} : { mustEqual: first.digest }) };
  }
  if (first !== undefined) {
    const baseMoved = immutable.every((t) => t.relation === 'same-source');
    // An image on other bases is not the one of this key: it must never wait under its name.
    const stage = !baseMoved && staging === undefined;
    return { do: 'reuse', digest: first.digest, reason: `tag ${first.tag}`, baseMoved, stage };
  }
  if (staging?.relation === 'ours') {
    return { do: 'reuse', digest: staging.digest, reason: 'staging tag', baseMoved: false, stage: false };
  }
  if (reuse === 'only') return { do: 'not-built' };
  if (staging === undefined) return { do: 'build', reason: 'no image of this source exists', stage: true };
  return { do: 'build', reason: 'the image kept for this source is damaged or foreign', damaged: true, stage: true };
}

export type TagAction = 'already' | 'put' | 'adopt' | 'conflict';

/** What to do for one tag, by what HEAD says. @param found undefined: the tag is missing */
export function nextTagAction(found: Found | undefined, immutable: boolean, digest: Digest): TagAction {
  if (found === undefined) return 'put';
  if (found.digest === digest) return 'already';
  if (!immutable) return 'put';
  return found.relation === 'ours' || found.relation === 'same-source' ? 'adopt' : 'conflict';
}
