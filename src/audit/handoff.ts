/** The commit of the config repository that first asked for a digest. The search is pure; the forge brings the commits. */
import { parseBlocks } from '../bump-helm-tag/trailers.ts';
import type { CommitFacts, Forge } from './forge.ts';
import { type Evidence, type Link, linkOf } from './links.ts';

export interface Handoff {
  commit: CommitFacts;
  bumpId: string;
  deliveryId: string;
  imageRef: string;
  /** Values file that got the image. */
  file: string;
  sourceRepository: string;
  sourceRevision: string;
  sourceRef: string;
  workflowRun: string;
}

/** Commits that are looked through: a hundred a request. */
const MAX_PAGES = 200;

/** What a commit says of a digest; undefined when it does not ask for it. */
export function handoffIn(commit: CommitFacts, digest: string): Handoff | undefined {
  for (const block of parseBlocks(commit.message)) {
    const target = block.targets.find(({ kind, value }) => kind === 'image' && value.endsWith(`@${digest}`));
    if (target === undefined) continue;
    const lines = linesOf(commit.message, block.bumpId);
    return {
      commit,
      bumpId: block.bumpId,
      deliveryId: lines.get('Delivery-Id') ?? '',
      imageRef: target.value,
      file: target.id.split('#')[0] ?? '',
      sourceRepository: block.sourceRepository,
      sourceRevision: block.sourceRevision,
      sourceRef: lines.get('Source-Ref') ?? '',
      workflowRun: lines.get('Workflow-Run') ?? '',
    };
  }
  return undefined;
}

/**
 * Trailers of one block beyond those of `parseBlocks`, which has found it well-formed. A bump of several builds has one block
 * for each, and what the user added stands once, at the end.
 */
function linesOf(message: string, bumpId: string): Map<string, string> {
  const paragraph =
    message
      .replaceAll('\r\n', '\n')
      .trimEnd()
      .split(/\n[ \t]*\n/)
      .at(-1) ?? '';
  const found = new Map<string, string>();
  let inside = false;
  for (const line of paragraph.split('\n')) {
    const at = line.indexOf(': ');
    const [key, value] = [line.slice(0, at), line.slice(at + 2)];
    if (key === 'Bump-Id') inside = value === bumpId;
    if ((inside || key === 'Delivery-Id') && !found.has(key)) found.set(key, value);
  }
  return found;
}

/** The oldest and the newest handoff of a digest. */
export interface Found {
  first: Handoff;
  newest: Handoff;
}

/** @returns undefined when no commit names the digest; `looked` is how many were read, and `all` whether that was the whole history */
export async function findHandoff(
  forge: Forge,
  head: string,
  digest: string,
): Promise<{ found: Found | undefined; looked: number; all: boolean }> {
  let found: Found | undefined;
  let looked = 0;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const commits = (await forge.commits(head, page)) ?? [];
    if (commits.length === 0) return { found, looked, all: true };
    looked += commits.length;
    for (const commit of commits) {
      const handoff = handoffIn(commit, digest);
      if (handoff !== undefined) found = { first: handoff, newest: found?.newest ?? handoff };
    }
  }
  return { found, looked, all: false };
}

/** A signature that was looked at and does not hold; for every other reason there is none, or nobody could tell. */
const FORGED = new Set(['invalid', 'malformed_signature', 'not_signing_key', 'bad_email', 'bad_cert', 'ocsp_revoked']);

/** The link `handoff`. */
export function handoffLink(handoff: Handoff): Link {
  const { ok, mismatch, unverified } = linkOf('handoff');
  const { commit } = handoff;
  const evidence: Evidence = [
    ['commit', commit.sha],
    ['author', commit.author],
    ['verified', commit.verified ? 'true' : `false (${commit.reason})`],
    ['Delivery-Id', handoff.deliveryId],
    ['Bump-Id', handoff.bumpId],
    ['Image-Ref', handoff.imageRef],
  ];
  if (commit.verified) return ok(evidence);
  if (FORGED.has(commit.reason)) return mismatch('its signature does not hold', evidence);
  return unverified('the forge does not vouch for its author', evidence);
}
