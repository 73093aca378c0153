/** The links of the chain from a pod back to its source, and what can be said of each. */

/** In the order of the chain: the first broken one is what a reader has to look at. */
export const LINKS = ['pod', 'digest', 'image', 'handoff', 'source', 'run', 'attestation', 'values'] as const;
export type LinkName = (typeof LINKS)[number];

/**
 * `missing`: what should be there is not, or cannot be read. `mismatch`: it is there and says something else.
 * `unverified`: nothing speaks against it, and nobody vouches for it.
 */
export type Status = 'ok' | 'missing' | 'mismatch' | 'unverified';

/** A name and what was seen; as it was seen, so only for the writers of report.ts. */
export type Evidence = readonly (readonly [name: string, value: string])[];

export interface Link {
  name: LinkName;
  status: Status;
  /** Why it is not ok, without a full stop; '' when it is. */
  why: string;
  evidence: Evidence;
}

/** A link of one name, in the making. */
export interface LinkMaker {
  ok(evidence: Evidence): Link;
  missing(why: string, evidence?: Evidence): Link;
  mismatch(why: string, evidence?: Evidence): Link;
  unverified(why: string, evidence?: Evidence): Link;
}

export function linkOf(name: LinkName): LinkMaker {
  const make =
    (status: Status) =>
    (why: string, evidence: Evidence = []): Link => ({ name, status, why, evidence });
  return {
    ok: (evidence) => make('ok')('', evidence),
    missing: make('missing'),
    mismatch: make('mismatch'),
    unverified: make('unverified'),
  };
}

/** A link that hangs on an earlier one which is broken: it can be neither right nor wrong. */
export function unreached(name: LinkName, broken: LinkName): Link {
  return linkOf(name).unverified(`not looked at: it hangs on the link ${broken}`);
}
