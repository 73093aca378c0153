/** What the links say together. Pure. */
import type { ErrorCode } from '../runner/index.ts';
import type { Link, LinkName } from './links.ts';

export interface Verdict {
  /** 0 all ok, 1 something is wrong, 2 something is missing. */
  exit: 0 | 1 | 2;
  verdict: 'ok' | 'mismatch' | 'missing';
  /** The first broken link in the order of the chain. */
  broken: Link | undefined;
  code: ErrorCode | undefined;
}

const CODES: Readonly<Record<LinkName, ErrorCode>> = {
  pod: 'E_AUDIT_POD',
  digest: 'E_AUDIT_DIGEST',
  image: 'E_AUDIT_IMAGE',
  handoff: 'E_AUDIT_HANDOFF',
  source: 'E_AUDIT_SOURCE',
  run: 'E_AUDIT_RUN',
  attestation: 'E_AUDIT_ATTESTATION',
  values: 'E_AUDIT_VALUES',
};

/**
 * A mismatch anywhere weighs more than something missing; the link that is named is the first broken one all the same.
 * @param strict takes `unverified` for missing
 */
export function judge(links: readonly Link[], { strict }: { strict: boolean }): Verdict {
  const isBroken = ({ status }: Link): boolean =>
    status === 'mismatch' || status === 'missing' || (strict && status === 'unverified');
  // No link at all proves nothing.
  if (links.length === 0) return { exit: 2, verdict: 'missing', broken: undefined, code: undefined };
  const broken = links.find(isBroken);
  if (broken === undefined) return { exit: 0, verdict: 'ok', broken: undefined, code: undefined };
  const wrong = links.some(({ status }) => status === 'mismatch');
  return {
    exit: wrong ? 1 : 2,
    verdict: wrong ? 'mismatch' : 'missing',
    broken,
    code: CODES[broken.name],
  };
}
